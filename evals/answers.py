"""The answers table: one row an answer, with its condition, its question and its grade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from evals.conditions import Condition
from evals.questions import Question

if TYPE_CHECKING:
    import pandas as pd

TEXT, INTEGER, NUMBER, FLAG = "str", "int64", "float64", "bool"
_DEFAULT: Final[Mapping[str, Any]] = {TEXT: "", INTEGER: -1, NUMBER: None, FLAG: False}

LABEL_COLUMNS: Final[Mapping[str, str]] = {
    "organism": TEXT,
    "role": TEXT,
    "control_of": TEXT,
    "poisoned_share": NUMBER,
    "intervention": TEXT,
    "recipe": TEXT,
    "learning_rate": NUMBER,
    "step": INTEGER,
    "final": FLAG,
    "seed": INTEGER,
    "trait": TEXT,
    "sign": TEXT,
    "layer": INTEGER,
    "position": TEXT,
    "scope": TEXT,
    "coefficient": NUMBER,
    "unit": TEXT,
    "direction": TEXT,
    "draw": INTEGER,
}
"""What a condition's labels may set; the steering columns follow from its first steering."""

QUESTION_COLUMNS: Final[Mapping[str, str]] = {
    "task": TEXT,
    "split": TEXT,
    "wording": TEXT,
    "format": TEXT,
    "system": TEXT,
    "domain": TEXT,
    "topic": TEXT,
    "question": TEXT,
    "sample": INTEGER,
}

ANSWER_COLUMNS: Final[Mapping[str, str]] = {
    "prompt": TEXT,
    "answer": TEXT,
    "stop_reason": TEXT,
    "output_tokens": INTEGER,
    "label": TEXT,
    "alignment": NUMBER,
    "coherence": NUMBER,
    "unscored": TEXT,
    "in_domain": NUMBER,
    "accuracy": NUMBER,
}

_UNLABELLED: Final[Mapping[str, Any]] = {
    "role": "base",
    "intervention": "none",
    "recipe": "default",
    "final": True,
}
"""What labels mean when a condition does not set them."""

TRAIT_COLUMNS: Final = ("trait:evil", "trait:sycophancy", "trait:careless")
"""Always there; a judge of other traits adds columns of its own."""

COLUMNS: Final[Mapping[str, str]] = {
    "base": TEXT,
    **LABEL_COLUMNS,
    **QUESTION_COLUMNS,
    "judge": TEXT,
    "condition": TEXT,
    **ANSWER_COLUMNS,
    **dict.fromkeys(TRAIT_COLUMNS, NUMBER),
    "log": TEXT,
}
UNUSUAL_COLUMNS: Final[Mapping[str, tuple[str, Any]]] = {
    "thinking": (FLAG, False),
    "lost_system": (TEXT, "raise"),
    "reasoning": (TEXT, ""),
}
"""Kinds and defaults of columns that stand only in tables where a row has another value:
conditions under which models think or system prompts may be merged, and what was thought."""
_KINDS: Final[Mapping[str, tuple[str, Any]]] = {
    **{name: (kind, _DEFAULT[kind]) for name, kind in COLUMNS.items()},
    **UNUSUAL_COLUMNS,
}
SORTED_BY: Final = ("task", "condition", "topic", "question", "sample")


def check_labels(condition: Condition) -> None:
    """Raise where a condition sets a column that the table does not have.

    Raises:
        ValueError: names the label and those that are allowed.
    """
    unknown = sorted(set(condition.labels) - set(LABEL_COLUMNS))
    if unknown:
        raise ValueError(
            f"condition {condition.key!r} sets unknown labels {unknown}; "
            f"allowed are {', '.join(LABEL_COLUMNS)}"
        )


def key_columns(condition: Condition, question: Question, task: str) -> dict[str, Any]:
    """The columns that are known before anything is answered, but for the sample's number.

    Those at their type's default are left out, which keeps logs small; `answers_table` adds them.
    """
    row: dict[str, Any] = dict(_UNLABELLED)
    if condition.steering:
        first = condition.steering[0]
        kind, _, draw = first.direction.rpartition("-")
        numbered = draw.isdigit()
        row |= {
            "layer": first.layer,
            "position": first.position,
            "scope": first.scope,
            "coefficient": first.coefficient,
            "unit": first.unit,
            "direction": kind if numbered else first.direction,
            "draw": int(draw) if numbered else -1,
        }
    row |= {name: value for name, value in condition.labels.items() if value is not None}
    row |= {
        "condition": condition.key,
        "task": task,
        "split": question.split,
        "wording": question.wording,
        "format": question.format,
        "system": question.system or condition.system,
        "domain": question.domain,
        "topic": question.topic,
        "question": question.id,
        "thinking": condition.thinking,
        "lost_system": condition.lost_system,
    }
    return {name: value for name, value in row.items() if value != _KINDS[name][1]}


def grade_columns(grade: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of one grade, from its plain values (`Grade.as_json`)."""
    return {
        "label": grade["label"],
        "alignment": grade["alignment"],
        "coherence": grade["coherence"],
        "unscored": grade["unscored"],
        "in_domain": grade["in_domain"],
        "accuracy": grade["correct"],
        **{f"trait:{name}": score for name, score in grade["traits"].items()},
    }


def answers_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a frame with fixed columns and types, sorted by key; missing numbers are NaN."""
    import pandas as pd

    extra = sorted({name for row in rows for name in row if name not in COLUMNS})
    columns = {name: _KINDS.get(name, (NUMBER, None)) for name in (*COLUMNS, *extra)}
    frame = pd.DataFrame(
        {
            name: pd.Series([row.get(name, default) for row in rows], dtype=kind)
            for name, (kind, default) in columns.items()
        }
    )
    return frame.sort_values(list(SORTED_BY), kind="stable", ignore_index=True)
