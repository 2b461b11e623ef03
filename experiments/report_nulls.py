"""The report's table of nulls: every figure of a vector beside what directions without its meaning
reach by the same choosing."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan

import pandas as pd

from experiments.finding import Tables, number
from experiments.headline import words
from experiments.null_verdicts import beats, called, range_percent, range_words, steering_test
from experiments.plots.correlation import MAIN
from experiments.report_tables import Cell, Shown, interval
from experiments.sweep_rows import chosen_row, null_of_choosing, of_target, swept
from persona_vectors.null_figures import SIGNIFICANT, TAILS

HEADS = ("figure", "of the vector", "null", "its range", "p", "draws", "the vector")
CAPTION = (
    "The range is that of 95% of the draws, from the least to the greatest where there are fewer "
    f"than {TAILS}; a size or step is a single figure. Each null direction chose its layer on dev "
    "(steering: its layer, scope and coefficient) by the vector's rule, and p counts draws that "
    "reach as far by it, a correlation's in either direction; it is never below 1 / (draws + 1). "
    f"A null is beaten at p of {SIGNIFICANT} and below; of few directions all must be passed."
)


def nulls_table(tables: Tables) -> Shown | None:
    """A row a figure and null: correlations of every trait, then steering of every target. Of
    parts of the fine-tunes only the nulls that were drawn are listed."""
    rows = [*_correlations(tables["correlations"]), *_steering(tables["steering"])]
    return Shown(CAPTION, HEADS, tuple(rows)) if rows else None


def _correlations(correlations: pd.DataFrame) -> Iterator[tuple[Cell, ...]]:
    shown = correlations["what"].isin(MAIN) | correlations["draws"].ge(TAILS)
    for row in correlations[shown].to_dict("records"):
        if isnan(number(row, "r")) or isnan(number(row, "null_low")):
            continue
        place = f"layer {row['layer']}, {words(str(row['position']))}, on {words(str(row['on']))}"
        against = row["measure"] or f"judged {words(str(row['trait']))}"
        low, high, p = (number(row, name) for name in ("low", "high", "p"))
        yield (
            Cell(
                f"r of {words(str(row['trait']))} shift with {against}, {words(row['what'])}", place
            ),
            Cell(f"{row['r']:.2f}", interval(low, high, ".2f")),
            Cell(called(row)),
            Cell(range_words({**row, "p": float("nan")})),
            _p(p),
            Cell(str(row["draws"])),
            _verdict(beats(row)),
        )


def _steering(steering: pd.DataFrame) -> Iterator[tuple[Cell, ...]]:
    for organism in swept(steering):
        sweep = of_target(steering, organism)
        row = chosen_row(sweep, "report", "misaligned", "coherent")
        null = null_of_choosing(sweep, "misaligned", "coherent")
        if row is None:
            continue
        found = steering_test(number(row, "estimate"), null, away=bool(organism))
        if found is None:
            continue
        who = f"{words(organism)}, steered away" if organism else "base, steered towards"
        cell = f"layer {row['layer']}, {words(str(row['scope']))}, {row['coefficient']:g}"
        low, high = 100 * number(row, "low"), 100 * number(row, "high")
        yield (
            Cell(f"misaligned, % of coherent: {who}", cell),
            Cell(f"{100 * found.real:.1f}", interval(low, high, ".1f")),
            Cell("random directions"),
            Cell(range_percent(found)),
            _p(found.p),
            Cell(str(found.draws)),
            _verdict(found.beaten),
        )


def _p(p: float) -> Cell:
    return Cell("–", style="missing") if isnan(p) else Cell(f"{p:.2g}")


def _verdict(beaten: bool | None) -> Cell:
    if beaten is None:
        return Cell("–", style="missing")
    return Cell("beats it" if beaten else "does not beat it")
