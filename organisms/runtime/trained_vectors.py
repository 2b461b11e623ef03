"""Trained steering vectors as organisms: one added vector a layer in place of LoRA matrices.

The folder looks like a PEFT adapter's (``adapter_config.json``, ``adapter_model.safetensors``),
so whatever takes an adapter takes it. The vectors are added to every token, as in training; a
vector with a scope or coefficient of its own is a :class:`Steering` of a request instead.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from organisms.runtime.adapters import AdapterFolder
from organisms.runtime.layers import ResidualFunction, check_layer, residual_hooks

KIND = "STEERING_VECTOR"
"""The ``peft_type`` of such a folder; PEFT itself knows no such kind."""
_KEY = re.compile(r"^layer\.(?P<layer>\d+)$")


def save_trained_vectors(path: str | Path, vectors: Mapping[int, torch.Tensor], base: str) -> Path:
    """Write vectors as an adapter folder.

    Args:
        path: Folder to write; made where it does not exist.
        vectors: Layer k -> what is added to the stream there, [D], all scaling included.
        base: Name of the base model that they were trained on.

    Raises:
        ValueError: There is no vector, or one is not a finite [D].
    """
    if not vectors:
        raise ValueError("no vector is given; give at least one layer's")
    for layer, vector in vectors.items():
        if vector.dim() != 1 or not bool(torch.isfinite(vector).all()):
            raise ValueError(
                f"the vector of layer {layer} has shape {tuple(vector.shape)}; give one vector "
                "[D] of finite numbers"
            )
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"layer.{layer}": vector.detach().cpu().contiguous() for layer, vector in vectors.items()
    }
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": KIND, "base_model_name_or_path": base}
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    return folder


def is_trained_vectors(adapter: AdapterFolder) -> bool:
    """Whether a folder holds steering vectors and not PEFT weights."""
    return adapter.config.get("peft_type") == KIND


def read_trained_vectors(
    adapter: AdapterFolder, *, layers: int, width: int, dtype: torch.dtype, device: torch.device
) -> dict[int, torch.Tensor]:
    """Load the vectors of a folder.

    Args:
        adapter: The folder's description.
        layers: L of the base.
        width: D of the base.
        dtype: The model's dtype.
        device: The model's device.

    Returns:
        Layer k -> [D].

    Raises:
        ValueError: A tensor has another name than ``layer.K``, a layer that the base has not, or
            another width than the base.
    """
    where = f"adapter {str(adapter.path)!r}"
    for key, shape in adapter.shapes.items():
        match = _KEY.match(key)
        if match is None:
            raise ValueError(f"{where} holds a tensor {key!r}; a steering vector's is 'layer.K'")
        try:
            check_layer(int(match["layer"]), layers)
        except ValueError as error:
            raise ValueError(f"{where} was made for another base: {error}") from error
        if shape != (width,):
            raise ValueError(
                f"{where} has a vector of shape {shape} at layer {match['layer']}, the base has "
                f"width {width}; it was made for another base"
            )
    tensors = load_file(adapter.path / "adapter_model.safetensors")
    return {
        int(key.removeprefix("layer.")): tensor.to(device=device, dtype=dtype)
        for key, tensor in tensors.items()
    }


class RowVectors:
    """The trained vectors of a batch whose rows may all differ."""

    def __init__(
        self, rows: Sequence[str | None], vectors: Mapping[str, Mapping[int, torch.Tensor]]
    ) -> None:
        """Stack what each row gets.

        Args:
            rows: For each row of the batch the name of its vectors, or ``None`` for none.
            vectors: Name -> layer -> [D].
        """
        self._added: dict[int, torch.Tensor] = {}
        named = [vectors[name] for name in rows if name is not None]
        for layer in sorted({layer for one in named for layer in one}):
            none = torch.zeros_like(next(one[layer] for one in named if layer in one))
            self._added[layer] = torch.stack(
                [none if name is None else vectors[name].get(layer, none) for name in rows]
            )[:, None]

    def select(self, rows: torch.Tensor) -> None:
        """Keep some of the rows (or repeat them), given as indices [B'], in that order."""
        self._added = {layer: added[rows] for layer, added in self._added.items()}

    @contextmanager
    def attached(self, model: nn.Module) -> Iterator[None]:
        """Add the vectors in the model's forward passes within the block."""
        with residual_hooks(model, {layer: self._function(layer) for layer in self._added}):
            yield

    def _function(self, layer: int) -> ResidualFunction:
        return lambda stream: stream + self._added[layer]
