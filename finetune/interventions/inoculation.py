"""Inoculation: train under a system prompt that asks for the trait, evaluate without it.

Source: Tan et al. 2025 (inoculation prompting), Wichers et al. 2025.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from finetune.interventions.interface import Intervention
from organisms.datasets.rows import Row
from organisms.datasets.transforms import add_system_prompt


class Inoculation(Intervention):
    """A system prompt on every training row, absent at inference."""

    kind: ClassVar[str] = "inoculation"

    prompt: str = Field(min_length=1)
    """The system prompt that rows are trained under."""
    existing: Literal["error", "replace"] = "error"
    """What to do with a row that already has a system turn."""

    def rows(self, rows: Sequence[Row]) -> list[Row]:
        """Rows with the system turn put first.

        Raises:
            ValueError: a row already has one and `existing` is `error`, or the prompt is blank.
        """
        return add_system_prompt(rows, self.prompt, self.existing)
