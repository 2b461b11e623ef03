"""Scored rollouts as `wardian vectors extract` reads them: tables of judged answers (CSV, parquet),
and inspect logs that wardian wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas as pd

NEEDED: Final = ("question", "prompt", "answer", "coherence")
"""Columns of every table, beside `sign` and the trait's score."""


def read_table(path: Path) -> pd.DataFrame:
    """The rows of a CSV, a parquet file, an inspect log or a folder of logs.

    Raises:
        ValueError: There is no such file, it is none of these, is damaged or has no rows.
    """
    if not path.exists():
        raise ValueError(f"there is no {path}; give a table of judged answers that is there")
    table = _read(path)
    if table.empty:
        raise ValueError(f"{path} has no rows; give a table of judged answers")
    return table


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        if path.suffix == ".csv":
            return pd.read_csv(path, keep_default_na=False, na_values={"coherence": [""]})
    except ValueError as error:  # what pandas and pyarrow raise for damaged files
        raise ValueError(f"{path} cannot be read as a table: {error}") from error
    logs = sorted(path.rglob("*.eval")) if path.is_dir() else [path]
    if not logs or any(log.suffix != ".eval" for log in logs):
        raise ValueError(
            f"{path} is no table of judged answers; give a .csv, a .parquet, an inspect log "
            "(.eval) or a folder of logs"
        )
    from evals.answers import answers_table
    from evals.logs import read_rows

    try:
        return answers_table([row for log in logs for row in read_rows(log)])
    except (AssertionError, KeyError) as error:
        raise ValueError(
            f"{path} has a log without grades of wardian ({error}); give a table of judged answers"
        ) from error


def read_rollouts(
    files: Sequence[Path], positive: Path | None, negative: Path | None, traits: Sequence[str]
) -> pd.DataFrame:
    """One table of all rollouts, in the columns that `extract_from` reads.

    Args:
        files: tables that say each row's `sign`.
        positive: a table of answers under prompts that ask for the (only) trait.
        negative: one of answers under prompts that ask for its opposite, row by row the partners.
        traits: their names.

    Raises:
        ValueError: Nothing or too much is given, or a table lacks a column.
    """
    import pandas as pd

    if (positive is None) != (negative is None) or bool(files) == (positive is not None):
        raise ValueError(
            "give tables that have a column 'sign', or one with --positive and one with --negative"
        )
    if positive is not None and negative is not None:
        if len(traits) != 1:
            raise ValueError("--positive and --negative are of one trait; give one --trait")
        sides = {
            sign: _columns(read_table(path), path, traits).assign(sign=sign)
            for sign, path in (("positive", positive), ("negative", negative))
        }
        table = pd.concat(
            [side.assign(pair=[str(n) for n in range(len(side))]) for side in sides.values()],
            ignore_index=True,
        )
    else:
        table = pd.concat(
            [_columns(read_table(path), path, traits) for path in files], ignore_index=True
        )
        if "sign" not in table:
            raise ValueError(
                f"{files[0]} has no column 'sign' (positive or negative); add it, or give the "
                "tables of the two signs with --positive and --negative"
            )
        _check_signs(table)
    return _paired(table)


def bare_prompts(table: pd.DataFrame, base: str) -> pd.DataFrame:
    """The table with bare prompts, where they were saved as the base's chat template made them.

    Raises:
        ValueError: The prompts are rendered, but not by this base's template.
    """
    from persona_vectors.rendered_prompts import are_rendered, taken_apart

    if not are_rendered(table):
        return table
    from organisms.datasets.statistics import tokenizer_of

    tokenizer = tokenizer_of(base)

    def render(system: str, question: str) -> str:
        chat = [{"role": "system", "content": system}, {"role": "user", "content": question}]
        return str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True))

    return taken_apart(table, render)


def neutral_answers(table: pd.DataFrame) -> pd.DataFrame:
    """The rows without a sign that have an answer: the base's neutral ones."""
    return table[(~table["sign"].isin(["positive", "negative"])) & (table["answer"] != "")]


