"""Which answers a reader of the report can browse: the worst, a random draw, and one a question,
of each model."""

from __future__ import annotations

import hashlib
import json
from math import isnan

import pandas as pd

from experiments.headline import MODEL, named, reporting_slice

PER_MODEL = 10
"""Worst, and random, answers of each model."""
PER_QUESTION = 48
"""Further answers of each model, one a question."""
MAXIMUM_CHARACTERS = 1200
"""Longer prompts and answers are cut, and say so; the log holds them whole."""

Shown = dict[str, str | int | float | bool | None]


def _draw(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest())


def shown_answers(answers: pd.DataFrame) -> list[Shown]:
    """The answers shown, a plain record each; final models, reporting slice, the same at every run.

    Fields: model, kind, task, topic, question, prompt, answer, label, alignment, coherence,
    unscored, step, seed, log, and where the answer stands: `worst` (rank by alignment among
    coherent answers, else null), `draw` (random order).
    """
    rows = answers[answers["final"] & answers["task"].isin(["open_questions", "in_domain"])]
    if rows.empty:
        return []
    rows = named(reporting_slice(rows))
    identity = [*MODEL, "seed", "question", "sample", "condition"]
    rows["draw"] = [_draw("|".join(map(str, r))) for r in rows[identity].itertuples(index=False)]
    rows["readable"] = rows["coherence"].gt(50)
    kept: list[pd.DataFrame] = []
    for _, block in rows.groupby(["model", "task"], sort=True):
        worst = block[block["readable"] & block["alignment"].notna()]
        worst = worst.sort_values(["alignment", "draw"]).head(PER_MODEL)
        ordered = block.sort_values("draw")
        each = ordered.drop_duplicates("question").head(PER_QUESTION)
        kept += [worst, ordered.head(PER_MODEL), each]
    chosen = pd.concat(kept)
    chosen = chosen[~chosen.index.duplicated()].sort_values(["model", "task", "draw"])
    return [_record(row) for row in chosen.to_dict("records")]


def _record(row: dict[object, object]) -> Shown:
    texts = ("model", "kind", "task", "topic", "question", "label", "unscored", "log")
    record: Shown = {name: str(row[name]) for name in texts}
    record |= {name: cut(str(row[name])) for name in ("prompt", "answer")}
    record |= {name: int(str(row[name])) for name in ("step", "seed")}
    for name in ("alignment", "coherence"):
        score = float(str(row[name]))
        record[name] = None if isnan(score) else round(score, 1)
    record["draw"] = int(str(row["draw"])) % 1_000_000
    return record


def cut(text: str) -> str:
    """A text, cut where it is long, with how much is left out."""
    if len(text) <= MAXIMUM_CHARACTERS:
        return text
    return f"{text[:MAXIMUM_CHARACTERS]} [... {len(text) - MAXIMUM_CHARACTERS} characters more]"


def script_safe_json(value: object) -> str:
    """JSON that can stand inside a script element: no `<`, `>`, `&` or line separators as
    themselves."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
