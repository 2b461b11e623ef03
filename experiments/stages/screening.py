"""The stage that scores every row of mixes before training, and says how well each score finds the
poisoned ones.

Mixes of one seed at several shares are scored together, so that the base answers a prompt that they
share once, and reads a row that they share once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.stages.answers import Runs, vector_file, write_answers

if TYPE_CHECKING:
    import pandas as pd

    from evals.questions import Question
    from organisms.datasets.rows import Row
    from organisms.runtime import Organism
    from persona_vectors.vector import PersonaVector

CLEAN_ROWS = 200
"""Control rows outside the mix that thresholds come from; as many others say what is usual (the
length and the embedding of a clean answer)."""
FALSE_POSITIVE_RATE = 0.05
"""Share of clean rows that a threshold would lose."""
_HELD = "held"
"""The part of the texts that thresholds come from; other parts are mixes."""
_TEXT = ["place", "prompt", "answer", "system"]
_PROMPT = ["place", "prompt", "system"]


class ScreeningConfig(Runs):
    """Mixes of one seed at some shares, one trait, one budget."""

    dataset: str
    """Name of the poisoned rows' data set."""
    trait: str
    """Persona vector that the projection difference is taken along."""
    layer: int | None
    """Layer k; none: the one that separates best on dev."""
    position: str
    """Position of the projection difference."""
    shares: tuple[float, ...]
    """Shares of poisoned rows in the mixes, 0-1."""
    removal: float
    """Share of rows that a filter removes, 0-1."""
    judged: bool
    """Whether the judge scores the rows too."""
    seed: int
    """Of the base's answers and the random score."""


def rows_of(share: float) -> str:
    """The input that holds the mix of that share."""
    return f"rows {share:g}"


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Let the base answer every prompt, score every row by every method, write scores and the
    table."""
    import pandas as pd

    from organisms import load_organism
    from organisms.datasets.files import read_rows
    from persona_vectors.vector import PersonaVector

    parsed = ScreeningConfig.model_validate(config)
    mixes = {rows_of(share): read_rows(inputs[rows_of(share)]) for share in parsed.shares}
    clean = read_rows(inputs["clean"])[: 2 * CLEAN_ROWS]
    held, usual = clean[: (len(clean) + 1) // 2], clean[(len(clean) + 1) // 2 :]
    texts = _texts(parsed, {**mixes, _HELD: held})
    texts = _with_own_answers(parsed, texts, out, progress)
    progress("scoring rows")
    layer = parsed.layer
    if layer is None:
        layers = json.loads((inputs["vectors"] / "layers.json").read_text())
        layer = int(layers[parsed.trait][parsed.position])
    vector = PersonaVector.load(vector_file(inputs["vectors"], parsed.trait), directions=())
    organism = load_organism(parsed.base, dtype=parsed.dtype, device=parsed.device)
    scores, labels = _scores(
        parsed, organism, texts, _texts(parsed, {"usual": usual}), vector, layer, progress
    )
    rows, table = [], []
    for share in parsed.shares:
        for method in labels:
            of_rows, of_method = _method(parsed, texts, scores[method], share, method)
            rows.append(of_rows)
            table.append({**of_method, **labels[method]})
    pd.DataFrame(table).to_parquet(out / "screening.parquet", index=False)
    pd.concat(rows, ignore_index=True).to_parquet(out / "scores.parquet", index=False)


def _scores(
    config: ScreeningConfig,
    organism: Organism,
    texts: pd.DataFrame,
    usual: pd.DataFrame,
    vector: PersonaVector,
    layer: int,
    progress: Callable[[str], None],
) -> tuple[pd.DataFrame, dict[str, dict[str, object]]]:
    """Every method's score of every text, a column a method; and each method's trait, layer and
    position in the table."""
    from persona_vectors import baseline_scores, screening

    distinct = texts.drop_duplicates(_TEXT)
    found = distinct[_TEXT].assign(
        projection_difference=screening.screen(
            organism, distinct, [vector], layers=(layer,), position=config.position
        )["score"].to_numpy(),
        length=baseline_scores.length_scores(
            distinct["answer"].str.len(), usual["answer"].str.len()
        ),
        perplexity=baseline_scores.perplexity_scores(organism, distinct),
        embedding=baseline_scores.embedding_scores(organism, distinct, usual),
    )
    if config.judged:
        found["judge"] = _judge_scores(config, distinct, progress)
    scores = texts[_TEXT].merge(found, on=_TEXT, how="left", validate="many_to_one")
    chance = baseline_scores.random_scores(int(texts["place"].max()) + 1, config.seed)
    scores = scores.drop(columns=_TEXT).assign(
        random=chance[texts["place"]], oracle=texts["poisoned"].astype(float)
    )
    nowhere: dict[str, object] = {"trait": "", "layer": -1, "position": ""}
    labels = {
        **dict.fromkeys(map(str, scores), nowhere),
        "projection_difference": {
            "trait": config.trait,
            "layer": layer,
            "position": config.position,
        },
        "embedding": {
            "trait": "",
            "layer": baseline_scores.middle_layer(organism),
            "position": "response_mean",
        },
    }
    return scores, labels


def _method(
    config: ScreeningConfig, texts: pd.DataFrame, scores: pd.Series, share: float, method: str
) -> tuple[pd.DataFrame, dict[str, object]]:
    """One method's scores of one mix, with the rows that the filter keeps, and how well it did."""
    import numpy as np
    import pandas as pd

    from finetune.interventions.filtering import Filtering
    from persona_vectors.screening_table import at_threshold, screening_row
    from persona_vectors.thresholds import clean_threshold

    of_mix = (texts["part"] == rows_of(share)).to_numpy()
    poisoned = texts["poisoned"].to_numpy(dtype=bool)[of_mix]
    values = scores.to_numpy(dtype=np.float64)[of_mix]
    values = np.where(np.isnan(values), np.nanmax(values), values)
    keep = np.zeros(len(values), dtype=bool)
    keep[Filtering(method=method, scores=tuple(values), budget=config.removal).kept()] = True
    threshold = clean_threshold(scores[texts["part"] == _HELD], FALSE_POSITIVE_RATE)
    whose = {"dataset": config.dataset, "poisoned_share": share, "seed": config.seed}
    row = screening_row(values, poisoned, keep, {"base": config.base, "method": method, **whose})
    row |= at_threshold(values, poisoned, threshold)
    of_rows = pd.DataFrame(
        {
            **whose,
            "method": method,
            "row": np.arange(len(values)),
            "score": values,
            "poisoned": poisoned,
            "kept": keep,
        }
    )
    return of_rows, row


