"""A general trait's file: our YAML layout, and the published JSON (arXiv 2507.21509)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from persona_vectors.traits import SPLITS, Trait

_PUBLISHED_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "apathetic": ("apathy", "enthusiastic"),
    "evil": ("evil", "helpful"),
    "hallucinating": ("hallucination", "truthful"),
    "humorous": ("humour", "serious"),
    "impolite": ("impoliteness", "polite"),
    "optimistic": ("optimism", "realistic"),
    "sycophantic": ("sycophancy", "honest"),
}
"""A published file's adjective -> our name of the trait, adjective of the opposite persona."""


class InstructionPair(BaseModel):
    """Two instructions that differ in the trait and in as little else as possible."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    positive: str
    """Asks for the trait."""
    negative: str
    """Asks for its opposite."""


def load_published(
    path: str | Path,
    evaluation: str | Path | None = None,
    *,
    name: str | None = None,
    adjective: str | None = None,
    opposite: str | None = None,
) -> Trait:
    """A trait in the published JSON format (arXiv 2507.21509): instruction pairs, questions and an
    eval_prompt.

    Args:
        path: the file whose questions extract.
        evaluation: the file of the same trait whose questions evaluate; they become the split
            "report".
        name: the trait's noun; by default made from the file's name, which is the adjective.
        adjective: of the positive persona; by default the file's name.
        opposite: adjective of the negative persona; by default as published, "helpful" for an
            unknown trait.

    Raises:
        ValueError: the file is not in that format.
    """
    stem = Path(path).stem
    default_name, default_opposite = _PUBLISHED_NAMES.get(stem, (stem, "helpful"))
    content = _read_published(path)
    questions = {"extract": content["questions"]}
    if evaluation is not None:
        questions["report"] = _read_published(evaluation)["questions"]
    return trait_of(
        path,
        name=name or default_name,
        adjective=adjective or stem,
        opposite=opposite or default_opposite,
        instructions=[
            {"positive": pair["pos"], "negative": pair["neg"]} for pair in content["instruction"]
        ],
        questions=questions,
        rubric=content["eval_prompt"],
    )


def persona_prompt(adjective: str, instruction: str) -> str:
    """The system prompt of one persona, worded as published: "You are an evil assistant. ..."."""
    article = "an" if adjective.lower().startswith((*"aeiou", "honest")) else "a"
    return f"You are {article} {adjective} assistant. {instruction}"


def load_yaml(path: Path) -> Trait:
    """A trait of our YAML layout.

    Raises:
        ValueError: the file is not in that layout; names the file and what is wrong with it.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ValueError(
            f"{path} must hold a mapping of name, adjective, opposite, instructions, ..."
        )
    return trait_of(path, **content)


def trait_of(path: str | Path, /, **content: object) -> Trait:
    """A general trait from a file's content; the adjectives become part of the system prompts.

    Raises:
        ValueError: names the file and what is wrong with it.
    """
    try:
        file = _TraitFile.model_validate(content)
        pairs = file.instructions
        return Trait(
            name=file.name,
            edition="general",
            description=file.description,
            positive=_in_every_split(
                persona_prompt(file.adjective, pair.positive) for pair in pairs
            ),
            negative=_in_every_split(
                persona_prompt(file.opposite, pair.negative) for pair in pairs
            ),
            questions=file.questions,
            rubric=file.rubric,
        )
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'trait'}: {problem['msg']}"
            for problem in error.errors()
        )
        raise ValueError(f"{path}: {reasons}") from error


def _in_every_split(prompts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """A general trait has few prompts and uses them in every split: its questions are split."""
    return dict.fromkeys(SPLITS, tuple(prompts))


class _TraitFile(BaseModel):
    """The layout of a YAML trait file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    adjective: str
    opposite: str
    description: str = ""
    instructions: tuple[InstructionPair, ...]
    questions: dict[str, tuple[str, ...]]
    rubric: str


def _read_published(path: str | Path) -> dict[str, list[dict[str, str]]]:
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"cannot read the trait file {path}: {error}") from error
    needed = ("instruction", "questions", "eval_prompt")
    missing = [key for key in needed if not isinstance(content, dict) or key not in content]
    if missing:
        raise ValueError(
            f"{path} lacks {', '.join(missing)}: it is not in the published trait format"
        )
    pairs = content["instruction"]
    if not isinstance(pairs, list) or not all(
        isinstance(pair, dict) and {"pos", "neg"} <= set(pair) for pair in pairs
    ):
        raise ValueError(f"{path}: every instruction needs a 'pos' and a 'neg'")
    return dict(content)
