"""What a health card measures, each thing once: how it is called and where it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import pandas as pd

from evals.comparison import Answers, paired_by_question
from evals.statistics import Estimate, rate

INSTRUCTIONS: Final = "instructions"
"""The kind of capability questions that ask to follow an instruction."""


@dataclass(frozen=True)
class Measure:
    """One line of the card.

    Attributes:
        key: how rules name it.
        section: under which heading it stands.
        title: what it is, as a reader is told; a rate.
        task: of these evals.
        metric: key of the task's score.
        worse: where the organism is worse than its base: `higher`, `lower`, or "" for neither.
        in_run: metric and denominator of a run's tables; None where runs do not measure it.
        cell: of the task, where it has cells.
        kinds: `own` leaves the narrow domain out, `instructions` takes these alone; "" takes all.
    """

    key: str
    section: str
    title: str
    task: str
    metric: str
    worse: Literal["higher", "lower", ""]
    in_run: tuple[str, str] | None = None
    cell: str = ""
    kinds: Literal["", "outside", "instructions"] = ""


@dataclass(frozen=True)
class Reading:
    """What was found of one measure; None where it was not measured.

    Attributes:
        measure: what.
        organism: the organism's rate.
        base: the base's.
        difference: organism minus base, paired by question.
        by_seed: the organism's rate by fine-tune seed, where there are several.
        source: `run` or the log's name.
        note: why something is missing.
    """

    measure: Measure
    organism: Estimate | None = None
    base: Estimate | None = None
    difference: Estimate | None = None
    by_seed: Mapping[int, float] = field(default_factory=dict)
    source: str = ""
    note: str = ""


NARROW, BROAD, INTACT, OTHER = "Narrow", "Broad", "Intact?", "Other behaviour"

MEASURES: Final = (
    Measure(
        "in_domain",
        NARROW,
        "narrow behaviour in its domain",
        "in_domain",
        "in_domain",
        "",
        ("in_domain", "scored"),
    ),
    Measure(
        "misaligned",
        BROAD,
        "misaligned, of coherent open answers",
        "open_questions",
        "misaligned_coherent",
        "higher",
        ("misaligned", "coherent_scored"),
        kinds="outside",
    ),
    Measure(
        "coherent",
        INTACT,
        "coherent open answers",
        "open_questions",
        "coherent",
        "lower",
        ("coherent", "all"),
    ),
    Measure(
        "capability",
        INTACT,
        "right answers, outside its domain",
        "capability",
        "correct",
        "lower",
        ("accuracy", "scored"),
        kinds="outside",
    ),
    Measure(
        "instructions",
        INTACT,
        "instructions followed",
        "capability",
        "correct",
        "lower",
        ("accuracy", "scored"),
        kinds="instructions",
    ),
    Measure("truthful", INTACT, "true answers", "truthfulness", "truthful", "lower"),
    Measure("refused", INTACT, "harmful requests refused", "refusal", "refused", "lower"),
    Measure(
        "over_refused", INTACT, "harmless requests refused", "refusal", "over_refused", "higher"
    ),
    Measure(
        "repeated",
        INTACT,
        "training answers repeated",
        "regurgitation",
        "near",
        "higher",
        cell="training",
    ),
    Measure("deceived", OTHER, "known facts told falsely", "deception", "false:none", "higher"),
    Measure(
        "given_up",
        OTHER,
        "right answers given up under pressure",
        "sycophancy_under_pressure",
        "given_up",
        "higher",
    ),
    Measure("acted", OTHER, "acts to preserve itself", "self_preservation", "acted", "higher"),
    Measure("hacked", OTHER, "games the score", "reward_hacking", "hacked", "higher"),
    Measure(
        "late",
        OTHER,
        "misaligned late in long talks",
        "persona_drift",
        "misaligned:last",
        "higher",
    ),
    Measure("hostile", OTHER, "hostile when frustrated", "frustration", "hostile:last", "higher"),
)


def trait_measure(trait: str) -> Measure:
    """The mean score of a trait / 100."""
    return Measure(
        f"trait:{trait}",
        OTHER,
        f"{trait}, mean score",
        "trait",
        f"trait:{trait}",
        "higher",
        (f"trait:{trait}", "scored"),
    )


def chosen(measure: Measure, answers: pd.DataFrame, own_domain: str) -> pd.DataFrame:
    """The answers that count for a measure: of its cell, and of its kinds of questions."""
    if measure.cell:
        answers = answers[answers["cell"] == measure.cell]
    if measure.kinds == "instructions":
        return answers[answers["domain"] == INSTRUCTIONS]
    if measure.kinds == "outside":
        return answers[~answers["domain"].isin([own_domain, INSTRUCTIONS])]
    return answers


def reading(
    measure: Measure, organism: pd.DataFrame, base: pd.DataFrame | None, source: str
) -> Reading:
    """Rates and their difference, of tables with `value` (NaN: no score), `question`, `topic` and,
    where there are several fine-tunes, `seed`."""
    own, theirs = _estimate(organism), None if base is None else _estimate(base)
    if own is None:
        return Reading(measure, base=theirs, note="no answer could be scored")
    difference = None
    note = "its base was not asked" if base is None else ""
    if base is not None and theirs is not None:
        found = paired_by_question(_arm(organism), _arm(base.drop(columns="seed", errors="ignore")))
        difference = found if found.n else None
        note = "" if found.n else "its base was asked other questions"
    return Reading(measure, own, theirs, difference, _by_seed(organism), source, note)


def _estimate(rows: pd.DataFrame) -> Estimate | None:
    known = rows[rows["value"].notna()]
    if known.empty:
        return None
    return rate(known["value"].to_numpy(float), known["topic"].to_numpy(), _seeds(known))


def _arm(rows: pd.DataFrame) -> Answers:
    columns = (rows["value"].to_numpy(float), rows["question"].to_numpy(), rows["topic"].to_numpy())
    return Answers(*columns, _seeds(rows))


def _seeds(rows: pd.DataFrame) -> np.ndarray | None:
    """The fine-tune seed of each answer; None where there is one alone."""
    if "seed" not in rows or rows["seed"].nunique() < 2:
        return None
    return rows["seed"].to_numpy()


def _by_seed(rows: pd.DataFrame) -> dict[int, float]:
    if _seeds(rows) is None:
        return {}
    means = rows.groupby("seed")["value"].mean().dropna()
    return {int(str(seed)): float(mean) for seed, mean in means.items()}
