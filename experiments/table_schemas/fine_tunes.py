"""Tables of what a fine-tune does inside the model, and of what a world implies that it will do."""

from __future__ import annotations

from experiments.table_columns import COMMON, ESTIMATE, VECTOR_PLACE, Column
from experiments.table_schemas.schema import CONDITION, PLACE, schema

SHIFTS = schema(
    "shifts",
    "how far a checkpoint moved along a trait's vector, in units of the activations",
    (
        *COMMON,
        *VECTOR_PLACE,
        Column("on", "text", allowed=("prompt", "fixed", "own", "own_under_base")),
        *ESTIMATE,
    ),
    (*CONDITION, *PLACE, "on"),
)

UPDATES = schema(
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
    CONDITION,
)

IMPLIED = schema(
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
)

MONITORING = schema(
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
    (*CONDITION, *PLACE),
)
