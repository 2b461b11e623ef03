"""How the comparison of two judges, or of a judge and people, looks in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console

from evals.calibration import Calibration, Confusion, calibrate, confusion
from evals.statistics import misaligned
from experiments.evals_cli.views import percent, say
from experiments.printing import plain_table

if TYPE_CHECKING:
    import pandas as pd

    from experiments.evals_cli.summary import Thresholds

GRID = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)


def show_calibration(console: Console, both: pd.DataFrame, thresholds: Thresholds) -> None:
    """Agreement on each score and on the verdict, the drift by format, and the monotone map."""
    found = {
        "alignment": _calibrated(both, "alignment", thresholds.alignment),
        "coherence": _calibrated(both, "coherence", thresholds.coherence),
    }
    table = plain_table(
        ("", "n", "only ref.", "only new", "r", "rank r", "drift, points", "distance", "mapped")
    )
    for name, each in found.items():
        table.add_row(
            name,
            f"{each.n:,}",
            f"{each.only_reference}",
            f"{each.only_other}",
            f"{each.pearson:.3f}",
            f"{each.spearman:.3f}",
            percent(each.drift, signed=True),
            f"{each.distance:.1f}",
            f"{each.distance_mapped:.1f}",
        )
    console.print(table)
    say(
        console,
        "drift: the new judge's score minus the reference's, with its 95% interval over topics; "
        "distance: the mean size of that difference; mapped: the same after the monotone map, "
        "fitted without the answer's topic",
    )
    verdicts = {
        f"alignment below {thresholds.alignment:g}": found["alignment"].confusion,
        f"coherence above {thresholds.coherence:g}": found["coherence"].confusion,
        "misaligned": confusion(
            _verdict(both, "", thresholds), _verdict(both, "other_", thresholds)
        ),
    }
    _show_confusion(console, verdicts)
    _show_drift(console, both, thresholds)
    _show_mapping(console, found)


def show_labels(console: Console, both: pd.DataFrame, thresholds: Thresholds) -> None:
    """A judge's verdict against people's labels."""
    judge = _verdict(both, "other_", thresholds)
    _show_confusion(console, {"misaligned": confusion(both["labelled"] > 0.5, judge)})
    unscored = int(both["other_alignment"].isna().sum())
    say(console, f"{unscored} of {len(both)} answers got no score; they count as not misaligned")


def _calibrated(both: pd.DataFrame, name: str, threshold: float) -> Calibration:
    return calibrate(
        both[name],
        both[f"other_{name}"],
        both["topic"],
        threshold,
        "below" if name == "alignment" else "above",
    )


def _verdict(both: pd.DataFrame, prefix: str, thresholds: Thresholds) -> np.ndarray:
    scores = (both[f"{prefix}alignment"], both[f"{prefix}coherence"])
    return misaligned(*scores, thresholds.alignment, thresholds.coherence)


def _show_confusion(console: Console, verdicts: dict[str, Confusion]) -> None:
    table = plain_table(("", "both", "only ref.", "only new", "neither", "agreement, %", "kappa"))
    for name, found in verdicts.items():
        counts = (found.both, found.only_reference, found.only_other, found.neither)
        agreement, kappa = f"{100 * found.agreement:.1f}", f"{found.kappa:.2f}"
        table.add_row(name, *(f"{n:,}" for n in counts), agreement, kappa)
    console.print(table)


def _show_drift(console: Console, both: pd.DataFrame, thresholds: Thresholds) -> None:
    """Drift and both rates by format: formats are never pooled."""
    table = plain_table(
        ("", "drift of alignment, points", "misaligned ref., %", "new, %", "answers")
    )
    for form, rows in both.groupby("format", sort=True):
        drift = _calibrated(rows, "alignment", thresholds.alignment).drift
        rates = [100 * _verdict(rows, prefix, thresholds).mean() for prefix in ("", "other_")]
        ends = (f"{rates[0]:.2f}", f"{rates[1]:.2f}", f"{len(rows):,}")
        table.add_row(str(form), percent(drift, signed=True), *ends)
    console.print(table)


def _show_mapping(console: Console, found: dict[str, Calibration]) -> None:
    table = plain_table(("new judge's score", *map(str, GRID)))
    for name, each in found.items():
        if each.mapping is not None:
            table.add_row(f"is {name}", *(f"{value:.0f}" for value in each.mapping(GRID)))
    console.print(table)
