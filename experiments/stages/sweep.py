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

from experiments.stages.answers import (
    BASE_STEP,
    Asked,
    Runs,
    checkpoint,
    load_questions,
    vector_file,
    write_answers,
)
from organisms.pocket.grammar import Wording

if TYPE_CHECKING:
    import pandas as pd

    from evals.conditions import Condition, SteeringConfig
    from evals.rollouts import Ask

REPORT_WORDINGS = 2
"""Wordings of each report topic that a random direction's chosen cell is asked; the vector's is
asked all."""

Cell = tuple[int, str, float]
"""Layer, scope, coefficient."""


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
    def cells(self) -> list[Cell]:
        """Every combination, in a fixed order, coefficients signed."""
        return [
            (layer, scope, self.sign * coefficient)
            for layer in self.layers
            for scope in self.scopes
            for coefficient in self.coefficients
        ]

    @property
    def directions(self) -> list[tuple[str, int, str]]:
        """Kind, draw and name in the vector file of each direction."""
        from persona_vectors.vector import direction_name

        if self.first_draw < 0:
            return [("vector", -1, direction_name("vector"))]
        draws = range(self.first_draw, self.last_draw)
        return [("random", draw, direction_name("random", draw)) for draw in draws]


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Sweep on dev, choose, ask on report; write both answers tables and `choice.json`."""
    import pandas as pd

    parsed = SweepConfig.model_validate(config)
    dev = Asked(task="open_questions", split="dev", wording="seen", per_topic=1)
    dev_asks = [_ask(parsed, inputs, dev, parsed.samples, None, None)]
    for direction in parsed.directions:
        dev_asks += [
            _ask(parsed, inputs, dev, parsed.samples, direction, cell) for cell in parsed.cells
        ]
    tried = write_answers(parsed, dev_asks, out / "dev", parsed.labels["seed"], progress)
    chosen = _choose(parsed, tried)

    report = Asked(
        task="open_questions",
        split=parsed.split,
        wording=parsed.wording,
        per_topic=None if parsed.first_draw < 0 else REPORT_WORDINGS,
    )
    report_asks = [_ask(parsed, inputs, report, parsed.report_samples, None, None)]
    for direction in parsed.directions:
        found = chosen[direction[2]]
        if found is not None:
            cell = (found["layer"], found["scope"], found["coefficient"])
            report_asks.append(_ask(parsed, inputs, report, parsed.report_samples, direction, cell))
    read = write_answers(parsed, report_asks, out / "report", parsed.labels["seed"], progress)
    pd.concat([tried, read], ignore_index=True).to_parquet(out / "steering.parquet", index=False)
    (out / "choice.json").write_text(json.dumps(chosen, indent=2, sort_keys=True))


def _choose(config: SweepConfig, tried: pd.DataFrame) -> dict[str, dict[str, Any] | None]:
    """Each direction's cell; none where no cell was better than not steering."""
    import numpy as np

    from evals.statistics import denominators, misaligned
    from persona_vectors.steering_choice import choose_cell

    coherent = denominators(tried["alignment"], tried["coherence"], tried["unscored"])["coherent"]
    frame = tried.assign(
        coherent=coherent,
        bad=np.where(
            coherent, misaligned(tried["alignment"], tried["coherence"]).astype(float), np.nan
        ),
    )
    place = ["layer", "position", "scope", "coefficient", "unit"]
    unsteered = frame[frame["direction"] == ""]
    chosen: dict[str, dict[str, Any] | None] = {}
    for kind, draw, name in config.directions:
        own = frame[(frame["direction"] == kind) & (frame["draw"] == draw)]
        cells = own.groupby(place, as_index=False).agg(
            rate=("bad", "mean"), coherence=("coherent", "mean")
        )
        choice = choose_cell(
            cells,
            unsteered_rate=float(unsteered["bad"].mean()),
            unsteered_coherence=float(unsteered["coherent"].mean()),
            maximum_coherence_loss=config.maximum_coherence_loss,
            goal="raise" if config.sign > 0 else "lower",
        )
        chosen[name] = dataclasses.asdict(choice) if choice.steers else None
    return chosen


def _ask(
    config: SweepConfig,
    inputs: Mapping[str, Path],
    asked: Asked,
    samples: int,
    direction: tuple[str, int, str] | None,
    cell: Cell | None,
) -> Ask:
    from evals.rollouts import Ask

    return Ask(
        condition=_condition(config, inputs, direction, cell),
        questions=load_questions(config.edition, asked, config.limit),
        samples=samples,
        task="open_questions",
    )


def _condition(
    config: SweepConfig,
    inputs: Mapping[str, Path],
    direction: tuple[str, int, str] | None,
    cell: Cell | None,
) -> Condition:
    from evals.conditions import Condition

    adapter = None
    if config.step != BASE_STEP:
        adapter = str(checkpoint(inputs["train"], config.step))
    labels = {**config.labels, "step": config.step, "final": True}
    if direction is None or cell is None:
        return Condition(key="unsteered", adapter=adapter, labels=labels)
    kind, draw, _ = direction
    layer, scope, coefficient = cell
    labels |= {
        "trait": config.trait,
        "layer": layer,
        "position": config.position,
        "scope": scope,
        "coefficient": coefficient,
        "unit": config.unit,
        "direction": kind,
        "draw": draw,
    }
    return Condition(
        key=f"{kind}{draw}/layer{layer}/{scope}/{coefficient:g}",
        adapter=adapter,
        steering=(_steering(config, inputs, direction, cell),),
        labels=labels,
    )


def _steering(
    config: SweepConfig,
    inputs: Mapping[str, Path],
    direction: tuple[str, int, str],
    cell: Cell,
) -> SteeringConfig:
    from evals.conditions import SteeringConfig

    layer, scope, coefficient = cell
    return SteeringConfig(
        vector_file=str(vector_file(inputs["vectors"], config.trait)),
        direction=direction[2],
        position=config.position,
        layer=layer,
        coefficient=coefficient,
        unit=config.unit,
        scope=scope,
    )
