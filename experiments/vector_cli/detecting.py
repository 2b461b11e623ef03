"""What `wardian vectors monitor --labels` reads and prints; the work is in
`persona_vectors.detection`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from experiments.printing import line

if TYPE_CHECKING:
    import pandas as pd

    from organisms.runtime import Organism
    from persona_vectors.vector import PersonaVector

_CLUSTERS = ("topic", "question", "prompt")


def judged(path: Path, labels: str, rows: int | None) -> pd.DataFrame:
    """The answers that have a label, as numbers.

    Raises:
        ValueError: There is no such table, it lacks the column or `prompt`, or nothing is labelled.
    """
    import pandas as pd

    from experiments.vector_cli.rollouts import read_table

    table = read_table(path)
    missing = [name for name in ("prompt", labels) if name not in table]
    if missing:
        raise ValueError(
            f"{path} lacks the columns {', '.join(missing)}; it has {', '.join(table.columns)}"
        )
    numbers = pd.to_numeric(table[labels], errors="coerce")
    known = table.assign(**{labels: numbers})[numbers.notna()].head(rows or len(table))
    if known.empty:
        raise ValueError(f"{path} has no number in the column {labels}; judge the answers first")
    return known


def show_detection(
    console: Console,
    organism: Organism,
    answers: pd.DataFrame,
    vectors: Sequence[PersonaVector],
    layer: int,
    labels: str,
    threshold: float,
    adapter: str | None,
) -> pd.DataFrame:
    """Print one line a vector; returns the answers with their projections."""
    from evals.statistics import MINIMUM_CLUSTERS
    from persona_vectors.detection import detection_auc, prompt_projections

    clusters = next(name for name in _CLUSTERS if name in answers)
    layers = {vector.trait: layer for vector in vectors}
    projected = prompt_projections(organism, answers, vectors, layers, adapter=adapter)
    expressing = answers[labels] >= threshold
    line(console, "answers", f"{len(answers):,}, {int(expressing.sum()):,} with {labels} from "
         f"{threshold:g} on")  # fmt: skip
    for vector, scores in zip(vectors, projected.T, strict=True):
        found = detection_auc(scores, expressing, answers[clusters].tolist())
        said = f"{found.estimate:.2f} [{found.low:.2f}, {found.high:.2f}]"
        if found.expressing in (0, found.n):
            said = "none: every answer expresses it" if found.expressing else "none expresses it"
        elif found.low != found.low:
            said = (
                f"{found.estimate:.2f}, no interval: it needs {MINIMUM_CLUSTERS} clusters "
                f"({clusters}) of answers that express it, and of others"
            )
        line(console, f"AUC, {vector.trait} at layer {layer}", said)
    names = {f"along {vector.trait}": projected[:, v] for v, vector in enumerate(vectors)}
    return answers.assign(**names)
