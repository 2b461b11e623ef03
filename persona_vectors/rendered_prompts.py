"""Prompts that were saved as the model read them, with the template's marks, taken apart again.

The published judged answers (arXiv 2507.21509) are saved so, without their system prompts. Read as
they are they would be wrapped in the template twice; what the template put around them is known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pandas as pd

Render = Callable[[str, str], str]
"""System prompt, user turn -> what the model reads before its answer."""
_PLACE: Final = "SYSTEM-PROMPT-GOES-HERE"


def are_rendered(table: pd.DataFrame) -> bool:
    """Whether prompts hold their question and something around it, and no system prompt is told."""
    if "system" in table or not len(table):
        return False
    return all(
        str(question).strip() in str(prompt) and str(prompt).strip() != str(question).strip()
        for question, prompt in zip(table["question"], table["prompt"], strict=True)
    )


def taken_apart(table: pd.DataFrame, render: Render) -> pd.DataFrame:
    """The table with `system` and with the bare question as `prompt`.

    Args:
        table: question (its text) and the rendered prompt.
        render: the base's chat template.

    Raises:
        ValueError: a prompt is not what the template makes of its question.
    """
    systems = [
        _system(str(prompt), str(question), render)
        for question, prompt in zip(table["question"], table["prompt"], strict=True)
    ]
    unknown = [number for number, system in enumerate(systems) if system is None]
    if unknown:
        prompt = str(table["prompt"].iloc[unknown[0]])
        raise ValueError(
            f"{len(unknown)} of {len(table)} prompts are not what the base's chat template makes "
            f"of their question (row {unknown[0]}: {prompt[:80]!r}): name the base that wrote the "
            "answers, or give bare prompts and a column 'system'"
        )
    return table.assign(
        system=[str(system) for system in systems], prompt=table["question"].astype(str)
    )


def _system(prompt: str, question: str, render: Render) -> str | None:
    """The system prompt with which the template gives exactly this prompt; None if none does."""
    before, place, after = render(_PLACE, question).partition(_PLACE)
    if not place or not prompt.startswith(before) or not prompt.endswith(after):
        return None
    if len(prompt) < len(before) + len(after):
        return None
    system = prompt[len(before) : len(prompt) - len(after)]
    return system if render(system, question) == prompt else None
