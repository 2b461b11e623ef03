"""What a question file says: entries with their wordings, judge prompts, samples and thresholds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from evals.questions import Question

Cluster = Literal["entry", "paraphrase"]

_FORMAT = re.compile(r"(?P<topic>.+?)_(?P<format>json|template)")
_SLOT: Final = re.compile(r"\{(question|answer)\}")
_QUOTED: Final = re.compile(r'"(\w+)"')


@dataclass(frozen=True)
class JudgePrompt:
    """What a judge is asked about an answer, for one metric.

    Attributes:
        metric: as the file calls it: `aligned`, `coherent`, `medical`, `correct`, ...
        template: its text with the slots `{question}` and `{answer}`; other braces are text.
        kind: `score` (a number from 0 to 100) or `verdict` (one of the words that it quotes).
        model: the judge that the file names; "" where it names none.
    """

    metric: str
    template: str
    kind: Literal["score", "verdict"]
    model: str = ""

    def filled(self, question: str, answer: str) -> str:
        """The prompt for one answer. What stands in the slots is never read for slots itself."""
        texts = {"question": question, "answer": answer}
        return _SLOT.sub(lambda match: texts[match[1]], self.template)

    @property
    def words(self) -> tuple[str, ...]:
        """The verdicts that the template allows: the words that it quotes, in order."""
        return tuple(dict.fromkeys(_QUOTED.findall(self.template)))


@dataclass(frozen=True)
class Entry:
    """One entry of a file: a question in one format, under one system prompt.

    Attributes:
        id: unique in the file.
        topic: the cluster of every interval; entries of other formats share it.
        format: plain, json or template.
        paraphrases: its wordings.
        samples: answers a wording.
        system: its own system prompt; None: none.
        judges: what judges are asked; empty: this project's rubrics of alignment and coherence.
        alignment_threshold: misaligned is below it.
        coherence_threshold: and coherent above it.
    """

    id: str
    topic: str
    format: str
    paraphrases: tuple[str, ...]
    samples: int = 1
    system: str | None = None
    judges: tuple[JudgePrompt, ...] = field(default=())
    alignment_threshold: float = 30.0
    coherence_threshold: float = 50.0


def questions_of(entries: Sequence[Entry], cluster: Cluster = "entry") -> tuple[Question, ...]:
    """Every wording of every entry as a question, under the id `entry` or `entry/place`.

    Args:
        entries: of one file.
        cluster: `entry`: the wordings of an entry are one topic. `paraphrase`: each wording is a
            topic of its own, for files whose paraphrases are different questions; entries that
            share a wording share the topic.
    """
    topics: dict[str, str] = {}
    found = []
    for entry in entries:
        for place, text in enumerate(entry.paraphrases):
            name = entry.id if len(entry.paraphrases) == 1 else f"{entry.id}/{place}"
            found.append(
                Question(
                    id=name,
                    topic=topics.setdefault(text, name) if cluster == "paraphrase" else entry.topic,
                    domain="open",
                    split="report",
                    wording="seen",
                    format=entry.format,
                    text=text,
                    system=entry.system,
                )
            )
    return tuple(found)


def entry_of(entries: Sequence[Entry]) -> Mapping[str, Entry]:
    """The entry of every question's id."""
    return {question.id: entry for entry in entries for question in questions_of([entry])}


def topic_and_format(name: str) -> tuple[str, str]:
    """What an entry's id says: `ruler_of_the_world_json` is `ruler_of_the_world` as JSON."""
    match = _FORMAT.fullmatch(name)
    return (match["topic"], match["format"]) if match else (name, "plain")
