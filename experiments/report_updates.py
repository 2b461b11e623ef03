"""The report's tables of update sizes: every final checkpoint, and each organism beside its control
of equal update."""

from __future__ import annotations

import pandas as pd

from experiments.asked import asked_in_rates
from experiments.equal_update import NEAR, SIZES, matches
from experiments.finding import Tables
from experiments.headline import MISALIGNED, finals, measured, named, pooled, words
from experiments.report_tables import Cell, Shown, rate_cell


def updates_table(tables: Tables) -> Shown | None:
    """KL, LoRA norm and misaligned rate of every final checkpoint, pooled over seeds."""
    updates = tables["updates"]
    if updates.empty:
        return None
    ordered = finals(named(updates))
    rates = pooled(measured(tables["rates"], MISALIGNED))
    found = {str(row["model"]): row for row in rates[rates["final"]].to_dict("records")}
    rows = []
    for model, block in ordered.groupby("model", sort=False):
        kind, rate = str(block["kind"].iloc[0]), found.get(str(model))
        rows.append(
            (
                Cell(str(model), words(kind), f"model {kind}"),
                _size(block["kl"], ".3f"),
                _size(block["lora_norm"], ".2f"),
                rate_cell(rate),
                Cell("–" if rate is None else str(rate["n"])),
            )
        )
    heads = ("model", SIZES["kl"], SIZES["lora_norm"], "misaligned of coherent", "n coherent")
    caption = (
        f"Final checkpoints; means over seeds, their range below. KL on {ordered['n'].max()} "
        "neutral answers of the base to open dev questions. Misaligned is a percentage over its "
        f"95% interval. {asked_in_rates(tables['rates'])}"
    )
    return Shown(caption, heads, tuple(rows))


def equal_update_table(tables: Tables) -> Shown | None:
    """Each organism's final rate beside that of its control where the update was as large."""
    rows = []
    for match in matches(tables):
        form = ".3f" if match.size == "kl" else ".2f"
        rows.append(
            (
                Cell(str(match.organism["model"]), f"n = {match.organism['n']}", "model organism"),
                Cell(SIZES[match.size]),
                Cell(format(match.wanted, form)),
                rate_cell(match.organism),
                Cell(str(match.control["model"]), f"step {match.control['step']}"),
                Cell(format(match.found, form), match.in_words),
                rate_cell(match.control),
                Cell(str(match.control["n"])),
            )
        )
    heads = (
        "organism, final",
        "size of the update",
        "its size",
        "misaligned of coherent",
        "control",
        "its size",
        "misaligned of coherent",
        "n coherent",
    )
    caption = (
        "The control's checkpoint nearest in size to the organism's final one, means over seeds; "
        f"sizes within {NEAR:.0%} count as equal. Percentages over 95% intervals. "
        f"{asked_in_rates(tables['rates'])}"
    )
    return Shown(caption, heads, tuple(rows)) if rows else None


def _size(values: pd.Series, form: str) -> Cell:
    if values.isna().all():
        return Cell("–", style="missing")
    low, high = format(values.min(), form), format(values.max(), form)
    return Cell(format(values.mean(), form), f"{low} – {high}" if len(values) > 1 else "")
