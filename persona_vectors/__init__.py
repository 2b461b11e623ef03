"""Directions of personas in the residual stream: extraction, files, shifts, screening, nulls.

Handed scored rollouts as a table; knows no judge, no eval and no fine-tuning. What most work
begins with can be imported from here: `from persona_vectors import PersonaVector, extract`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from persona_vectors.extraction import extract, extract_from
    from persona_vectors.null_figures import null
    from persona_vectors.projection import cosine, project
    from persona_vectors.screening import screen
    from persona_vectors.traits import load_trait
    from persona_vectors.vector import PersonaVector

__all__ = [
    "PersonaVector",
    "cosine",
    "extract",
    "extract_from",
    "load_trait",
    "null",
    "project",
    "screen",
]
_WHERE = {
    "PersonaVector": "vector",
    "cosine": "projection",
    "extract": "extraction",
    "extract_from": "extraction",
    "load_trait": "traits",
    "null": "null_figures",
    "project": "projection",
    "screen": "screening",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is asked for: the command line must start without its libraries."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
