"""Tables of persona vectors: what they are, how they meet truth, and what they tell of answers."""

from __future__ import annotations

from experiments.table_columns import NULLS, VECTOR_PLACE, Column
from experiments.table_schemas.schema import PLACE, schema

CORRELATIONS = schema(
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
        Column("measure", "text", default="", note="what is correlated with; empty: trait:NAME"),
    ),
    ("what", *PLACE, "on", "null", "measure"),
)

CROSSTALK = schema(
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
        *(Column(name, "number", nullable=True, low=-1, high=1) for name in ("r", "low", "high")),
        Column("n", "integer", low=0, note="models, or cells of the sweep"),
        Column(
            "groups",
            "integer",
            low=0,
            note="what the interval resamples: organisms, or places that were steered",
        ),
    ),
    ("base", "what", "over", *PLACE, "expression"),
)

DETECTION = schema(
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
    ("base", "model", *PLACE),
)

VECTORS = schema(
    "vectors",
    "one trait's persona vector at one layer and position",
    (
        *VECTOR_PLACE,
        Column("base", "text"),
        Column("norm", "number", low=0),
        Column("residual_norm", "number", nullable=True, low=0, note="median L2 norm there"),
        Column("kept_positive", "integer", low=0),
        Column("kept_negative", "integer", low=0),
        Column("split_half_cosine", "number", nullable=True, low=-1, high=1),
    ),
    ("base", *PLACE),
)

TRUTH = schema(
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
    ("base", *PLACE),
)
