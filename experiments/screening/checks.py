"""What a screening refuses before a model is loaded, and before a loaded one reads a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from experiments.screening.job import Cut
from experiments.screening.survey import Survey
from persona_vectors.combining import check_both_kinds
from persona_vectors.reading import training_rows, transcripts
from persona_vectors.scorers import Projection
from persona_vectors.thresholds import check_clean_rows
from persona_vectors.vector import PersonaVector

if TYPE_CHECKING:
    from organisms.runtime import Organism


def layer_of_each(vectors: Sequence[PersonaVector], layers: Sequence[int]) -> list[int]:
    """The layer of every vector: one for all, or one each.

    Raises:
        ValueError: Two vectors are of one trait, the numbers do not match, or a vector has no such
            layer, or is zero there.
    """
    traits = [vector.trait for vector in vectors]
    if len(set(traits)) < len(traits):
        raise ValueError(f"vectors of {', '.join(traits)}; give one of each trait")
    if len(layers) not in (1, len(vectors)):
        raise ValueError(
            f"{len(layers)} layers for {len(vectors)} vectors; give --layer once, or once for each "
            "--vector in their order"
        )
    chosen = list(layers) * len(vectors) if len(layers) == 1 else list(layers)
    for vector, layer in zip(vectors, chosen, strict=True):
        if not vector.at(layer).any():
            raise ValueError(
                f"the {vector.trait!r} vector is zero at layer {layer}: choose another layer"
            )
    return chosen


def chosen_cut(
    threshold: float | None,
    quantile: float | None,
    target_yield: int | None,
    false_positive_rate: float | None,
    *,
    clean: Survey | None,
    rows: int,
) -> Cut | None:
    """The one cut that is asked for; clean rows alone mean a false positive rate of 5%.

    Raises:
        ValueError: Several are asked for, or one that these rows do not allow.
    """
    given: list[Cut] = []
    if threshold is not None:
        given.append(Cut("threshold", threshold))
    if quantile is not None:
        given.append(Cut("quantile", quantile))
    if target_yield is not None:
        given.append(Cut("target_yield", target_yield))
    if false_positive_rate is not None:
        given.append(Cut("false_positive_rate", false_positive_rate))
    if len(given) > 1:
        names = " and ".join(f"--{each.by.replace('_', '-')}" for each in given)
        raise ValueError(f"{names} are given; one of them decides which rows are kept")
    if not given and clean is not None:
        given.append(Cut("false_positive_rate", 0.05))
    if not given:
        return None
    cut = given[0]
    if cut.by == "target_yield" and cut.value > rows:
        raise ValueError(f"--target-yield {target_yield} of {rows} rows; keep at most {rows}")
    if cut.by == "false_positive_rate":
        if clean is None:
            raise ValueError("--false-positive-rate needs rows known to be clean; add --clean FILE")
        check_clean_rows(len(clean), cut.value)
    return cut


def check_truth(found: Survey, combine: str, traits: int) -> str:
    """Refuse a logistic combination without truth; return what is to be said about the truth.

    Raises:
        ValueError: It is asked for, and the rows do not tell, are all of one kind, or there is but
            one trait.
    """
    if found.poisoned is None:
        said = (
            f"{found.told:,} of {len(found):,} rows say whether they are poisoned (a column "
            "'poisoned', true or false)"
        )
        if combine == "logistic":
            raise ValueError(f"--combine logistic is fitted on the truth, and {said}")
        return f"{said}: no ROC curve, AUC, precision or recall" if found.told else ""
    if combine == "logistic":
        check_both_kinds(found.poisoned)
        if traits == 1:
            raise ValueError("--combine logistic combines several traits; give another --vector")
    if found.poisoned.all() or not found.poisoned.any():
        kind = "poisoned" if found.poisoned.all() else "clean"
        return f"all {len(found):,} rows are {kind}: no ROC curve, AUC, precision or recall"
    return ""


def check_rows_fit(
    surveys: Iterable[Survey | None], projection: Projection, organism: Organism
) -> None:
    """Let a model read the rows that are likeliest not to fit it, before it reads the others.

    Raises:
        ValueError: One is too long, or has a system prompt that the chat template would drop.
    """
    for found in surveys:
        if found is None:
            continue
        probes = training_rows(found.probes).assign(lost_system=projection.lost_system)
        try:
            organism.capture(transcripts(probes), (0,), ("last_prompt",), batch_size=1)
            if projection.own is not None:
                organism.sample(projection.own.requests(probes))
        except ValueError as error:
            ids = ", ".join(repr(row["meta"].get("id", "")) for row in found.probes)
            raise ValueError(
                f"one of the rows {ids} does not fit {organism.base!r}: {error}"
            ) from error
