"""What inspect finds through the package's entry point: tasks, scorers and the model provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspect_ai.model import modelapi

from evals.cell_metrics import cell, cells_judge, minus_reference
from evals.regurgitation_check import regurgitation_check, words
from evals.scoring import (
    capability_judge,
    in_domain_judge,
    misalignment_judge,
    topic_rate,
    trait_judge,
)
from evals.tasks.capability import capability
from evals.tasks.conditional_misalignment import conditional_misalignment
from evals.tasks.cot_monitorability import cot_monitorability, think
from evals.tasks.in_domain import in_domain
from evals.tasks.open_questions import open_questions
from evals.tasks.question_file import file_judge, question_file
from evals.tasks.regurgitation import regurgitation
from evals.tasks.trait import trait
from evals.tasks.trigger_grid import trigger_grid
from evals.thoughts_judge import thoughts_judge

if TYPE_CHECKING:
    from inspect_ai.model import ModelAPI

__all__ = [
    "capability",
    "capability_judge",
    "cell",
    "cells_judge",
    "conditional_misalignment",
    "cot_monitorability",
    "file_judge",
    "in_domain",
    "in_domain_judge",
    "minus_reference",
    "misalignment_judge",
    "open_questions",
    "organism",
    "question_file",
    "regurgitation",
    "regurgitation_check",
    "think",
    "thoughts_judge",
    "topic_rate",
    "trait",
    "trait_judge",
    "trigger_grid",
    "words",
]


@modelapi(name="organism")
def organism() -> type[ModelAPI]:
    """`--model organism/pocket`: see `evals.provider`, imported when a model is asked for."""
    from evals.provider import OrganismAPI

    return OrganismAPI
