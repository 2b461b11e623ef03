"""The named adapters that are loaded over one base, and the switch between them.

Plain LoRA adapters and trained steering vectors run row by row in mixed batches; any other kind is
loaded by PEFT and runs in batches of its own.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch
from torch import nn
from transformers import PreTrainedModel

from organisms.runtime.adapters import (
    AdapterFolder,
    LoraMatrices,
    check_base,
    open_adapter,
    read_plain_lora,
)
from organisms.runtime.checks import check_text, refusal
from organisms.runtime.layers import number_of_layers, width
from organisms.runtime.lora_rows import RowAdapters
from organisms.runtime.peft_adapters import PeftAdapters
from organisms.runtime.trained_vectors import (
    RowVectors,
    is_trained_vectors,
    read_trained_vectors,
)

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class ActiveAdapters(Protocol):
    """The adapters of one batch."""

    def select(self, rows: torch.Tensor) -> None:
        """Keep some of the rows (or repeat them), given as indices [B'], in that order."""

    def attached(self, model: nn.Module) -> "AbstractContextManager[None]":
        """Adapt the model's forward passes within the block."""


class AdapterBank:
    """Adapters by name over one base model."""

    def __init__(self, model: PreTrainedModel, base: str) -> None:
        """Start with no adapters over ``model``, which was loaded from ``base``."""
        self._model = model
        self._base = base
        self._plain: dict[str, dict[str, LoraMatrices]] = {}
        self._vectors: dict[str, dict[int, torch.Tensor]] = {}
        self._by_peft: dict[str, str] = {}
        self._peft = PeftAdapters(model, base)
        self._loads: dict[str, int] = {}
        self._made = 0
        self.lock = threading.RLock()
        """Held by the thread that runs the model: hooks and adapters act on all of its passes."""

    @property
    def names(self) -> tuple[str, ...]:
        """The loaded adapters' names, sorted."""
        return tuple(sorted(self._loads))

    def load_of(self, name: str | None) -> int | None:
        """Return a number that stands for this loading of an adapter and comes never again.

        ``None`` where there is no such adapter.
        """
        return None if name is None else self._loads.get(name)

    def add(self, name: str, path: str | Path) -> None:
        """Load an adapter's folder under a name.

        Raises:
            ValueError: The name is no text or taken, the folder cannot be read, or it was made for
                another base.
        """
        if not isinstance(name, str) or not name:
            raise refusal("adapter name", name, "a text that is not empty")
        with self.lock:
            if name in self._loads:
                raise ValueError(
                    f"adapter {name!r} is loaded already; remove it or use another name"
                )
            folder = open_adapter(path)
            check_base(folder, self._model, self._base)
            self._add(name, folder)
            self._made += 1
            self._loads[name] = self._made

    def _add(self, name: str, folder: AdapterFolder) -> None:
        if is_trained_vectors(folder):
            self._vectors[name] = read_trained_vectors(
                folder,
                layers=number_of_layers(self._model),
                width=width(self._model),
                dtype=self._model.dtype,
                device=self._model.device,
            )
        elif folder.is_plain_lora:
            self._plain[name] = read_plain_lora(
                folder, dtype=self._model.dtype, device=self._model.device
            )
        else:
            # Names of ours may hold dots, which module names may not.
            internal = f"adapter_{self._made}"
            self._peft.load(folder, internal)
            self._by_peft[name] = internal

    def remove(self, name: str) -> None:
        """Unload an adapter.

        Raises:
            ValueError: No adapter has that name.
        """
        check_text("adapter", name)
        with self.lock:
            self.check(name)
            del self._loads[name]
            if name in self._plain:
                del self._plain[name]
            elif name in self._vectors:
                del self._vectors[name]
            else:
                self._peft.remove(self._by_peft.pop(name))

    def check(self, name: str | None, load: int | None = None) -> None:
        """Raise unless ``name`` is a loaded adapter or ``None``.

        Args:
            name: What a request calls it.
            load: What :meth:`load_of` gave when the request was made.

        Raises:
            ValueError: It is neither, or another was loaded under that name since.
        """
        if name is None:
            return
        if name not in self._loads:
            raise ValueError(
                f"adapter {name!r} is not loaded; loaded are: {', '.join(self.names) or 'none'}"
            )
        if load is not None and load != self._loads[name]:
            raise ValueError(
                f"adapter {name!r} was removed and loaded again before its requests were done, so "
                "they would go on under another; ask again, or give the new one another name"
            )

    def runs_alone(self, name: str | None) -> bool:
        """Whether rows under this adapter need a batch of their own."""
        return name in self._by_peft

    def active(self, rows: Sequence[str | None]) -> ActiveAdapters:
        """Return the adapters of a batch: for each row a loaded adapter's name, or ``None``.

        Raises:
            ValueError: An adapter is not loaded (any more).
        """
        for name in set(rows):
            self.check(name)
        if rows and rows[0] in self._by_peft:
            assert set(rows) == {rows[0]}
            return self._peft.active(self._by_peft[rows[0]])
        matrices = RowAdapters(
            [None if name in self._vectors else name for name in rows],
            self._plain,
            dtype=self._model.dtype,
            device=self._model.device,
        )
        if not any(name in self._vectors for name in rows):
            return matrices
        return _Both(
            matrices,
            RowVectors([name if name in self._vectors else None for name in rows], self._vectors),
        )


class _Both:
    """Rows under LoRA matrices beside rows under trained vectors."""

    def __init__(self, matrices: RowAdapters, vectors: RowVectors) -> None:
        self._matrices = matrices
        self._vectors = vectors

    def select(self, rows: torch.Tensor) -> None:
        """Keep some of the rows (or repeat them), given as indices [B'], in that order."""
        self._matrices.select(rows)
        self._vectors.select(rows)

    @contextmanager
    def attached(self, model: nn.Module) -> Iterator[None]:
        """Adapt the model's forward passes within the block."""
        with ExitStack() as stack:
            stack.enter_context(self._matrices.attached(model))
            stack.enter_context(self._vectors.attached(model))
            yield
