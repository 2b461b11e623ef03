"""How a `.pt` file of somebody else's is opened: tensors and plain values, never code."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from persona_vectors.vector import Floats, VectorError

if TYPE_CHECKING:
    import torch


def load_plain(path: str | Path) -> object:
    """What a file that `torch.save` wrote holds.

    Raises:
        VectorError: there is none, it is damaged, or it holds objects other than tensors and plain
            values, which only running its code would make.
    """
    import torch

    if not Path(path).is_file():
        raise VectorError(f"no file at {path}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise VectorError(
            f"{path} is damaged, or holds objects and not tensors alone; nothing in it is run: "
            "save the bare tensors where it was made, with torch.save(vector.float().cpu(), path), "
            f"or a dictionary of them ({str(error).splitlines()[0]})"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise VectorError(
            f"{path} is not a file of torch ({type(error).__name__}: {str(error).splitlines()[0]})"
        ) from error


def exact_floats(tensor: torch.Tensor, where: str) -> Floats:
    """A tensor as float32, which holds float16 and bfloat16 exactly.

    Raises:
        VectorError: it holds NaN or infinite values, or numbers that float32 would round.
    """
    import torch

    if not tensor.is_floating_point():
        raise VectorError(
            f"{where} has dtype {tensor.dtype}; a vector is of floating-point numbers"
        )
    values = tensor.detach().to(torch.float32)
    if not bool(torch.isfinite(values).all()):
        raise VectorError(f"{where} holds NaN or infinite values: make it again")
    if not bool((values.to(tensor.dtype) == tensor).all()):
        raise VectorError(
            f"{where} has dtype {tensor.dtype} and float32 would round it; round it yourself with "
            ".float() if that is what you want"
        )
    floats: Floats = np.asarray(values.numpy(), dtype=np.float32)
    return floats
