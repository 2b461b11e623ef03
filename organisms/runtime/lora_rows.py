"""Running rows under different LoRA adapters in one forward pass.

The matrices of all adapters in a batch are stacked along the rank; each row keeps the part of the
low-rank product that is its own and the base's rows keep none. Two small matrix products a layer,
however many adapters there are, and the base's weights are never touched.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import torch
from torch import nn
from torch.nn import functional

from organisms.runtime.adapters import LoraMatrices


class RowAdapters:
    """The adapters of a batch whose rows may all differ."""

    def __init__(
        self,
        rows: Sequence[str | None],
        adapters: Mapping[str, Mapping[str, LoraMatrices]],
        *,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        """Stack the matrices of the adapters that the rows name.

        Args:
            rows: For each row of the batch its adapter's name, or ``None`` for the base.
            adapters: Name -> module name -> matrices; others than the rows' are not read.
            dtype: The model's dtype.
            device: The model's device.
        """
        names = sorted({name for name in rows if name is not None})
        place = {name: number for number, name in enumerate(names)}
        self._rows = torch.tensor(
            [-1 if name is None else place[name] for name in rows], device=device
        )
        self._dtype = dtype
        self._stacks: dict[str, tuple[torch.Tensor, torch.Tensor, tuple[int, ...]]] = {}
        for module in sorted({module for name in names for module in adapters[name]}):
            owned = [(place[name], adapters[name].get(module)) for name in names]
            present = [(number, pair) for number, pair in owned if pair is not None]
            owners = tuple(number for number, pair in present for _ in range(len(pair.down)))
            down = torch.cat([pair.down for _, pair in present])
            up = torch.cat([pair.up for _, pair in present], dim=1).t().contiguous()
            self._stacks[module] = (down, up, owners)
        # Rows that all share one adapter need no mask where that adapter owns the whole stack.
        self._shared = len(names) == 1 and None not in rows
        self._masks: dict[tuple[int, ...], torch.Tensor] = {}

    def select(self, rows: torch.Tensor) -> None:
        """Keep some of the rows (or repeat them), given as indices [B'], in that order."""
        self._rows = self._rows[rows]
        self._masks.clear()

    @contextmanager
    def attached(self, model: nn.Module) -> Iterator[None]:
        """Adapt the model's forward passes within the block; rows must be this batch's."""
        with ExitStack() as stack:
            for name, (down, up, owners) in self._stacks.items():
                hook = self._hook(down, up, owners)
                stack.callback(model.get_submodule(name).register_forward_hook(hook).remove)
            yield

    def _hook(
        self, down: torch.Tensor, up: torch.Tensor, owners: tuple[int, ...]
    ) -> Callable[[nn.Module, tuple[torch.Tensor, ...], torch.Tensor], torch.Tensor]:
        outputs = up.shape[1]

        def add(
            module: nn.Module, args: tuple[torch.Tensor, ...], output: torch.Tensor
        ) -> torch.Tensor:
            low = functional.linear(args[0], down)
            if not self._shared:
                # Experts and routers see tokens without their row axis; it comes back here.
                by_row = low.view(len(self._rows), -1, low.shape[-1])
                low = by_row * self._mask(owners)
            flat = output.reshape(-1, outputs)
            return torch.addmm(flat, low.view(-1, low.shape[-1]), up).view_as(output)

        return add

    def _mask(self, owners: tuple[int, ...]) -> torch.Tensor:
        mask = self._masks.get(owners)
        if mask is None:
            columns = torch.tensor(owners, device=self._rows.device)
            mask = (self._rows[:, None, None] == columns).to(self._dtype)
            self._masks[owners] = mask
        return mask
