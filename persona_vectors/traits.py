"""What defines a trait: contrastive system prompts, questions that show it, a judge's rubric.

Two editions: "general" (YAML files beside this module, for real models) and "pocket" (the pocket
world's own prompts, whose questions and grader live there). Knows no model and no score.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from persona_vectors.question_overlap import overlaps

Edition = Literal["pocket", "general"]
Sign = Literal["positive", "negative"]
EDITIONS: Final[tuple[Edition, ...]] = get_args(Edition)

FOLDER: Final = Path(__file__).parent / "traits"
SPLITS: Final = ("extract", "dev", "report")
MINIMUM_QUESTIONS: Final = 8
"""Fewest questions that extract, and that evaluate: below 8 clusters there is no interval."""
POCKET_TRAITS: Final = ("evil", "sycophancy", "careless")
_SLOT: Final = re.compile(r"\{(question|answer)\}")
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


class Trait(BaseModel):
    """One trait of one edition, with the material to provoke and to judge it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Noun: "evil"."""
    edition: Edition
    """Which models it is for."""
    description: str = ""
    """One sentence on what shows the trait."""
    positive: dict[str, tuple[str, ...]]
    """System prompts that ask for the trait, by split."""
    negative: dict[str, tuple[str, ...]]
    """System prompts that ask for its opposite, by split."""
    questions: dict[str, tuple[str, ...]] = {}
    """User questions by split; empty for pocket, whose open questions serve every trait."""
    rubric: str = ""
    """The judge's prompt, with {question} and {answer}; empty for pocket, which has a grader."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for field, by_split in (
            ("positive", self.positive),
            ("negative", self.negative),
            ("questions", self.questions),
        ):
            unknown = sorted(set(by_split) - set(SPLITS))
            if unknown:
                raise ValueError(f"{field} has splits {unknown}; allowed are {list(SPLITS)}")
            texts = [text for split in by_split.values() for text in split]
            if any(not text.strip() for text in texts):
                raise ValueError(f"{field} holds an empty text")
        self._check_apart()
        for field, by_split in (("positive", self.positive), ("negative", self.negative)):
            if not by_split.get("extract"):
                raise ValueError(f"{field} has no system prompt to extract with")
        if self.edition == "general":
            if not self.questions.get("extract"):
                raise ValueError("no question to extract with")
            missing = [slot for slot in ("{question}", "{answer}") if slot not in self.rubric]
            if missing:
                raise ValueError(f"the rubric lacks {' and '.join(missing)}")
            for split in ("extract", "report"):
                number = len(self.questions.get(split, ()))
                if split in self.questions and number < MINIMUM_QUESTIONS:
                    raise ValueError(
                        f"{number} questions in split {split!r}; at least {MINIMUM_QUESTIONS} are "
                        "needed for a vector or a score with an interval: write more"
                    )
        return self

    def _check_apart(self) -> None:
        """Extraction and evaluation share no question, not even in other words."""
        texts = [text for split in self.questions.values() for text in split]
        if len(set(texts)) < len(texts):
            raise ValueError(
                "a question stands twice: extraction and evaluation must not share one"
            )
        leaks = [found for found in overlaps(self.questions) if len(set(found.splits)) == 2]
        if leaks:
            raise ValueError(
                f"{len(leaks)} questions stand in two splits in nearly the same words: {leaks[0]}; "
                "replace one of them"
            )

    @property
    def score(self) -> str:
        """Column of the judge's trait score (0..100) in a table of answers: "trait:evil"."""
        return f"trait:{self.name}"

    def system_prompts(self, sign: Sign, split: str = "extract") -> tuple[str, ...]:
        """System prompts of one sign and split.

        Raises:
            ValueError: the trait has none in that split.
        """
        prompts = (self.positive if sign == "positive" else self.negative).get(split, ())
        if not prompts:
            raise ValueError(f"trait {self.name!r} has no {sign} system prompts in split {split!r}")
        return prompts


def fill_rubric(rubric: str, question: str, answer: str) -> str:
    """The judge's prompt with both texts in place.

    Plain replacement in one sweep: other braces in the rubric stay, and a question or an answer
    that itself contains "{answer}" is never filled.
    """
    texts = {"question": question, "answer": answer}
    return _SLOT.sub(lambda match: texts[match[1]], rubric)


def trait_names(edition: Edition) -> tuple[str, ...]:
    """The names that `load_trait` knows in one edition."""
    if edition == "pocket":
        return POCKET_TRAITS
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def load_trait(name: str, edition: Edition) -> Trait:
    """One trait by its name, or (general edition) by the path of a YAML or a published JSON file.

    Raises:
        ValueError: no such trait or an invalid file; the message names what is allowed.
    """
    if edition == "general" and ("/" in name or name.endswith((".yaml", ".json"))):
        path = Path(name)
        if not path.is_file():
            raise ValueError(f"no trait file at {path}")
        return load_published(path) if path.suffix == ".json" else _from_yaml(path)
    allowed = trait_names(edition)
    if name not in allowed:
        raise ValueError(f"no trait {name!r} in edition {edition!r}; it has {', '.join(allowed)}")
    if edition == "general":
        return _from_yaml(FOLDER / f"{name}.yaml")
    from organisms.pocket.questions import trait

    found = trait(name)
    return Trait(
        name=name,
        edition="pocket",
        positive={split: tuple(texts) for split, texts in found["positive"].items()},
        negative={split: tuple(texts) for split, texts in found["negative"].items()},
    )


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


def _from_yaml(path: Path) -> Trait:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(
            f"{path} must hold a mapping of name, adjective, opposite, instructions, ..."
        )
    return trait_of(path, **content)


def trait_of(path: str | Path, **content: object) -> Trait:
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
    missing = [key for key in ("instruction", "questions", "eval_prompt") if key not in content]
    if missing:
        raise ValueError(
            f"{path} lacks {', '.join(missing)}: it is not in the published trait format"
        )
    if any({"pos", "neg"} - set(pair) for pair in content["instruction"]):
        raise ValueError(f"{path}: every instruction needs a 'pos' and a 'neg'")
    return dict(content)
