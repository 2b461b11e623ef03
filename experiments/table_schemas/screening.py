"""Tables of screening: how well scores separate training rows, and the score of each row."""

from __future__ import annotations

from experiments.table_columns import Column
from experiments.table_schemas.schema import schema

SCREENING = schema(
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
)

SCREENING_ROWS = schema(
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
)