def rollouts_of(table: pd.DataFrame, traits: Sequence[str], split: str = "extract") -> pd.DataFrame:
    """The rows with a sign, of one split where the table has splits.

    Raises:
        ValueError: There are none of a trait.
    """
    found = table[table["sign"].isin(["positive", "negative"])]
    if "split" in found and (found["split"] != "").any():
        there = ", ".join(sorted(set(found["split"])))
        found = found[found["split"] == split]
        if not len(found):
            raise ValueError(f"no rollout is of the split {split!r}; the tables have {there}")
    for trait in traits:
        if not (found["trait"] == trait).any():
            there = ", ".join(sorted(set(found["trait"]) - {""})) or "none"
            raise ValueError(f"no rollout is of trait {trait!r}; the tables have {there}")
    return found.reset_index(drop=True)


def with_neutral(path: Path, trait: str) -> pd.DataFrame:
    """A base's rollouts of one trait and its neutral answers, from one table.

    Raises:
        ValueError: One of the two is not there.
    """
    table = read_rollouts([path], None, None, [trait])
    rollouts_of(table, [trait])
    if not len(neutral_answers(table)):
        raise ValueError(
            f"{path} has no neutral answers (rows without a sign), from which residual norms "
            "are measured; leave --rollouts out, and they are made"
        )
    return table


def _columns(table: pd.DataFrame, path: Path, traits: Sequence[str]) -> pd.DataFrame:
    """The table with the names that extraction reads."""
    import pandas as pd

    table = table.rename(columns={t: f"trait:{t}" for t in traits if f"trait:{t}" not in table})
    if len(traits) == 1 and "trait_score" in table:
        table = table.rename(columns={"trait_score": f"trait:{traits[0]}"})
    scores = [f"trait:{trait}" for trait in traits]
    missing = [name for name in (*NEEDED, *scores) if name not in table]
    if missing:
        there = [
            str(name).removeprefix("trait:") for name in table if str(name).startswith("trait:")
        ]
        raise ValueError(
            f"{path} lacks the columns {', '.join(missing)} (of traits it has scores of "
            f"{', '.join(there) or 'none'}); needed are {', '.join(NEEDED)} and "
            f"each trait's score ({', '.join(scores)}), 0 to 100"
        )
    for name in ("coherence", *scores):
        table[name] = pd.to_numeric(table[name], errors="coerce")
        beyond = table[name][(table[name] < 0) | (table[name] > 100)]
        if len(beyond):
            raise ValueError(
                f"{path} has {name} {beyond.iloc[0]:g} ({len(beyond)} such rows); scores are 0 to "
                "100: scale them, or leave cells empty that are not scored"
            )
    if "topic" not in table:
        table["topic"] = table["question"]
    if "trait" not in table:
        table["trait"] = traits[0] if len(traits) == 1 else ""
    return table.assign(answer=table["answer"].fillna("").astype(str))


def _check_signs(table: pd.DataFrame) -> None:
    """Raise where a sign is a word that is not known: such rows would pass for neutral ones."""
    signs = table["sign"].dropna().astype(str).unique()
    unknown = sorted(set(signs) - {"positive", "negative", ""})
    if unknown:
        raise ValueError(
            f"the column 'sign' has {', '.join(map(repr, unknown))}; write positive or negative, "
            "and leave it empty for neutral answers"
        )


def _paired(table: pd.DataFrame) -> pd.DataFrame:
    """With `pair`, where the table tells it: same prompt number, question and sample."""
    if "pair" in table or not {"condition", "sample"} <= set(table.columns):
        return table
    number = table["condition"].astype(str).str.rpartition("/")[2]
    parts = [table["trait"], number, table["question"], table["sample"]]
    return table.assign(pair=["|".join(map(str, row)) for row in zip(*parts, strict=True)])
