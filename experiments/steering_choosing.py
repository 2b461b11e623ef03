"""Which cell each direction of a steering study is taken in, chosen by one rule for the vector and
every null, and what the vector's cell does on other questions beside the nulls'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from experiments.steering_study import VECTOR, ArmKey, Cell
from persona_vectors.steering_nulls import NULLS

if TYPE_CHECKING:
    import pandas as pd

    from persona_vectors.steering_choice import Choice

MISALIGNED = "misaligned"
_KEY = ["organism", "direction", "draw"]
_PLACE = ["layer", "position", "scope", "coefficient", "unit"]


def choices(
    tried: pd.DataFrame, metric: str, *, floor: float | None = None, loss: float = 0.0, sign: int
) -> dict[ArmKey, Choice]:
    """Each direction's cell: the most extreme figure of coherent answers to open questions among
    the cells of one sign that stay coherent; see `persona_vectors.steering_choice`.

    Args:
        tried: answers of a study on the questions that choose.
        metric: `misaligned`, or `trait:NAME` for that score.
        floor: least share of coherent answers; None: that without steering, less `loss`.
        loss: most of it that may be lost, as a fraction of answers.
        sign: 1 chooses among positive coefficients what raises the figure, -1 among negative ones
            what lowers it.

    Raises:
        ValueError: no answer without steering is coherent.
    """
    from persona_vectors.steering_choice import choose_cell

    frame = _figures(tried[tried["task"] == "open_questions"], metric)
    steered = frame[np.sign(frame["coefficient"]) == sign]
    found = {}
    for key, own in steered.groupby(_KEY, sort=False):
        plain = frame[(frame["direction"] == "") & (frame["organism"] == key[0])]
        if plain["figure"].isna().all():
            raise ValueError(
                f"none of {len(plain)} answers without steering is coherent, so no cell can be "
                "chosen: allow longer answers, or ask more of them"
            )
        coherence = float(plain["coherent"].mean())
        cells = own.groupby(_PLACE, as_index=False).agg(
            rate=("figure", "mean"), coherence=("coherent", "mean")
        )
        found[ArmKey(*key)] = choose_cell(
            cells,
            unsteered_rate=float(plain["figure"].mean()),
            unsteered_coherence=coherence,
            floor=coherence - loss if floor is None else floor,
            goal="raise" if sign > 0 else "lower",
        )
    return found


def cells_of(*chosen: Mapping[ArmKey, Choice]) -> dict[ArmKey, list[Cell]]:
    """The cells that were chosen, for `Study.asks`; none where no cell was better than not
    steering."""
    found: dict[ArmKey, list[Cell]] = {}
    for each in chosen:
        for key, choice in each.items():
            if choice.steers:
                cell = Cell(choice.layer, choice.scope, choice.coefficient)
                found.setdefault(key, []).append(cell)
    return found


def beside_nulls(
    steered: pd.DataFrame, chosen: Mapping[ArmKey, Choice], metric: str, sign: int
) -> pd.DataFrame:
    """The vector's effect in its cell, beside those of null directions in theirs.

    A direction for which no cell was better than not steering chose that: its effect is 0. Draws
    without a coherent answer to compare are left out.

    Args:
        steered: `steering_figures.effects` of the chosen cells, on questions that chose none.
        chosen: `choices` of the vector and its nulls.
        metric: whose effect.
        sign: the one that was chosen by.

    Returns:
        A row a kind of null: sign, null, layer, scope and coefficient of the vector's cell (blank
        where it has none), effect with its interval (low, high), n and clusters, unsteered;
        null_low and null_high, p (never below 1 / (draws + 1)), draws, and `steering`, how many
        draws found a cell. All figures are fractions. Empty, with these columns, where there are no
        nulls, or no coherent answer in the vector's cell to compare.
    """
    import pandas as pd

    from experiments.null_verdicts import steering_test

    here = steered[(steered["metric"] == metric) & (np.sign(steered["coefficient"]) == sign)]
    own = here[here["direction"] == VECTOR]
    cell = dict.fromkeys(("layer", "scope", "coefficient", "low", "high", "n", "clusters"))
    row = {"sign": sign, **cell, "unsteered": np.nan}
    real = 0.0
    if len(own):
        row |= own.iloc[0][[*cell, "unsteered"]].to_dict()
        real = float(own["estimate"].iloc[0])
    rows = []
    for kind in NULLS:
        draws = {key.draw: choice.steers for key, choice in chosen.items() if key.direction == kind}
        effects = here[here["direction"] == kind].set_index("draw")["estimate"]
        null = pd.Series({draw: effects.get(draw, 0.0) for draw in draws}, dtype="float64").dropna()
        found = steering_test(real, null, away=sign < 0)
        if found is not None:
            beside = {"null_low": found.low, "null_high": found.high, "p": found.p}
            counts = {"draws": found.draws, "steering": sum(draws.values())}
            rows.append(row | {"effect": real, "null": kind} | beside | counts)
    columns = ["effect", "null", "null_low", "null_high", "p", "draws", "steering"]
    return pd.DataFrame(rows, columns=[*row, *columns])


def _figures(answers: pd.DataFrame, metric: str) -> pd.DataFrame:
    """With `coherent`, and `figure` (0..1) of coherent answers, NaN of others."""
    from evals.statistics import denominators, misaligned

    masks = denominators(answers["alignment"], answers["coherence"], answers["unscored"])
    coherent = masks["coherent"]
    if metric == MISALIGNED:
        values = misaligned(answers["alignment"], answers["coherence"]).astype(float)
    else:
        values = answers[metric].to_numpy(dtype=np.float64) / 100
    frame = answers.assign(coherent=coherent, figure=np.where(coherent, values, np.nan))
    return frame[masks["all"]]
