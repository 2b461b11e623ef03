"""How filters are told apart in figures: their order, and a colour and a marker each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from experiments.plots.style import INK

_SHADES: Mapping[str, str] = {
    "none": "#23272e",
    "projection_difference": "#a4262c",
    "judge": "#2f7d5b",
    "perplexity": "#7b4b94",
    "embedding": "#5b8db8",
    "length": "#c9861a",
    "random": "#7a828e",
    "oracle": "#23272e",
}
_MARKERS: Mapping[str, str] = {
    "none": "D",
    "projection_difference": "o",
    "judge": "P",
    "perplexity": "^",
    "embedding": "v",
    "length": "s",
    "random": "X",
    "oracle": "*",
}
_ORDER = tuple(_SHADES)
_HOLLOW = frozenset({"none"})


def ordered(methods: Iterable[str]) -> list[str]:
    """Methods in the order they are shown; unknown ones last, by name."""
    return sorted(set(methods), key=lambda m: (_ORDER.index(m) if m in _ORDER else len(_ORDER), m))


def shade(method: str) -> str:
    """The colour of a method."""
    return _SHADES.get(method, INK)


def marker(method: str) -> str:
    """The marker of a method."""
    return _MARKERS.get(method, "d")


def face(method: str) -> str:
    """What its marker is filled with; hollow where nothing is removed."""
    return "white" if method in _HOLLOW else shade(method)
