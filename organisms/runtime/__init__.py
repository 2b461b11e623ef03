"""One loaded language model that one can run, watch and steer under many conditions.

Knows models, adapters, chat templates and residual streams; knows nothing of traits, data sets or
evaluations. The names below import torch and transformers only when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from organisms.runtime.organism import Organism
    from organisms.runtime.requests import (
        Capture,
        Message,
        Request,
        Result,
        Sampling,
        TokenLogprob,
        Transcript,
    )
    from organisms.runtime.steering import Steering, steered

__all__ = [
    "Capture",
    "Message",
    "Organism",
    "Request",
    "Result",
    "Sampling",
    "Steering",
    "TokenLogprob",
    "Transcript",
    "steered",
]

_MODULES = {"Organism": "organism", "Steering": "steering", "steered": "steering"}


def __getattr__(name: str) -> object:
    """Import a public name from its module on first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'requests')}"), name)
