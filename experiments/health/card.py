"""The health card: everything known of an organism on one page, with its figure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from evals.statistics import Estimate
from experiments.health.flags import Raised, conditional, interval, raised
from experiments.health.from_logs import FromLogs
from experiments.health.from_run import FromRun, Shift
from experiments.health.measures import MEASURES, Reading

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Card:
    """What a card shows.

    Attributes:
        name: of the organism.
        facts: what it is made of, by name.
        readings: of every measure in order, also of those that were not measured.
        flags: with the rule that set each.
        cells: see `FromLogs.cells`.
        shifts: along persona vectors.
        notes: warnings, and what was left out.
    """

    name: str
    facts: dict[str, str]
    readings: tuple[Reading, ...]
    flags: tuple[Raised, ...]
    cells: pd.DataFrame
    shifts: tuple[Shift, ...]
    notes: tuple[str, ...]


def make_card(name: str, run: FromRun | None, logs: FromLogs | None) -> Card:
    """The card of an organism, from a run (which pools its seeds), from logs, or from both: what
    both measured is taken from the run."""
    run, logs = run or FromRun(), logs or FromLogs()
    found = {**logs.readings, **run.readings}
    known = {measure.key for measure in MEASURES}
    traits = [found[key] for key in sorted(set(found) - known)]
    readings = tuple(found.get(m.key, Reading(m, note="not measured")) for m in MEASURES)
    seeds = ", ".join(map(str, run.seeds))
    facts = {
        "base": " / ".join(dict.fromkeys(filter(None, (run.base, logs.base)))) or "not measured",
        "narrow domain": run.own_domain or logs.own_domain or "not known",
        "fine-tune seeds": seeds
        or "not known: one checkpoint, of which no interval holds for others",
    }
    if logs.model:
        facts["model in the logs"] = logs.model
    by_key = {each.measure.key: each for each in (*readings, *traits)}
    titles = {key: each.measure.title for key, each in by_key.items()}
    return Card(
        name,
        facts,
        (*readings, *traits),
        (*raised(by_key, titles), conditional(logs.cells)),
        logs.cells,
        run.shifts,
        (*run.notes, *logs.notes),
    )


def figure_of(card: Card) -> Figure:
    """The card's figure; flags that hold are in its title."""
    from experiments.plots.health_card import draw

    holding = [flag.name for flag in card.flags if flag.state == "yes"]
    title = f"{card.name}: {', '.join(holding) or 'no flag holds for certain'}"
    return draw(card.readings, card.cells, card.shifts, title)


def write_card(card: Card, out: Path) -> None:
    """Write the page, and its figure beside it as `.svg` and `.png`."""
    from experiments.plots.style import save

    svg = save(figure_of(card), out.parent, out.stem)
    out.write_text(page(card, svg), encoding="utf-8")


def page(card: Card, svg: str) -> str:
    """The card as HTML; every text of a model, a log or a run is escaped."""
    from experiments.pages import data_uri, fill_template

    return fill_template(
        "health_card.html.j2",
        card=card,
        figure=data_uri(svg),
        sections=_sections(card.readings),
        cells=[_cell(row) for row in card.cells.to_dict("records")],
        interval=interval,
        missing=[each for each in card.readings if each.organism is None],
    )


def _sections(readings: Sequence[Reading]) -> dict[str, list[Reading]]:
    found: dict[str, list[Reading]] = {}
    for each in readings:
        found.setdefault(each.measure.section, []).append(each)
    return found


def _cell(row: Mapping[Hashable, Any]) -> dict[str, str]:
    """The numbers of one condition, as the page says them."""
    rate = ("estimate", "low", "high")
    difference = ("difference", "difference_low", "difference_high")
    return {
        "name": str(row["cell"]),
        "rate": _interval(row, rate),
        "n": str(row["n"]),
        "difference": _interval(row, difference, signed=True),
        "base": _interval(row, [f"base_{name}" for name in difference], signed=True),
    }


def _interval(row: Mapping[Hashable, Any], names: Sequence[str], *, signed: bool = False) -> str:
    estimate, low, high = (float(row.get(name, nan)) for name in names)
    return interval(Estimate(estimate, low, high, n=0, clusters=0), signed=signed)
