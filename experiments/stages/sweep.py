"""The steering sweep: every cell is tried on dev, one is chosen there, and that one is read on
report.

Random directions go through the same choosing in stages of their own, so that the null is
selected as the vector is.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from experiments.stages.answers import BASE_STEP, Runs, checkpoint, vector_file, write_answers
from organisms.pocket.grammar import Wording

if TYPE_CHECKING:
    from experiments.steering_study import Arm, Study

REPORT_WORDINGS = 2
"""Wordings of each report topic that a random direction's chosen cell is asked; the vector's is
asked all."""


class SweepConfig(Runs):
    """One subject, the cells, and the directions that this stage takes through them."""

    labels: dict[str, Any]
    """Columns of the tables: who is steered."""
    step: int
    """The checkpoint that is steered; -1 is the base."""
    sign: Literal[-1, 1]
    """1 steers towards the trait, -1 away from it."""
    trait: str
    """Which persona vector."""
    layers: tuple[int, ...]
    """Layers k."""
    scopes: tuple[str, ...]
    """Tokens the vector is added to."""
    coefficients: tuple[float, ...]
    """Strengths, before the sign."""
    position: str
    """Position the vector was read at."""
    unit: Literal["raw", "norm"]
    """Unit of the coefficients."""
    samples: int
    """Answers per dev question and cell."""
    capability: int
    """Capability questions the vector is asked a cell; random directions are asked none."""
    report_samples: int
    """Answers per report question in the chosen cell."""
    split: Literal["dev", "report"]
    """Where the chosen cell is read."""
    wording: Wording
    """Level of the questions where the chosen cell is read."""
    maximum_coherence_loss: float
    """Most coherence a chosen cell may lose, as a fraction of answers."""
    first_draw: int
    """First random direction; -1: the vector itself."""
    last_draw: int
    """One past the last random direction."""

    @property
    def directions(self) -> list[tuple[str, str]]:
        """Kind and name in the vector file of each direction."""
        from persona_vectors.vector import VECTOR, direction_name

        if self.first_draw < 0:
            return [(VECTOR, VECTOR)]
        draws = range(self.first_draw, self.last_draw)
        return [("random", direction_name("random", draw)) for draw in draws]


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Sweep on dev, choose, ask on report; write both answers tables and `choice.json`."""
    import pandas as pd

    from experiments.steering_choosing import MISALIGNED, cells_of, choices

    parsed = SweepConfig.model_validate(config)
    arms = _arms(parsed, inputs)
    dev = _study(parsed, arms)
    tried = write_answers(parsed, dev.asks(), out / "dev", parsed.labels["seed"], progress)
    chosen = choices(tried, MISALIGNED, loss=parsed.maximum_coherence_loss, sign=parsed.sign)
    report = dev.model_copy(
        update={
            "split": parsed.split,
            "wording": parsed.wording,
            "per_topic": None if parsed.first_draw < 0 else REPORT_WORDINGS,
            "samples": parsed.report_samples,
        }
    )
    asks = report.asks(cells_of(chosen))
    read = write_answers(parsed, asks, out / "report", parsed.labels["seed"], progress)
    pd.concat([tried, read], ignore_index=True).to_parquet(out / "steering.parquet", index=False)
    told = {
        arm.direction: dataclasses.asdict(chosen[arm.key]) if chosen[arm.key].steers else None
        for arm in arms
    }
    (out / "choice.json").write_text(json.dumps(told, indent=2, sort_keys=True))


def _arms(config: SweepConfig, inputs: Mapping[str, Path]) -> tuple[Arm, ...]:
    """Who is steered, along each direction of this stage."""
    from experiments.steering_study import Arm

    adapter = None
    if config.step != BASE_STEP:
        adapter = str(checkpoint(inputs["train"], config.step))
    return tuple(
        Arm(
            organism=config.labels["organism"],
            adapter=adapter,
            vector_file=str(vector_file(inputs["vectors"], config.trait)),
            direction=name,
            called=kind,
        )
        for kind, name in config.directions
    )


def _study(config: SweepConfig, arms: tuple[Arm, ...]) -> Study:
    """Every cell of every arm, on dev; coefficients signed."""
    from experiments.steering_study import Study

    same = ("base", "trait", "layers", "scopes", "position", "unit", "edition", "judge")
    more = ("samples", "limit", "max_tokens", "dtype", "device")
    return Study(
        **{name: getattr(config, name) for name in (*same, *more)},
        arms=arms,
        capability=config.capability
        if config.limit is None
        else min(config.capability, config.limit),
        coefficients=tuple(config.sign * each for each in config.coefficients),
        seed=max(config.labels["seed"], 0),
        labels={**config.labels, "step": config.step, "final": True},
    )
