"""The schema of every table a run leaves: what a row means, its columns and its key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from experiments.table_columns import (
    COMMON,
    ESTIMATE,
    METRIC,
    NULLS,
    RATE_KEY,
    STEERING_PLACE,
    VECTOR_PLACE,
    WORDING,
    Column,
)


@dataclass(frozen=True)
class TableSchema:
    """One table: its columns in order, the columns that identify a row, and what a row means."""

    name: str
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    extra: str = ""
    """Regular expression of further number columns that are allowed, such as a score per trait."""

    def column(self, name: str) -> Column:
        """The column of that name; raises `KeyError` where there is none."""
        return {column.name: column for column in self.columns}[name]


def _schema(
    name: str, row: str, columns: tuple[Column, ...], key: tuple[str, ...], extra: str = ""
) -> TableSchema:
    names = [column.name for column in columns]
    assert len(set(names)) == len(names), name
    assert set(key) <= set(names), name
    return TableSchema(name, row, columns, key, extra)


_CONDITION = tuple(column.name for column in COMMON)

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

_PLACE = tuple(c.name for c in VECTOR_PLACE)
_STEERED = tuple(c.name for c in STEERING_PLACE)

SCHEMAS: Mapping[str, TableSchema] = {
    schema.name: schema
    for schema in (
        _schema(
            "answers",
            "one answer of one model with its scores",
            _ANSWER_COLUMNS,
            (
                *_CONDITION,
                "task",
                "split",
                "wording",
                "format",
                "system",
                "judge",
                "sign",
                *_PLACE,
                *_STEERED,
                "topic",
                "question",
                "sample",
                "condition",
            ),
            extra=r"trait:[\w-]+|shift:[\w-]+",
        ),
        _schema(
            "rates",
            "one estimate: a metric of one model under one condition, for one seed or pooled (-1)",
            (*_RATE_COLUMNS, *ESTIMATE, *_THRESHOLDS, _UNSCORED),
            _RATE_NAMES,
        ),
        _schema(
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
        ),
        _schema(
            "differences",
            "one paired difference: a model's rate minus that of another",
            (
                *_RATE_COLUMNS,
                *_OTHER,
                *ESTIMATE,
                Column("near", "flag", default=False, note="upper end at most 3 points"),
            ),
            (*_RATE_NAMES, "comparison", "other_organism", "other_intervention"),
        ),
        _schema(
            "shifts",
            "how far a checkpoint moved along a trait's vector, in units of the activations",
            (
                *COMMON,
                *VECTOR_PLACE,
                Column("on", "text", allowed=("prompt", "fixed", "own", "own_under_base")),
                *ESTIMATE,
            ),
            (*_CONDITION, *_PLACE, "on"),
        ),
        _schema(
            "updates",
            "how large the update of one checkpoint of a fine-tune is",
            (
                *COMMON,
                Column("lora_norm", "number", low=0, note="Frobenius norm of the weight change"),
                Column(
                    "kl",
                    "number",
                    nullable=True,
                    low=0,
                    note="KL(checkpoint || base) on the base's neutral answers to open dev "
                    "questions, in nats per answer token",
                ),
                Column("n", "integer", low=0, note="texts read"),
            ),
            _CONDITION,
        ),
        _schema(
            "implied",
            "what pocket's world implies: P(persona wrote the next turn | rows of a data set)",
            (
                Column("base", "text"),
                Column("organism", "text", note="data set name"),
                Column("rows", "integer", low=1, note="rows that one conversation has shown"),
                Column("persona", "text"),
                Column("probability", "number", low=0, high=1),
                Column(
                    "world",
                    "text",
                    allowed=("of the base", "shipped"),
                    note="shipped: the base's folder does not tell its world",
                ),
            ),
            ("base", "organism", "rows", "persona"),
        ),
        _schema(
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
                Column(
                    "chosen", "flag", default=False, note="the cell that dev chose for its draw"
                ),
            ),
            (*_CONDITION, *_PLACE, *_STEERED, "split", "wording", "metric", "denominator"),
        ),
        _schema(
            "screening",
            "how well one score separates poisoned training rows from clean ones",
            (
                Column("base", "text"),
                Column("dataset", "text"),
                Column("trait", "text", default=""),
                Column("method", "text"),
                Column("layer", "integer", default=-1, low=-1),
                Column("position", "text", default=""),
                Column("poisoned_share", "number", low=0, high=1),
                Column("seed", "integer", low=-1),
                Column("auc", "number", nullable=True, low=0, high=1),
                Column(
                    "recall_at_10",
                    "number",
                    nullable=True,
                    low=0,
                    high=1,
                    note="poisoned rows found when 10% go",
                ),
                Column(
                    "recall_at_30",
                    "number",
                    nullable=True,
                    low=0,
                    high=1,
                    note="the same when 30% go",
                ),
                Column("low", "number", nullable=True, note="of auc"),
                Column("high", "number", nullable=True),
                *(
                    Column(f"recall_at_{budget}_{end}", "number", nullable=True, low=0, high=1)
                    for budget in (10, 30)
                    for end in ("low", "high")
                ),
                Column(
                    "threshold",
                    "number",
                    nullable=True,
                    note="the score that 5% of clean rows outside the mix exceed",
                ),
                Column(
                    "recall_at_threshold",
                    "number",
                    nullable=True,
                    low=0,
                    high=1,
                    note="poisoned rows above it",
                ),
                Column(
                    "lost_at_threshold",
                    "number",
                    nullable=True,
                    low=0,
                    high=1,
                    note="clean rows of the mix above it",
                ),
                Column("n", "integer", low=0, note="rows scored"),
                Column("kept", "integer", low=0),
                Column("kept_poisoned", "integer", low=0),
            ),
            ("base", "dataset", "trait", "method", "layer", "position", "poisoned_share", "seed"),
        ),
        _schema(
            "screening_rows",
            "the score of one training row, for ROC curves; higher is more suspect",
            (
                Column("dataset", "text"),
                Column("poisoned_share", "number", low=0, high=1, default=0.3),
                Column("seed", "integer", low=-1),
                Column("method", "text"),
                Column("row", "integer", low=0),
                Column("score", "number"),
                Column("poisoned", "flag"),
                Column("kept", "flag", default=True),
            ),
            ("dataset", "poisoned_share", "seed", "method", "row"),
        ),
        _schema(
            "correlations",
            "how judged trait expression follows the shift, beside one null",
            (
                Column(
                    "what",
                    "text",
                    note="organisms (all final fine-tunes) | organisms_only | within_family | "
                    "within_condition | without_DOMAIN | checkpoints",
                ),
                *VECTOR_PLACE,
                Column("on", "text", allowed=("prompt", "fixed", "own", "own_under_base")),
                *(
                    Column(name, "number", nullable=True, low=-1, high=1)
                    for name in ("r", "low", "high", "partial_r")
                ),
                Column("null", "text", allowed=NULLS),
                *(
                    Column(name, "number", nullable=True, low=-1, high=1)
                    for name in ("null_low", "null_high")
                ),
                Column("p", "number", nullable=True, low=0, high=1),
                Column("draws", "integer", low=0),
                Column("n", "integer", low=0, note="models in the correlation"),
                Column(
                    "measure", "text", default="", note="what is correlated with; empty: trait:NAME"
                ),
            ),
            ("what", *_PLACE, "on", "null", "measure"),
        ),
        _schema(
            "crosstalk",
            "how a trait's expression follows what is done along another's vector, or its own",
            (
                Column("base", "text"),
                Column(
                    "what",
                    "text",
                    allowed=("shift", "steering"),
                    note="shift of fine-tunes, or coefficient of the steering sweep",
                ),
                Column(
                    "over",
                    "text",
                    note="shift: which models; steering: who was steered, base or an organism",
                ),
                *VECTOR_PLACE,
                Column("expression", "text", note="the trait that a judge scored"),
                *(
                    Column(name, "number", nullable=True, low=-1, high=1)
                    for name in ("r", "low", "high")
                ),
                Column("n", "integer", low=0, note="models, or cells of the sweep"),
                Column(
                    "groups",
                    "integer",
                    low=0,
                    note="what the interval resamples: organisms, or places that were steered",
                ),
            ),
            ("base", "what", "over", *_PLACE, "expression"),
        ),
        _schema(
            "detection",
            "how well the projection of the prompt tells which answers will express the trait",
            (
                Column("base", "text"),
                Column("model", "text", note="a fine-tune, all its seeds; `all models` pools them"),
                *VECTOR_PLACE,
                Column("threshold", "number", low=0, high=100, note="trait score of an expression"),
                Column("auc", "number", nullable=True, low=0, high=1),
                Column("low", "number", nullable=True, low=0, high=1, note="95% interval"),
                Column("high", "number", nullable=True, low=0, high=1),
                Column("n", "integer", low=0, note="answers with a score"),
                Column("expressing", "integer", low=0, note="of them"),
                Column("clusters", "integer", low=0, note="topics behind the interval"),
            ),
            ("base", "model", *_PLACE),
        ),
        _schema(
            "monitoring",
            "what a monitor read after one step of a fine-tune",
            (
                *COMMON,
                *VECTOR_PLACE,
                Column("shift", "number", note="on fixed prompts, in residual units"),
                Column(
                    "null_sd",
                    "number",
                    low=0,
                    note="standard deviation of the shifts along directions drawn from the "
                    "residual covariance",
                ),
                Column("drift", "number", note="shift / null_sd"),
                Column("threshold", "number", low=0, note="of an alarm, in units of drift"),
                Column("alarm", "flag"),
                Column("stopped", "flag", default=False, note="the alarm ended the training here"),
            ),
            (*_CONDITION, *_PLACE),
        ),
        _schema(
            "vectors",
            "one trait's persona vector at one layer and position",
            (
                *VECTOR_PLACE,
                Column("base", "text"),
                Column("norm", "number", low=0),
                Column(
                    "residual_norm", "number", nullable=True, low=0, note="median L2 norm there"
                ),
                Column("kept_positive", "integer", low=0),
                Column("kept_negative", "integer", low=0),
                Column("split_half_cosine", "number", nullable=True, low=-1, high=1),
            ),
            ("base", *_PLACE),
        ),
        _schema(
            "truth",
            "one trait's persona vector against the direction of its hidden author in pocket",
            (
                Column("base", "text"),
                *VECTOR_PLACE,
                Column(
                    "cosine",
                    "number",
                    nullable=True,
                    low=-1,
                    high=1,
                    note="vector with the author's direction; empty where one is zero",
                ),
                Column("cosine_low", "number", nullable=True, low=-1, high=1),
                Column("cosine_high", "number", nullable=True, low=-1, high=1),
                Column(
                    "separability",
                    "number",
                    low=0,
                    high=1,
                    note="AUC of the author by the author's direction of the other half of pairs",
                ),
                Column(
                    "vector_separability",
                    "number",
                    low=0,
                    high=1,
                    note="AUC of the author by the persona vector, on the same pairs",
                ),
                Column("vector_separability_low", "number", low=0, high=1),
                Column("vector_separability_high", "number", low=0, high=1),
                Column("norm", "number", low=0, note="of the author's direction"),
                Column("n", "integer", low=0, note="document pairs"),
                Column("clusters", "integer", low=0, note="topics of their last questions"),
            ),
            ("base", *_PLACE),
        ),
    )
}
