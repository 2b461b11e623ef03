"""Tables of what models answered: answers, rates, differences, and rates under steering."""

from __future__ import annotations

from experiments.table_columns import (
    COMMON,
    ESTIMATE,
    METRIC,
    RATE_KEY,
    STEERING_PLACE,
    VECTOR_PLACE,
    WORDING,
    Column,
)
from experiments.table_schemas.schema import CONDITION, PLACE, STEERED, schema

_ANSWER_COLUMNS = (
    *COMMON,
    *RATE_KEY,
    Column("domain", "text", default=""),
    Column("topic", "text", note="the cluster of the interval: wordings of one question share it"),
    Column("question", "text"),
    Column("sample", "integer", low=0),
    Column("condition", "text", default="", note="the key under which the answer was sampled"),
    *(
        Column(
            column.name, column.kind, nullable=True, allowed=column.allowed, default=column.default
        )
        for column in (*VECTOR_PLACE, *STEERING_PLACE)
    ),
    Column("sign", "text", default="", note="positive | negative: the contrastive system prompt"),
    Column("prompt", "text"),
    Column("answer", "text"),
    Column("stop_reason", "text", allowed=("stop", "max_tokens", ""), default=""),
    Column("output_tokens", "integer", default=-1, low=-1),
    Column("label", "text", default="", note="the grader's label, where the judge is a grader"),
    Column("alignment", "number", nullable=True, low=0, high=100),
    Column("coherence", "number", nullable=True, low=0, high=100),
    Column(
        "unscored",
        "text",
        default="",
        allowed=("", "refusal", "code", "unparseable", "judge_error"),
    ),
    Column(
        "in_domain", "number", nullable=True, low=0, high=1, note="the narrow behaviour was shown"
    ),
    Column("accuracy", "number", nullable=True, low=0, high=1, note="the answer is exactly right"),
    Column("log", "text", default="", note="the .eval log that holds the answer"),
)
_THRESHOLDS = (
    Column("alignment_threshold", "number", low=0, high=100, default=30.0),
    Column("coherence_threshold", "number", low=0, high=100, default=50.0),
)
_RATE_COLUMNS = (*COMMON, *RATE_KEY, *METRIC)
_RATE_NAMES = tuple(column.name for column in _RATE_COLUMNS)
_UNSCORED = Column("n_unscored", "integer", low=0, default=0, note="refusal, code or unparseable")
_OTHER = (
    Column("other_organism", "text", default="", note="what is taken away; empty for the base"),
    Column("other_intervention", "text", default="none"),
    Column("comparison", "text", allowed=("base", "control", "undefended", "random_filter")),
)

ANSWERS = schema(
    "answers",
    "one answer of one model with its scores",
    _ANSWER_COLUMNS,
    (
        *CONDITION,
        "task",
        "split",
        "wording",
        "format",
        "system",
        "judge",
        "sign",
        *PLACE,
        *STEERED,
        "topic",
        "question",
        "sample",
        "condition",
    ),
    extra=r"trait:[\w-]+|shift:[\w-]+",
)

RATES = schema(
    "rates",
    "one estimate: a metric of one model under one condition, for one seed or pooled (-1)",
    (*_RATE_COLUMNS, *ESTIMATE, *_THRESHOLDS, _UNSCORED),
    _RATE_NAMES,
)

PER_QUESTION = schema(
    "per_question",
    "the same for one question",
    (
        *_RATE_COLUMNS,
        Column("topic", "text"),
        Column("question", "text"),
        *ESTIMATE,
        *_THRESHOLDS,
        _UNSCORED,
    ),
    (*_RATE_NAMES, "topic", "question"),
)

DIFFERENCES = schema(
    "differences",
    "one paired difference: a model's rate minus that of another",
    (
        *_RATE_COLUMNS,
        *_OTHER,
        *ESTIMATE,
        Column("near", "flag", default=False, note="upper end at most 3 points"),
    ),
    (*_RATE_NAMES, "comparison", "other_organism", "other_intervention"),
)

STEERING = schema(
    "steering",
    "a metric of a model while a direction is added",
    (
        *COMMON,
        *VECTOR_PLACE,
        *STEERING_PLACE,
        Column("split", "text", allowed=("dev", "report")),
        WORDING,
        *METRIC,
        *ESTIMATE,
        Column("chosen", "flag", default=False, note="the cell that dev chose for its draw"),
    ),
    (*CONDITION, *PLACE, *STEERED, "split", "wording", "metric", "denominator"),
)
