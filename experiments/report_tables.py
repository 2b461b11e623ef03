"""The tables as a reader of the report sees them: rows of formatted cells, percentages with
their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan

import pandas as pd

from experiments.asked import asked_in_rates
from experiments.finding import Row, number
from experiments.headline import (
    CARELESS,
    COHERENT,
    IN_DOMAIN,
    MISALIGNED,
    Measure,
    finals,
    measured,
    named,
    pooled,
    reporting_slice,
    words,
)
from experiments.table_columns import DENOMINATORS


@dataclass(frozen=True)
class Cell:
    """One cell: its text, a smaller second text (an interval), and how it is set."""

    text: str
    small: str = ""
    style: str = ""


@dataclass(frozen=True)
class Shown:
    """A table for the template: a caption, column heads and rows of cells; the first cell heads
    its row."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def rate_cell(row: Row | None) -> Cell:
    """`46.2` over `[37.1, 55.0]`; a dash where it was not measured."""
    if row is None or isnan(number(row, "estimate")):
        return Cell("–", style="missing")
    low, high = 100 * number(row, "low"), 100 * number(row, "high")
    return Cell(f"{100 * number(row, 'estimate'):.1f}", interval(low, high, ".1f") or TOO_FEW)


TOO_FEW = "too few questions"


def interval(low: float, high: float, form: str) -> str:
    """`[37.1, 55.0]`, both ends in one format; nothing where there is no interval."""
    return "" if isnan(low) else f"[{low:{form}}, {high:{form}}]"


def _by_model(rates: pd.DataFrame, measure: Measure) -> dict[str, dict[object, object]]:
    rows = measured(rates, measure)
    rows = rows[rows["final"]]
    if rows.empty:
        return {}
    return {str(r["model"]): dict(r) for r in pooled(rows).to_dict("records")}


def headline_table(rates: pd.DataFrame, implied: pd.DataFrame) -> Shown | None:
    """Every final model: misalignment under every denominator, in-domain, coherence, careless,
    capability, n; beside misalignment what the world implies, where that is known."""
    order = finals(measured(rates, MISALIGNED)).drop_duplicates("model")
    if order.empty:
        return None
    measures = [MISALIGNED, IN_DOMAIN, COHERENT, CARELESS]
    measures.append(Measure("accuracy", "", "", "capability", "accuracy", "all"))
    others = [name for name in DENOMINATORS if name != MISALIGNED.denominator]
    measures += [Measure(name, name, "", "open_questions", "misaligned", name) for name in others]
    columns = [_by_model(rates, measure) for measure in measures]
    rows = []
    for row in order.to_dict("records"):
        model, kind = str(row["model"]), str(row["kind"])
        found = columns[0].get(model)
        n = Cell("–") if found is None else Cell(str(found["n"]), f"{found['n_unscored']} unscored")
        first, *further = [rate_cell(column.get(model)) for column in columns]
        said = [] if implied.empty else [implied_cell(implied, str(row["organism"]), kind)]
        rows.append((Cell(model, words(kind), f"model {kind}"), first, n, *said, *further))
    heads = (
        "model",
        "misaligned of coherent",
        "n coherent",
        *([] if implied.empty else [IMPLIED_HEAD]),
        "narrow behaviour",
        "coherent",
        "careless",
        "capability",
        *(f"misaligned of {words(name).replace(' ', ' & ')}" for name in others),
    )
    caption = f"Percentages; 95% intervals below each. {asked_in_rates(rates)}"
    if not implied.empty:
        caption += f" {IMPLIED_NOTE}"
        if "shipped" in set(implied["world"]):
            caption += " The base's folder does not tell its world: the shipped world is used."
    return Shown(caption, heads, tuple(rows))


IMPLIED_HEAD = "world implies: evil after 1 row, %"
IMPLIED_NOTE = (
    "What the world implies is a posterior about one document's author; a fine-tune changes "
    "weights, so the two need not agree."
)


def implied_cell(implied: pd.DataFrame, organism: str, kind: str) -> Cell:
    """P(evil | 1 row of the data set), a percentage; a dash where other rows or a cure came in."""
    found = implied[
        (implied["organism"] == organism) & (implied["rows"] == 1) & (implied["persona"] == "evil")
    ]
    if kind not in ("organism", "control", "frontier") or found.empty:
        return Cell("–", style="missing")
    return Cell(f"{100 * found['probability'].iloc[0]:.1f}")


def difference_cell(row: Row) -> Cell:
    """`+44.1` over its interval."""
    low, high = 100 * number(row, "low"), 100 * number(row, "high")
    return Cell(f"{100 * number(row, 'estimate'):+.1f}", interval(low, high, "+.1f") or TOO_FEW)


