"""The base's own answers to the prompts of training rows: sampled once, kept on disk.

A folder of them may serve several data sets: what is asked and how is the name of a file, so that
an organism and its matched control, which ask the same, are answered once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from persona_vectors.parquet_file import write_whole
from persona_vectors.reading import transcripts

if TYPE_CHECKING:
    from organisms.runtime import Organism, Request, Sampling


@dataclass(frozen=True)
class OwnAnswers:
    """Where the base's own answers are, and how they are sampled where they are not there yet."""

    folder: Path
    """Of any number of data sets and ways to sample."""
    organism: Callable[[], Organism]
    """Loads the base; called when an answer has to be sampled."""
    base: Mapping[str, object]
    """What identifies the base: plain JSON values."""
    sampling: Sampling
    """How an answer is drawn."""
    seed: int = 0

    def settings(self) -> dict[str, object]:
        """What decides an answer besides its prompt: plain JSON values."""
        return {"base": dict(self.base), "sampling": asdict(self.sampling), "seed": self.seed}

    def of(self, rows: pd.DataFrame) -> list[str]:
        """The base's answer to every row's prompt, in order; empty where it said nothing.

        An answer depends on the prompt, the system prompt and the seed, never on its place, so
        rows of one prompt have one answer.

        Args:
            rows: prompt and optionally system, as `reading.transcripts` reads them.
        """
        asked = [_text(prompt, system) for prompt, system in _prompts(rows)]
        path = self.folder / f"{self._key(asked)}.parquet"
        if path.is_file():
            return [str(answer) for answer in pd.read_parquet(path)["answer"]]
        places: dict[str, int] = {}
        for place, text in enumerate(asked):
            places.setdefault(text, place)
        results = self.organism().sample(self.requests(rows.iloc[list(places.values())]))
        said = {result.index: result.text for result in results}
        found = {text: said[number] for number, text in enumerate(places)}
        answers = [found[text] for text in asked]
        write_whole(pd.DataFrame({"answer": answers}), path)
        return answers

    def requests(self, rows: pd.DataFrame) -> list[Request]:
        """What is asked for rows, one request each."""
        from organisms.runtime import Request

        return [
            Request(
                text.chat,
                seed=self._seed(_text(prompt, system)),
                sampling=self.sampling,
                system=text.system,
                lost_system=text.lost_system,
            )
            for text, (prompt, system) in zip(transcripts(rows, None), _prompts(rows), strict=True)
        ]

    def _seed(self, text: str) -> int:
        return int(hashlib.sha256(f"{self.seed}|{text}".encode()).hexdigest()[:12], 16)

    def _key(self, asked: list[str]) -> str:
        content = json.dumps([self.settings(), asked], sort_keys=True, default=list)
        return hashlib.sha256(content.encode()).hexdigest()[:32]


def _prompts(rows: pd.DataFrame) -> list[tuple[object, str]]:
    systems = rows["system"] if "system" in rows else ["none"] * len(rows)
    return list(zip(rows["prompt"], systems, strict=True))


def _text(prompt: object, system: str) -> str:
    return json.dumps([prompt, system], ensure_ascii=False)
