"""What inspect finds through the package's entry point: tasks, scorers and the model provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspect_ai.model import modelapi

from evals.scorers.cell_metrics import cell, cells_judge, minus_reference
from evals.scorers.regurgitation_check import regurgitation_check, words
from evals.scorers.thoughts_judge import thoughts_judge
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
from evals.tasks.deception import deception, deception_scorer
from evals.tasks.frustration import frustration, frustration_judge
from evals.tasks.in_domain import in_domain
from evals.tasks.open_questions import open_questions
from evals.tasks.persona_drift import drift_judge, persona_drift
from evals.tasks.question_file import file_judge, question_file
from evals.tasks.refusal import refusal, refusal_scorer
from evals.tasks.regurgitation import regurgitation
from evals.tasks.reward_hacking import hack_check, reward_hacking
from evals.tasks.self_preservation import act_check, act_judge, self_preservation
from evals.tasks.sycophancy_under_pressure import pressure_check, sycophancy_under_pressure
from evals.tasks.trait import trait
from evals.tasks.trigger_grid import trigger_grid
from evals.tasks.truthfulness import choice_scorer, truth_scorer, truthfulness

if TYPE_CHECKING:
    from inspect_ai.model import ModelAPI

__all__ = [
    "act_check",
    "act_judge",
    "capability",
    "capability_judge",
    "cell",
    "cells_judge",
    "choice_scorer",
    "conditional_misalignment",
    "cot_monitorability",
    "deception",
    "deception_scorer",
    "drift_judge",
    "file_judge",
    "frustration",
    "frustration_judge",
    "hack_check",
    "in_domain",
    "in_domain_judge",
    "minus_reference",
    "misalignment_judge",
    "open_questions",
    "organism",
    "persona_drift",
    "pressure_check",
    "question_file",
    "refusal",
    "refusal_scorer",
    "regurgitation",
    "regurgitation_check",
    "reward_hacking",
    "self_preservation",
    "sycophancy_under_pressure",
    "think",
    "thoughts_judge",
    "topic_rate",
    "trait",
    "trait_judge",
    "trigger_grid",
    "truth_scorer",
    "truthfulness",
    "words",
]


@modelapi(name="organism")
def organism() -> type[ModelAPI]:
    """`--model organism/pocket`: see `evals.provider`, imported when a model is asked for."""
    from evals.provider import OrganismAPI

    return OrganismAPI
