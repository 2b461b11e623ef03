"""The figures of the report: file name, drawing function, and what to know to read each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from experiments.plots import (
    checkpoints,
    correlation,
    crosstalk,
    filtering,
    frontier,
    headline,
    hero,
    monitoring,
    steering,
    truth,
    updates,
)


@dataclass(frozen=True)
class FigureOf:
    """A figure, its caption, and what to say where the tables hold nothing to draw."""

    name: str
    draw: Callable[[Mapping[str, pd.DataFrame]], Figure | None]
    caption: str
    absent: str


FIGURES = (
    FigureOf("hero", hero.draw, "", ""),
    FigureOf(
        "headline",
        headline.draw,
        "Final checkpoints. Misalignment is read on questions outside the narrow domain, over "
        "coherent answers (other denominators are in the table); narrow behaviour is what the "
        "fine-tune taught. Careless answers are a competing account of a wrong answer and are "
        "counted apart.",
        "no final model was asked open questions.",
    ),
    FigureOf(
        "checkpoints",
        checkpoints.draw,
        "One column an organism; the base stands at the left of a shared axis. A shift is the "
        "projection under the checkpoint minus that under the base.",
        "no organism was measured at more than one training step.",
    ),
    FigureOf(
        "frontier_learning",
        frontier.draw_learning,
        "The path of each organism over its run. An intervention is worth having where it lies "
        "below the path: less misalignment for the same narrow learning.",
        "narrow behaviour was not measured along a run.",
    ),
    FigureOf(
        "frontier_coherence",
        frontier.draw_coherence,
        "Misalignment against coherence over training steps (numbers) and learning rates (lines); "
        "intervals of the misaligned rate alone, at the last step.",
        "coherence was not measured along a run.",
    ),
    FigureOf(
        "updates",
        updates.draw,
        "One dot a final fine-tune and seed. Organisms above controls at the same KL are "
        "misaligned for what they learned, not for how far they moved.",
        "the size of no fine-tune's update was measured.",
    ),
    FigureOf(
        "correlation",
        correlation.draw,
        "Each point is one model and seed. Organisms and checkpoints are correlated apart; they "
        "are not independent, so r is shown beside nulls that share their dependence. Of few "
        "directions, such as `of 10`, r must be beyond every one.",
        "shifts were not measured.",
    ),
    FigureOf(
        "crosstalk",
        crosstalk.draw,
        "r of what is done along one trait's vector (rows) and the judged expression of another "
        "(columns); framed: the trait itself. Intervals draw organisms anew, or the places that "
        "were steered, and need five of them. Steering is that of the sweep on dev: the "
        "coefficient, within each layer and scope; traits that were not swept have no row.",
        "it takes two traits and fine-tunes that were measured.",
    ),
    FigureOf(
        "monitoring",
        monitoring.draw,
        "Read after training steps on fixed prompts, one line a model and seed. An alarm says that "
        "the model moves along this vector further than along meaningless directions, whatever the "
        "size of the change.",
        "no fine-tune was watched; add `monitor` to `finetune`.",
    ),
    FigureOf(
        "steering_towards",
        steering.draw_towards,
        "The base with the vector added, on dev; one line a scope. The ringed cell was chosen on "
        "dev, the star is the same cell on the report split: only that has an interval. Where few "
        "answers are coherent, misaligned is a share of those few.",
        "the base was not steered.",
    ),
    FigureOf(
        "steering_away",
        steering.draw_away,
        "Organisms with the vector taken away, on dev, likewise.",
        "no organism was swept; steering at a fixed cell stands among the interventions.",
    ),
    FigureOf(
        "steering_choosing",
        steering.draw_choosing,
        "The chosen cells on the report split, beside random directions that went through the "
        "same choosing.",
        "no cell was read on the report split.",
    ),
    FigureOf(
        "filtering",
        filtering.draw,
        "How well each score finds poisoned rows, and misalignment after fine-tuning on what "
        "each filter kept, for the same number of steps. Over several shares, lines join the means "
        "of seeds and bars are 95% intervals; the oracle knows the truth.",
        "no mixed data set was filtered.",
    ),
    FigureOf(
        "truth",
        truth.draw,
        "1 is the author's direction itself, 0 a direction at right angles to it. There is no "
        "point where the earlier turns change nothing, as in the embedding (layer 0).",
        "no vectors were extracted from a base of pocket's world; others have no known author.",
    ),
)
