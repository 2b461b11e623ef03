"""The page of a screening: what was done, how well, and the rows at both ends. Everything that a
row or a model wrote is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.answer_browser import cut
from experiments.pages import data_uri, fill_template

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Extreme:
    """A row at one end of the scores."""

    id: str
    score: float
    poisoned: bool | None
    """None: not known."""
    kept: bool | None
    """None: nothing was cut."""
    system: str
    prompt: str | list[Mapping[str, str]]
    answer: str
    own_answer: str | None
    """The base's; none in the cheap mode."""

    @property
    def texts(self) -> list[tuple[str, str]]:
        """Who says what, cut where it is long."""
        turns = [("system", self.system)] if self.system else []
        if isinstance(self.prompt, str):
            turns.append(("prompt", self.prompt))
        else:
            turns += [(turn["role"], turn["content"]) for turn in self.prompt]
        turns.append(("answer", self.answer))
        if self.own_answer is not None:
            turns.append(("the base's own answer", self.own_answer))
        return [(who, cut(text)) for who, text in turns]


def render(
    *,
    name: str,
    facts: Mapping[str, str],
    table: pd.DataFrame | None,
    svg: str | None,
    most: Sequence[Extreme],
    least: Sequence[Extreme],
) -> str:
    """The page as HTML.

    Args:
        name: Of the data set.
        facts: What was screened and how, in words.
        table: A row a method, where the truth is known.
        svg: The figure, where the truth is known.
        most: The most suspicious rows, the first one most.
        least: The least suspicious, the first one least.
    """
    return fill_template(
        "screening.html.j2",
        name=name,
        facts=facts,
        heads=[] if table is None else list(table.columns),
        rows=[] if table is None else table.to_numpy().tolist(),
        figure=None if svg is None else data_uri(svg),
        ends={"Most suspicious rows": most, "Least suspicious rows": least},
    )
