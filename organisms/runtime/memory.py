"""How many tokens a batch may hold: free memory, what tokens take of it, and halving on failure.

Knows devices and sizes; knows no rows' contents.
"""

import os
from pathlib import Path

import torch
from transformers import PreTrainedModel

from organisms.runtime.cache import WindowCache, make_cache
from organisms.runtime.forward import ForwardPass
from organisms.runtime.layers import number_of_layers, width

_SHARE = {"cpu": 0.25, "cuda": 0.6}
"""Of the free memory. The rest is for activations, and on a CPU for other workers."""
_MOST_TOKENS = {"cpu": 65_536}
"""Where larger batches are no faster. It also keeps the batches of a small model the same whatever
memory is free."""
_UNKNOWN = 4 * 2**30
"""Bytes taken for free where the system does not say."""
_CGROUP = Path("/sys/fs/cgroup")
_CGROUPS = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)


class TokenBudget:
    """The tokens that a batch may hold: rows times columns of its cache."""

    def __init__(self, tokens: int, row_tokens: int = 0) -> None:
        """Keep the numbers.

        Args:
            tokens: Most tokens.
            row_tokens: What a row takes beside its columns (logits and the like), in tokens.
        """
        self.tokens = tokens
        self._row_tokens = row_tokens

    def rows(self, columns: int) -> int:
        """Return how many rows of so many columns fit: one at least."""
        return max(1, self.tokens // (columns + self._row_tokens))

    def halve(self, rows: int, columns: int) -> None:
        """Allow half of a batch of ``rows`` rows of so many columns, which did not fit."""
        self.tokens = min(self.tokens, rows * (columns + self._row_tokens)) // 2


def budget_of(model: PreTrainedModel, size: int) -> TokenBudget:
    """Find how many tokens of ``size`` bytes fit into the memory that is free on a model's device.

    The number is a power of two, so that a little more or less of free memory changes nothing.
    """
    device = model.device.type
    tokens = max(1, int(free_bytes(model.device) * _SHARE.get(device, 0.25)) // size)
    vocabulary = model.get_output_embeddings().weight.shape[0]
    # Logits in the model's dtype, and four times in single precision while a token is drawn.
    row_tokens = vocabulary * (model.dtype.itemsize + 16) // size
    tokens = 1 << (tokens.bit_length() - 1)
    return TokenBudget(min(tokens, _MOST_TOKENS.get(device, tokens)), row_tokens)


def free_bytes(device: torch.device) -> int:
    """Return the bytes that can still be allocated on a device."""
    if device.type == "cuda":
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        free = torch.cuda.mem_get_info(device)[0]
        return int(free + held)
    return min(_system_free(), *(_cgroup_free(*names) for names in _CGROUPS))


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that an allocation failed, on any device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in text or "not enough memory" in text or "out of memory" in text
    )


def token_bytes(model: PreTrainedModel) -> int:
    """Return what one token takes in the key-value cache, found by reading one."""
    batch = make_cache(model.config)
    if not isinstance(batch, WindowCache):
        return 2 * number_of_layers(model) * width(model) * torch.finfo(model.dtype).bits // 8
    cache = batch.prompt_cache()
    one = torch.zeros((1, 1), dtype=torch.long, device=model.device)
    with torch.inference_mode():
        ForwardPass(model).logits(one, one == 0, one, cache=cache)
    states = [states for layer in cache.layers for states in (layer.keys, layer.values)]
    return sum(int(state.nbytes) for state in states)


def _system_free() -> int:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return _UNKNOWN


def _cgroup_free(limit: str, used: str) -> int:
    """Return what a container's limit leaves; a very large number where there is none."""
    root = _CGROUP
    try:
        return int((root / limit).read_text()) - int((root / used).read_text())
    except (OSError, ValueError):
        return 2**62
