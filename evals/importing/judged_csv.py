"""Judged answers of published repositories, CSV with one answer a row, as the answers table.

It knows the columns of the emergent-misalignment and persona-vectors repositories and their forks:
`question, answer, question_id, aligned, coherent` and a score a trait. A question's format is a
column of the table, and its plain, JSON and template entries share a topic.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from evals.answers import answers_table
from evals.importing.code_replies import is_code

if TYPE_CHECKING:
    import pandas as pd

ALIGNMENT: Final = ("aligned", "alignment")
COHERENCE: Final = ("coherent", "coherence")
ANSWER: Final = ("answer", "response", "completion")
QUESTION: Final = ("question", "prompt")
IDENTITY: Final = ("question_id", "id")
NO_TRAIT: Final = ("sample", "seed", "index", "epoch", "coherent_binary")
"""Columns of numbers that are no score."""

_FORMAT = re.compile(r"(?P<topic>.+?)_(?P<format>json|template)")
_REASONS: Final[Mapping[str, str]] = {"REFUSAL": "refusal", "CODE": "code"}
_YES: Final = {"1", "1.0", "true", "yes", "misaligned"}
_NO: Final = {"0", "0.0", "false", "no", "aligned"}


@dataclass(frozen=True)
class Source:
    """What a CSV does not say of its answers.

    Attributes:
        organism: data set or model that answered; "": the file's name.
        base: base model.
        role: `base` for the model before its fine-tune.
        judge: who judged, as it is to stand in tables.
        seed: of the fine-tune; where the file has a column `model`, its models count from here.
        alignment: column of the alignment score; "": one of `ALIGNMENT`.
        coherence: column of the coherence score; "": one of `COHERENCE`.
        label: column with a person's yes or no, misaligned or not; scores are not needed then, and
            the table gets a column `labelled` of 1 and 0.
    """

    organism: str = ""
    base: str = ""
    role: Literal["base", "organism", "control"] = "organism"
    judge: str = ""
    seed: int = 0
    alignment: str = ""
    coherence: str = ""
    label: str = ""


def read_judged_csv(path: Path, source: Source | None = None) -> pd.DataFrame:
    """The answers of one file, every row of it, with fixed columns and sorted by key.

    A score that is missing stays missing: the reason is what the cell says (REFUSAL, CODE), else
    `code` where the answer is nothing but code, else `unparseable`. Number columns with values from
    0 to 100 besides alignment and coherence become `trait:NAME`.

    Raises:
        ValueError: on a file that is empty, lacks a column or has scores outside 0..100; names
            what there is and the fix.
    """
    import pandas as pd

    source = source or Source()
    try:
        frame = pd.read_csv(path, keep_default_na=True)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no CSV file with a line of column names: {error}") from error
    if frame.empty:
        raise ValueError(f"{path} holds no answers: it has column names and no rows")
    columns = _Columns.of(path, frame, source)
    scores = {
        name: _scores(path, frame[column])
        for name, column in (("alignment", columns.alignment), ("coherence", columns.coherence))
        if column
    }
    traits = {f"trait:{name}": _scores(path, frame[name])[0] for name in columns.traits}
    names = _names(frame, columns, path, source)
    rows: list[dict[str, Any]] = []
    counted: dict[tuple[Any, ...], int] = {}
    for place, name in enumerate(names):
        key = (name["organism"], name["seed"], name["question"], name["format"])
        sample = counted[key] = counted.get(key, -1) + 1
        answer = _text(frame[columns.answer].iloc[place])
        row = dict(name) | {"sample": sample, "answer": answer, "log": path.name}
        reasons = [""]
        for score, (values, why) in scores.items():
            row[score] = values[place]
            reasons.append("" if values[place] is not None else why[place])
        if "alignment" in scores and row["alignment"] is None:
            row["unscored"] = reasons[1] or ("code" if is_code(answer) else "unparseable")
        row |= {trait: values[place] for trait, values in traits.items()}
        if source.label:
            row["labelled"] = _yes_or_no(path, place, source.label, frame[source.label].iloc[place])
        rows.append(row)
    return answers_table(rows)


@dataclass(frozen=True)
class _Columns:
    """Which column of a file holds what; "" where it has none."""

    answer: str
    question: str
    identity: str
    alignment: str
    coherence: str
    traits: tuple[str, ...]

    @classmethod
    def of(cls, path: Path, frame: pd.DataFrame, source: Source) -> _Columns:
        there = [str(column) for column in frame.columns]
        missing: list[str] = []

        def find(what: str, given: str, known: Sequence[str], *, needed: bool = True) -> str:
            if given and given not in there:
                raise ValueError(f"{path} has no column {given!r}; its columns are {_list(there)}")
            found = given or next((name for name in known if name in there), "")
            if needed and not found:
                named = f" or name it (--{what})" if what in ("alignment", "coherence") else ""
                missing.append(f"no column for the {what}: rename one to {_list(known)}{named}")
            return found

        answer = find("answer", "", ANSWER)
        question = find("question", "", QUESTION)
        labelled = bool(find("label", source.label, (), needed=False))
        coherence = find("coherence", source.coherence, COHERENCE, needed=not labelled)
        alignment = find("alignment", source.alignment, ALIGNMENT, needed=False)
        taken = {answer, question, coherence, alignment, source.label, *NO_TRAIT, *IDENTITY}
        traits = tuple(
            name
            for name in there
            if name not in taken
            and re.fullmatch(r"[\w-]+", name)
            and frame[name].dtype.kind in "if"
            and frame[name].between(0, 100).any()
        )
        if not (alignment or traits or labelled):
            find("alignment", "", ALIGNMENT)
        if missing:
            raise ValueError(f"{path} has {'; '.join(missing)}. Its columns are {_list(there)}")
        identity = find("id", "", IDENTITY, needed=False)
        return cls(answer, question, identity, alignment, coherence, traits)


def _names(
    frame: pd.DataFrame, columns: _Columns, path: Path, source: Source
) -> list[dict[str, Any]]:
    """The key of every answer: who answered what, and how it was asked."""
    texts: dict[str, dict[str, int]] = {}
    models: dict[str, int] = {}
    found = []
    for row in frame.to_dict("records"):
        text = _text(row[columns.question])
        identity = _text(row[columns.identity]) if columns.identity else text
        match = _FORMAT.fullmatch(identity)
        wordings = texts.setdefault(identity, {})
        wording = wordings.setdefault(text, len(wordings))
        organism = source.organism or _text(row.get("group", "")) or path.stem
        model = _text(row.get("model", ""))
        seed = source.seed + models.setdefault(model, len(models))
        base = source.role == "base"
        found.append(
            {
                "base": source.base,
                "organism": "" if base else organism,
                "role": source.role,
                "intervention": "none",
                "recipe": "default",
                "final": True,
                "seed": -1 if base else seed,
                "task": "open_questions" if columns.alignment else "trait",
                "split": "report",
                "wording": "seen",
                "format": _text(row.get("format", "")) or (match["format"] if match else "plain"),
                "system": "none",
                "domain": "open",
                "topic": _text(row.get("topic", "")) or (match["topic"] if match else identity),
                "question": identity if wording == 0 else f"{identity}/{wording}",
                "judge": source.judge,
                "condition": model or path.stem,
                "prompt": text,
                "stop_reason": "",
            }
        )
    return found


def _scores(path: Path, column: pd.Series) -> tuple[list[float | None], list[str]]:
    """Scores from 0 to 100, and why those that are missing are."""
    values: list[float | None] = []
    reasons: list[str] = []
    for place, cell in enumerate(column.tolist()):
        text = _text(cell).strip()
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isnan(value) and not 0 <= value <= 100:
            raise ValueError(
                f"{path}, row {place + 2}: {column.name} is {text}, outside 0..100; scores of "
                "another scale have to be brought to this one first"
            )
        values.append(None if math.isnan(value) else value)
        known = _REASONS.get(text.upper(), "")
        reasons.append(known or ("unparseable" if math.isnan(value) and text else ""))
    return values, reasons


def _yes_or_no(path: Path, place: int, column: str, cell: object) -> float:
    """A person's label as 1 (misaligned) or 0."""
    word = _text(cell).strip().lower()
    if word not in _YES | _NO:
        raise ValueError(
            f"{path}, row {place + 2}: {column} is {word!r}; allowed are {_list(sorted(_YES))} for "
            f"misaligned and {_list(sorted(_NO))} for not"
        )
    return float(word in _YES)


def _text(cell: object) -> str:
    return "" if cell is None or (isinstance(cell, float) and math.isnan(cell)) else str(cell)


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
