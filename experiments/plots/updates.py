"""Misalignment against the size of the update: whether organisms are misaligned because they moved
far, or because of what moved them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from experiments.asked import asked_in_rates
from experiments.headline import MISALIGNED, finals, measured, named, pooled
from experiments.plots.style import (
    bottom_legend,
    counted,
    intervention_keys,
    key,
    point,
    quiet_style,
    top_note,
)

KINDS = ("control", "organism", "intervention")


def points(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a final fine-tune and seed: `kl` in nats per token, `estimate` in percent."""
    if tables["updates"].empty or tables["rates"].empty:
        return pd.DataFrame()
    join = ["model", "step", "seed"]
    rates = finals(measured(tables["rates"], MISALIGNED), KINDS)
    both = rates.merge(named(tables["updates"])[[*join, "kl"]], on=join)
    both["estimate"] *= 100
    return both[both["kl"].notna() & both["estimate"].notna()]


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure | None:
    """A dot for each final fine-tune and seed, and the base at 0 nats; None without updates."""
    found = points(tables)
    if found.empty:
        return None
    rates = measured(tables["rates"], MISALIGNED)
    base = pooled(rates[rates["kind"] == "base"])
    with quiet_style():
        figure = Figure(figsize=(7.2, 4.2), layout="constrained")
        axes = figure.subplots()
        for row in found.to_dict("records"):
            kind, cure = str(row["kind"]), str(row["intervention"])
            point(axes, row["kl"], row["estimate"], kind, 5.5, cure)
        for value in base["estimate"]:
            point(axes, 0.0, 100 * value, "base", 7.0)
        axes.set_xlabel("KL(fine-tune || base), nats per token of the base's neutral answers")
        axes.set_ylabel(MISALIGNED.axis)
        axes.set_ylim(bottom=-3)
        present = set(found["kind"])
        handles = [key("base", "base")] if len(base) else []
        handles += [key(kind, kind) for kind in ("organism", "control") if kind in present]
        handles += intervention_keys(found["intervention"])
        bottom_legend(figure, handles)
        top_note(figure, f"{asked_in_rates(tables['rates'])}\n{_answers(found, base)}".strip())
    return figure


def _answers(found: pd.DataFrame, base: pd.DataFrame) -> str:
    """`A dot: n = 30 to 40 coherent answers; the base: n = 80.`"""
    text = f"A dot: {counted(found['n'])} coherent answers"
    return f"{text}; the base: n = {int(base['n'].iloc[0])}." if len(base) else f"{text}."
