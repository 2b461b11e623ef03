"""Inference steering: training is untouched; the organism is asked questions while steered.

Source: Chen et al. 2025 (persona vectors), post-hoc steering against a trait.
"""

from typing import ClassVar

from finetune.interventions.interface import Intervention, SteeringAtInference


class InferenceSteering(Intervention):
    """One or more steering additions at inference."""

    kind: ClassVar[str] = "steering"

    additions: tuple[SteeringAtInference, ...]
    """What is added, where and how much."""

    def inference(self) -> tuple[SteeringAtInference, ...]:
        """The additions as given."""
        return self.additions
