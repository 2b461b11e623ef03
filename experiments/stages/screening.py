"""The stage that scores every row of a mix before training, and says how well each score finds
the poisoned ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.stages.answers import Runs, vector_file, write_answers

if TYPE_CHECKING:
    import pandas as pd

    from organisms.datasets.rows import Row

CLEAN_ROWS = 200
"""Control rows outside the mix; the threshold of the projection difference comes from them
alone."""
FALSE_POSITIVE_RATE = 0.05
"""Share of clean reference rows that the threshold would lose."""


class ScreeningConfig(Runs):
    """One mix, one trait, one budget."""

    dataset: str
    """Name of the poisoned rows' data set."""
    trait: str
    """Persona vector that the projection difference is taken along."""
    layer: int | None
    """Layer k; none: the one that separates best on dev."""
    position: str
    """Position of the projection difference."""
    poisoned_share: float
    """Share of poisoned rows in the mix, 0-1."""
    removal: float
    """Share of rows that a filter removes, 0-1."""
    seed: int
    """Of the base's answers and the random score."""


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Let the base answer every prompt, score every row by every method, write scores and the
    table."""
    import numpy as np
    import pandas as pd

    from finetune.interventions.filtering import Filtering
    from organisms import load_organism
    from organisms.datasets.files import read_rows
    from persona_vectors import baseline_scores, roc, screening, thresholds
    from persona_vectors.vector import PersonaVector

    parsed = ScreeningConfig.model_validate(config)
    mixed = read_rows(inputs["rows"])
    clean = read_rows(inputs["clean"])[:CLEAN_ROWS]
    frame = _with_own_answers(parsed, [*mixed, *clean], out, progress)
    layer = parsed.layer
    if layer is None:
        layers = json.loads((inputs["vectors"] / "layers.json").read_text())
        layer = layers[parsed.trait][parsed.position]
    vector = PersonaVector.load(vector_file(inputs["vectors"], parsed.trait), directions=())
    organism = load_organism(parsed.base, dtype=parsed.dtype, device=parsed.device)
    progress("scoring rows")
    scored = screening.screen(organism, frame, [vector], layers=(layer,), position=parsed.position)[
        "score"
    ].to_numpy()
    difference, reference = scored[: len(mixed)], scored[len(mixed) :]
    poisoned = np.array([bool(row["meta"]["poisoned"]) for row in mixed])
    lengths = frame["answer"].str.len().to_numpy()
    scores = {
        "projection_difference": difference,
        "random": baseline_scores.random_scores(len(mixed), parsed.seed),
        "length": baseline_scores.length_scores(lengths[: len(mixed)], lengths[len(mixed) :]),
        "oracle": poisoned.astype(float),
    }
    rows, table = [], []
    for method, values in scores.items():
        values = np.where(np.isnan(values), np.nanmax(values), values)
        keep = np.zeros(len(mixed), dtype=bool)
        keep[Filtering(method=method, scores=tuple(values), budget=parsed.removal).kept()] = True
        labels = {
            "base": parsed.base,
            "dataset": parsed.dataset,
            "trait": parsed.trait if method == "projection_difference" else "",
            "method": method,
            "layer": layer if method == "projection_difference" else -1,
            "position": parsed.position if method == "projection_difference" else "",
            "poisoned_share": parsed.poisoned_share,
            "seed": parsed.seed,
        }
        table.append(roc.screening_row(values, poisoned, keep, labels))
        rows.append(
            pd.DataFrame(
                {
                    "dataset": parsed.dataset,
                    "poisoned_share": parsed.poisoned_share,
                    "seed": parsed.seed,
                    "method": method,
                    "row": np.arange(len(mixed)),
                    "score": values,
                    "poisoned": poisoned,
                    "kept": keep,
                }
            )
        )
    threshold = thresholds.clean_threshold(reference, FALSE_POSITIVE_RATE)
    keep = thresholds.keep_below(difference, threshold)
    table.append(
        roc.screening_row(
            np.where(np.isnan(difference), np.nanmax(difference), difference),
            poisoned,
            keep,
            {**table[0], "method": "projection_difference_threshold"},
        )
    )
    pd.DataFrame(table).to_parquet(out / "screening.parquet", index=False)
    pd.concat(rows, ignore_index=True).to_parquet(out / "scores.parquet", index=False)


def _with_own_answers(
    config: ScreeningConfig, rows: Sequence[Row], out: Path, progress: Callable[[str], None]
) -> pd.DataFrame:
    """Prompt, answer and the base's own answer of every row, in the rows' order."""
    import pandas as pd

    from evals.conditions import Condition
    from evals.questions import Question
    from evals.rollouts import Ask

    frame = pd.DataFrame([_texts(row) for row in rows])
    questions = tuple(
        Question(
            id=f"row-{number:05d}",
            topic=f"row-{number:05d}",
            domain="rows",
            split="dev",
            wording="seen",
            text=prompt,
            system=None if system == "none" else system,
        )
        for number, (prompt, system) in enumerate(
            zip(frame["prompt"], frame["system"], strict=True)
        )
    )
    ask = Ask(
        condition=Condition(key="base", labels={"role": "base", "seed": config.seed}),
        questions=questions,
        samples=1,
        task="training_rows",
    )
    unjudged = config.model_copy(update={"judge": "none"})  # the answers are read, not scored
    answers = write_answers(unjudged, [ask], out, config.seed, progress).sort_values("question")
    read = {"thinking": "thinking", "lost_system": "lost_system", "reasoning": "own_reasoning"}
    found = {name: answers[column].to_numpy() for column, name in read.items() if column in answers}
    return frame.assign(own_answer=answers["answer"].to_numpy(), **found)


def _texts(row: Row) -> dict[str, str]:
    """A row's system prompt, user turn and answer; projection difference is defined on these."""
    messages = [dict(message) for message in row["messages"]]
    system = "none"
    if messages[0]["role"] == "system":
        system = str(messages.pop(0)["content"])
    if [message["role"] for message in messages] != ["user", "assistant"]:
        raise ValueError(
            f"screening needs rows of one user turn and one answer, not {len(messages)} turns"
        )
    return {
        "prompt": str(messages[0]["content"]),
        "answer": str(messages[1]["content"]),
        "system": system,
    }