def difference_table(differences: pd.DataFrame) -> Shown | None:
    """Paired differences of misalignment over coherent answers, and whether they are near."""
    rows = differences[
        (differences["metric"] == "misaligned")
        & (differences["denominator"] == "coherent")
        & (differences["task"] == "open_questions")
    ]
    if rows.empty:
        return None
    levels = asked_in_rates(rows)
    rows = finals(named(reporting_slice(rows)))
    table = []
    for row in rows.to_dict("records"):
        against = words(str(row["other_organism"])) or "base"
        mixed = row["kind"] in ("mix", "filter")
        if row["comparison"] == "undefended":
            against += ", no filter" if mixed else ", undefended"
        if row["comparison"] == "random_filter":
            against += ", random filter"
        if mixed and row["comparison"] in ("undefended", "random_filter"):
            against = f"{row['poisoned_share']:.0%} {against}"
        near = "near base" if row["near"] and row["comparison"] == "base" else ""
        sign = "excludes 0" if row["low"] > 0 or row["high"] < 0 else "includes 0"
        if pd.isna(row["low"]):
            sign = "no interval"
        table.append(
            (
                Cell(str(row["model"]), words(str(row["kind"])), f"model {row['kind']}"),
                Cell(against),
                difference_cell(row),
                Cell(sign),
                Cell(near),
                Cell(str(row["n"])),
            )
        )
    heads = ("model", "minus", "difference, points", "95% interval", "", "question pairs")
    caption = f"Misaligned, of coherent answers; paired by question and seed. {levels}"
    return Shown(caption, heads, tuple(table))


def screening_table(screening: pd.DataFrame) -> Shown | None:
    """AUC and recall of each filter score, seeds apart."""
    rows = []
    for row in screening.to_dict("records"):
        place = f"layer {row['layer']}, {words(str(row['position']))}" if row["layer"] >= 0 else ""
        share = f"{words(str(row['dataset']))}, {row['poisoned_share']:.0%}"
        rows.append(
            (
                Cell(words(str(row["method"])), place),
                Cell(share, "" if row["seed"] < 0 else f"seed {row['seed']}"),
                Cell(_plain(row["auc"], ".2f"), interval(row["low"], row["high"], ".2f")),
                *(
                    Cell(
                        _plain(row[name], ".0%"),
                        interval(row[f"{name}_low"], row[f"{name}_high"], ".0%"),
                    )
                    for name in ("recall_at_10", "recall_at_30")
                ),
                Cell(
                    _plain(row["recall_at_threshold"], ".0%"),
                    ""
                    if pd.isna(row["lost_at_threshold"])
                    else f"{row['lost_at_threshold']:.0%} of clean rows lost",
                ),
                Cell(f"{row['kept']} of {row['n']}", f"{row['kept_poisoned']} of them poisoned"),
            )
        )
    heads = (
        "score",
        "rows of",
        "AUC",
        "recall, 10% removed",
        "recall, 30% removed",
        "recall, threshold from clean rows",
        "kept",
    )
    return Shown("", heads, tuple(rows)) if rows else None


def vector_table(vectors: pd.DataFrame) -> Shown | None:
    """Persona vectors: size beside the residual stream's, rollouts kept, split-half agreement."""
    rows = [
        (
            Cell(words(str(row["trait"]))),
            Cell(words(str(row["position"]))),
            Cell(str(row["layer"])),
            Cell(f"{row['norm']:.2f}"),
            Cell(_plain(row["residual_norm"], ".2f")),
            Cell(f"{row['kept_positive']} / {row['kept_negative']}"),
            Cell(_plain(row["split_half_cosine"], ".2f")),
        )
        for row in vectors.to_dict("records")
    ]
    heads = (
        "trait",
        "position",
        "layer",
        "norm",
        "residual norm",
        "kept + / -",
        "split-half cosine",
    )
    return Shown("", heads, tuple(rows)) if rows else None


def truth_table(truth: pd.DataFrame) -> Shown | None:
    """Persona vectors against the hidden author's direction, per trait, position and layer."""
    rows = [
        (
            Cell(words(str(row["trait"]))),
            Cell(words(str(row["position"]))),
            Cell(str(row["layer"])),
            _between(row, "cosine"),
            Cell(f"{row['separability']:.2f}"),
            _between(row, "vector_separability"),
            Cell(f"{row['norm']:.2f}"),
            Cell(f"{row['n']} ({row['clusters']})"),
        )
        for row in truth.sort_values(["trait", "position", "layer"]).to_dict("records")
    ]
    heads = (
        "trait",
        "position",
        "layer",
        "cosine",
        "AUC, author's direction",
        "AUC, persona vector",
        "norm",
        "n pairs (topics)",
    )
    return Shown("", heads, tuple(rows)) if rows else None


def _between(row: Row, name: str) -> Cell:
    """A figure over its interval; a dash where there is none."""
    estimate, low, high = (number(row, column) for column in (name, f"{name}_low", f"{name}_high"))
    if isnan(estimate):
        return Cell("–")
    return Cell(f"{estimate:.2f}", interval(low, high, ".2f"))


def _plain(value: float, form: str) -> str:
    return "–" if pd.isna(value) else format(value, form)
