"""What several runs measured, as one table: rows are measures, columns are runs.

It takes the runs' tables and returns frames; reading, printing and writing are in
`experiments.compare`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import pandas as pd

from experiments.asked import asked_in_rates
from experiments.finding import Row, number
from experiments.headline import COHERENT, IN_DOMAIN, MISALIGNED, finals, measured, pooled, words
from experiments.sweep_rows import chosen_row, null_of_choosing, of_target, swept, unsteered

READ = ("rates", "implied", "correlations", "screening", "steering", "truth")
"""The tables that are read."""
KEY = ("section", "measure", "unit")
FIELDS = ("estimate", "low", "high", "n", "text")
_KINDS = ("base", "organism", "intervention", "control", "mix", "filter")
_RECALLS = (
    ("auc", "AUC", "number"),
    ("recall_at_10", "recall, 10% removed", "share"),
    ("recall_at_30", "recall, 30% removed", "share"),
)


class Measured(NamedTuple):
    """One measure of one run; `low` and `high` are its interval, or the 95% range of a null."""

    section: str
    measure: str
    unit: Literal["share", "number", "text"]
    estimate: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    n: float = float("nan")
    text: str = ""


def side_by_side(runs: Mapping[str, Mapping[str, pd.DataFrame]]) -> pd.DataFrame:
    """One row a measure, in the order of the first run that has it.

    Args:
        runs: Name of a run -> its tables (`READ`), each as its schema says; those that it did not
            make may be empty.

    Returns:
        A frame whose index is (section, measure, unit) and whose columns are (run, field), with
        the fields estimate, low, high, n and text. Shares are fractions. A measure that a run
        lacks is NaN, or an empty text.
    """
    found = {
        run: {row[: len(KEY)]: row[len(KEY) :] for row in measures(tables)}
        for run, tables in runs.items()
    }
    sections = list(dict.fromkeys(key[0] for rows in found.values() for key in rows))
    keys = sorted(
        dict.fromkeys(key for rows in found.values() for key in rows),
        key=lambda key: sections.index(key[0]),
    )
    absent = (float("nan"),) * 4 + ("",)
    return pd.DataFrame(
        [[cell for rows in found.values() for cell in rows.get(key, absent)] for key in keys],
        index=pd.MultiIndex.from_tuples(keys, names=KEY),
        columns=pd.MultiIndex.from_product([list(runs), FIELDS], names=("run", "field")),
    )


def measures(tables: Mapping[str, pd.DataFrame]) -> Iterator[Measured]:
    """Everything of one run that is compared, each measure once."""
    asked = asked_in_rates(tables["rates"])
    if asked:
        yield Measured("asked", "questions", "text", text=asked)
    yield from _rates(tables["rates"])
    yield from _implied(tables["implied"])
    yield from _correlations(tables["correlations"])
    yield from _screening(tables["screening"])
    yield from _steering(tables["steering"])
    yield from _truth(tables["truth"])


def in_words(table: pd.DataFrame) -> pd.DataFrame:
    """The table as texts: columns section, measure, and one a run.

    Shares as percentages: `46.2 [37.1, 55.0] n 470`; a dash where a run lacks the measure.
    """
    runs = list(dict.fromkeys(table.columns.get_level_values("run")))
    rows = []
    for key, row in zip(table.index.to_list(), (row for _, row in table.iterrows()), strict=True):
        section, measure, unit = key
        cells = {run: _cell(row[run].to_dict(), str(unit)) for run in runs}
        rows.append({"section": section, "measure": measure, **cells})
    return pd.DataFrame(rows, columns=["section", "measure", *runs])


def _cell(found: Row, unit: str) -> str:
    if unit == "text":
        return str(found["text"]) or "–"
    scale, form = (100.0, ".1f") if unit == "share" else (1.0, ".2f")
    estimate, low, high = (scale * number(found, name) for name in ("estimate", "low", "high"))
    parts = []
    if estimate == estimate:
        parts.append(format(estimate, form))
    if low == low and high == high:
        parts.append(f"[{low:{form}}, {high:{form}}]")
    if not parts:
        return "–"
    count = number(found, "n")
    return " ".join([*parts, f"n {count:.0f}"] if count == count else parts)


def _of_row(section: str, measure: str, unit: Literal["share", "number"], row: Row) -> Measured:
    estimate, low, high, n = (number(row, name) for name in ("estimate", "low", "high", "n"))
    return Measured(section, measure, unit, estimate, low, high, n)


def _rates(rates: pd.DataFrame) -> Iterator[Measured]:
    for measure, section in (
        (MISALIGNED, "misaligned, % of coherent answers"),
        (COHERENT, "coherent, % of answers"),
        (IN_DOMAIN, "narrow behaviour, % of in-domain answers"),
    ):
        rows = measured(rates, measure)
        rows = rows[rows["final"] & rows["kind"].isin(_KINDS)]
        if not rows.empty:
            for row in finals(pooled(rows)).to_dict("records"):
                yield _of_row(section, str(row["model"]), "share", row)


def _implied(implied: pd.DataFrame) -> Iterator[Measured]:
    """What the world of a pocket base implies, beside which its rates are read."""
    chosen = implied[(implied["persona"] == "evil") & (implied["rows"] == 1)]
    for row in chosen.to_dict("records"):
        yield Measured(
            "the world implies: evil after 1 row",
            words(str(row["organism"])),
            "share",
            number(row, "probability"),
        )


def _correlations(correlations: pd.DataFrame) -> Iterator[Measured]:
    section = "shift and expression, r"
    groups = ["what", "trait", "on", "measure"]
    several = correlations.groupby([*groups, "null"])["r"].size().gt(1).any()
    groups += ["layer", "position"]
    for key, rows in correlations.groupby(groups, sort=False):
        what, trait, on, against, layer, position = key
        place = f"layer {layer}, {words(str(position))}"
        name = f"{words(str(trait))}, {words(str(what))}, on {words(str(on))}"
        if against:
            name += f", with {against}"
        name += f", {place}" if several else ""
        first = rows.iloc[0]
        r, low, high, n = (float(first[column]) for column in ("r", "low", "high", "n"))
        yield Measured(section, name, "number", r, low, high, n)
        yield Measured(section, f"{name}: read at", "text", text=place)
        for row in rows.to_dict("records"):
            null = f"{name}: null, {words(str(row['null']))}"
            low, high = number(row, "null_low"), number(row, "null_high")
            draws = number(row, "draws") or float("nan")
            if low == low:
                yield Measured(section, null, "number", low=low, high=high, n=draws)
            if row["p"] == row["p"]:
                yield Measured(section, f"{null}, p", "number", number(row, "p"))


def _screening(screening: pd.DataFrame) -> Iterator[Measured]:
    groups = ["dataset", "poisoned_share", "trait", "method"]
    for (dataset, share, trait, method), rows in screening.groupby(groups, sort=False):
        mix = f"{share:.3g} {words(str(dataset))}, {words(str(method))}"
        name = f"{mix} ({trait})" if trait else mix
        several = len(rows) > 1
        for column, title, unit in _RECALLS:
            interval = (float("nan"), float("nan"))
            if column == "auc" and not several:
                interval = (float(rows["low"].iloc[0]), float(rows["high"].iloc[0]))
            yield Measured(
                "screening, mean of seeds",
                f"{name}: {title}",
                "share" if unit == "share" else "number",
                float(rows[column].mean()),
                *interval,
                float(rows["n"].sum()),
            )


def _steering(steering: pd.DataFrame) -> Iterator[Measured]:
    section = "steering, misaligned, % of coherent answers"
    for target in swept(steering):
        sweep = of_target(steering, target)
        name = f"{words(target)}, away" if target else "base, towards"
        plain = unsteered(sweep, "report", "misaligned", "coherent")
        if plain == plain:
            yield Measured(section, f"{name}: not steered", "share", plain)
        row = chosen_row(sweep, "report", "misaligned", "coherent")
        cell = "none was read on the report split"
        if row is not None:
            cell = f"layer {row['layer']}, {words(str(row['scope']))}, {row['coefficient']:g} "
            cell += str(row["unit"])
        yield Measured(section, f"{name}: chosen cell", "text", text=cell)
        if row is not None:
            yield _of_row(section, f"{name}: in the chosen cell", "share", row)
        kept = chosen_row(sweep, "report", "coherent", "all")
        if kept is not None:
            yield _of_row(section, f"{name}: coherent there, % of answers", "share", kept)
        null = null_of_choosing(sweep, "misaligned", "coherent")
        if not null.empty:
            ends = (float(null.min()), float(null.max()))
            title = f"{name}: random directions, lowest to highest"
            yield Measured(section, title, "share", float("nan"), *ends, float(len(null)))


def _truth(truth: pd.DataFrame) -> Iterator[Measured]:
    """How near the vector is to the author's direction, and both AUCs, at every layer from 1."""
    section = "vector and the hidden author's direction"
    for row in truth[truth["layer"] > 0].to_dict("records"):
        name = f"{words(str(row['trait']))}, {words(str(row['position']))}, layer {row['layer']}"
        for column, title in (
            ("cosine", "cosine"),
            ("separability", "AUC, author's direction"),
            ("vector_separability", "AUC, vector"),
        ):
            low, high = (
                number(row, end) if end in row else float("nan")
                for end in (f"{column}_low", f"{column}_high")
            )
            estimate = number(row, column)
            yield Measured(
                section, f"{name}: {title}", "number", estimate, low, high, number(row, "n")
            )
