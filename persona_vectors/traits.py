"""What defines a trait: contrastive system prompts, questions that show it, a judge's rubric.

Two editions: "general" (YAML files beside this module, for real models) and "pocket" (the pocket
world's own prompts, whose questions and grader live there). The files' layouts are in
`trait_files`. Knows no model and no score.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, model_validator

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
    from persona_vectors.trait_files import load_published, load_yaml

    if edition == "general" and ("/" in name or name.endswith((".yaml", ".json"))):
        path = Path(name)
        if not path.is_file():
            raise ValueError(f"no trait file at {path}")
        return load_published(path) if path.suffix == ".json" else load_yaml(path)
    allowed = trait_names(edition)
    if name not in allowed:
        raise ValueError(f"no trait {name!r} in edition {edition!r}; it has {', '.join(allowed)}")
    if edition == "general":
        return load_yaml(FOLDER / f"{name}.yaml")
    from organisms.pocket.questions import trait

    found = trait(name)
    return Trait(
        name=name,
        edition="pocket",
        positive={split: tuple(texts) for split, texts in found["positive"].items()},
        negative={split: tuple(texts) for split, texts in found["negative"].items()},
    )
