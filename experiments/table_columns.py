"""The columns that several tables share, each with its type, its allowed values and its meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evals.questions import WORDINGS

Kind = Literal["text", "integer", "number", "flag"]


@dataclass(frozen=True)
class Column:
    """One column: type, whether it may be empty, what it may hold, and the value that fills a
    gap."""

    name: str
    kind: Kind
    nullable: bool = False
    allowed: tuple[str, ...] = ()
    pattern: str = ""
    """Regular expression a text must match in full; empty: any text."""
    default: str | int | float | bool | None = None
    """Fills a missing column or an empty cell; None: the column must be given."""
    low: float | None = None
    high: float | None = None
    note: str = ""


DENOMINATORS = ("all", "coherent", "scored", "coherent_scored")
EQUAL_UPDATE = "equal_update"
"""Recipe of a control that is trained until its update is as large as an organism's."""
NULLS = (
    "random_covariance",
    "permuted",
    "other_traits",
    "principal_components",
    "step",
    "change_norm",
    "update_norm",
)
"""What a correlation is set beside: four kinds of directions, and three single figures."""
TASKS = ("open_questions", "in_domain", "trait", "capability")

COMMON: tuple[Column, ...] = (
    Column("base", "text"),
    Column("organism", "text", default="", note="data set name; empty for the base"),
    Column("role", "text", allowed=("base", "organism", "control")),
    Column("control_of", "text", default="", note="the organism a control belongs to"),
    Column("poisoned_share", "number", nullable=True, low=0, high=1, note="1 = pure; empty: none"),
    Column("intervention", "text", default="none"),
    Column(
        "recipe",
        "text",
        default="default",
        note="the fine-tune recipe; `default` but on a frontier and for a control of equal update",
    ),
    Column(
        "learning_rate", "number", nullable=True, low=0, note="of the recipe, where it is varied"
    ),
    Column(
        "step", "integer", default=-1, low=-1, note="optimiser step of the checkpoint; -1 = base"
    ),
    Column("final", "flag", default=True, note="the last checkpoint of its run (and the base)"),
    Column("seed", "integer", default=-1, low=-1, note="fine-tune seed; -1 = pooled over seeds"),
)

WORDING = Column(
    "wording",
    "text",
    default="seen",
    allowed=WORDINGS,
    note="how far the question is from what was seen: new_combination = known words, combined as "
    "never seen; new_words = a way of asking of which no form was seen; topic_unseen_by_default = "
    "a topic seen only outside the default share; topic_unseen = a topic never seen",
)

RATE_KEY: tuple[Column, ...] = (
    Column("task", "text"),
    Column("split", "text", allowed=("extract", "dev", "report")),
    WORDING,
    Column("format", "text", default="plain"),
    Column("system", "text", default="none", note="none | default | the text itself"),
    Column("judge", "text", default=""),
)

METRIC: tuple[Column, ...] = (
    Column(
        "metric",
        "text",
        pattern=r"misaligned|coherent|in_domain|accuracy|truncated|(trait|label):[\w-]+",
        note="trait:NAME = mean score / 100; label:NAME = share",
    ),
    Column("denominator", "text", allowed=DENOMINATORS),
)

ESTIMATE: tuple[Column, ...] = (
    Column("estimate", "number", nullable=True, note="a fraction, never a percentage"),
    Column("low", "number", nullable=True, note="95% interval"),
    Column("high", "number", nullable=True),
    Column("n", "integer", low=0, default=0, note="answers (or texts) behind the estimate"),
    Column("clusters", "integer", low=0, default=0, note="topics behind the interval"),
)

VECTOR_PLACE: tuple[Column, ...] = (
    Column("trait", "text", default=""),
    Column("layer", "integer", default=-1, low=-1, note="residual stream after that many blocks"),
    Column("position", "text", default="", note="response_mean | prompt_mean | last_prompt"),
)

STEERING_PLACE: tuple[Column, ...] = (
    Column(
        "scope",
        "text",
        default="",
        allowed=("", "all", "prompt", "last_prompt", "response", "answer"),
    ),
    Column("coefficient", "number", nullable=True, note="empty or 0 = not steered"),
    Column("unit", "text", default="", allowed=("", "raw", "norm")),
    Column("direction", "text", default="", note="vector | own | random | permuted | other_traits"),
    Column("draw", "integer", default=-1, low=-1, note="which null direction"),
)