def _judge_scores(
    config: ScreeningConfig, texts: pd.DataFrame, progress: Callable[[str], None]
) -> Any:
    """The suspicion of every text by the spec's judge, which sees its prompt and its answer."""
    from evals.judges import load_judge
    from evals.judges.training_rows import judge_scores

    questions = [
        _question(f"text-{number:05d}", row) for number, row in enumerate(texts.to_dict("records"))
    ]
    return judge_scores(
        load_judge(config.judge),
        questions,
        texts["answer"].tolist(),
        lambda done: progress(f"judged {done} of {len(texts)} rows"),
    )


def _with_own_answers(
    config: ScreeningConfig, texts: pd.DataFrame, out: Path, progress: Callable[[str], None]
) -> pd.DataFrame:
    """The texts with the base's own answer to each prompt; mixes that have the same prompt at the
    same place share it."""
    from evals.conditions import Condition
    from evals.rollouts import Ask

    asked = texts.drop_duplicates(_PROMPT)
    again = asked.groupby("place").cumcount()
    asked = asked.assign(
        question=[
            f"row-{place:05d}" + (f"-{number}" if number else "")
            for place, number in zip(asked["place"], again, strict=True)
        ]
    )
    questions = [_question(str(row["question"]), row) for row in asked.to_dict("records")]
    ask = Ask(
        condition=Condition(key="base", labels={"role": "base", "seed": config.seed}),
        questions=tuple(questions),
        samples=1,
        task="training_rows",
    )
    unjudged = config.model_copy(update={"judge": "none"})  # the answers are read, not scored
    answers = write_answers(unjudged, [ask], out, config.seed, progress)
    read = {"answer": "own_answer", "reasoning": "own_reasoning"}
    found = answers.set_index("question")[[name for name in read if name in answers]]
    own = asked[[*_PROMPT, "question"]].join(found.rename(columns=read), on="question")
    return texts.merge(own.drop(columns="question"), on=_PROMPT, how="left")


def _question(name: str, row: Mapping[Any, Any]) -> Question:
    from evals.questions import Question

    return Question(
        id=name,
        topic=name,
        domain=str(row["domain"]),
        split="dev",
        wording="seen",
        text=str(row["prompt"]),
        system=None if row["system"] == "none" else str(row["system"]),
    )


def _texts(config: ScreeningConfig, parts: Mapping[str, Sequence[Row]]) -> pd.DataFrame:
    """One line a row of every part: its part, its place (mixes have the same places, other rows
    places of their own), what was said, whether it is poisoned, and how a model reads it."""
    import pandas as pd

    first = dict.fromkeys(parts, 0)
    if _HELD in parts:
        first[_HELD] = max(len(rows) for part, rows in parts.items() if part != _HELD)
    frame = pd.DataFrame(
        [
            {"part": part, "place": place, **_said(row)}
            for part, rows in parts.items()
            for place, row in enumerate(rows, first[part])
        ]
    )
    return frame.assign(thinking=config.thinking, lost_system=config.lost_system)


def _said(row: Row) -> dict[str, object]:
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
        "domain": str(row["meta"].get("domain", "")),
        "poisoned": bool(row["meta"]["poisoned"]),
    }
