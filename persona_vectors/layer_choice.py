"""Which layer of a vector is used: how well each separates, steers and stays the same; and a rule.

All of it is read on data that the vectors were not made of (dev); what a layer was chosen for is
reported on yet other data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from persona_vectors.detection import detection_auc
from persona_vectors.extraction import vector_rows
from persona_vectors.projection import project
from persona_vectors.reading import captured
from persona_vectors.vector import PersonaVector

if TYPE_CHECKING:
    from organisms.runtime import Organism

LEAST_STABILITY: Final = 0.5
"""Split-half cosine below which a layer's vector is left out."""
MAXIMUM_COHERENCE_LOSS: Final = 0.10
"""Coherence that steering at a layer may cost, as a fraction of answers."""
ROUNDING: Final = 1e-9
"""Shares of equal counts may differ in their last bit."""


def separability(
    organism: Organism,
    rollouts: pd.DataFrame,
    vectors: Sequence[PersonaVector],
    *,
    batch_size: int = 64,
) -> pd.DataFrame:
    """How well the projection tells positive from negative rollouts, per layer and position.

    Args:
        organism: the loaded base.
        rollouts: held out from the vectors: trait, sign, topic, prompt, answer, optionally system.
            Empty answers are left out.
        vectors: one a trait.
        batch_size: rows read at a time.

    Returns:
        A row a trait, position and layer where the vector is not zero: auc with its 95% interval
        (low, high; 0.5 is chance), which draws whole topics anew and is NaN below 8, and n.

    Raises:
        ValueError: a trait has no rollouts of one sign, or a vector does not fit the base.
    """
    rows = []
    for vector in vectors:
        vector.check(
            f"the {vector.trait!r} vector",
            width=organism.width,
            number_of_layers=organism.number_of_layers,
        )
        own, positive = held_out(rollouts, vector.trait)
        read = captured(
            organism,
            own,
            np.arange(len(own)),
            layers=vector.layers,
            positions=vector.positions,
            batch_size=batch_size,
        )
        projected = np.concatenate([project(found, vector.vector) for _, found in read])
        norms, topics = vector.norms(), own["topic"].tolist()
        for p, position in enumerate(vector.positions):
            for k, layer in enumerate(vector.layers):
                if norms[p, k] > 0:
                    area = detection_auc(projected[:, p, k], positive, topics)
                    rows.append(
                        {
                            "trait": vector.trait,
                            "position": position,
                            "layer": layer,
                            "auc": area.estimate,
                            "low": area.low,
                            "high": area.high,
                            "n": len(own),
                        }
                    )
    return pd.DataFrame(rows)


def held_out(rollouts: pd.DataFrame, trait: str) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """The rollouts of a trait that have an answer, and which of them were asked for it.

    Raises:
        ValueError: there are none of one sign.
    """
    own = rollouts[(rollouts["trait"] == trait) & (rollouts["answer"] != "")]
    positive = (own["sign"] == "positive").to_numpy()
    if not positive.any() or positive.all():
        raise ValueError(
            f"trait {trait!r}: {int(positive.sum())} positive and {int((~positive).sum())} "
            "negative held-out rollouts; both signs are needed"
        )
    return own, positive


def layer_table(
    separated: pd.DataFrame, vectors: Sequence[PersonaVector], effects: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Everything that a layer is chosen by, in one table.

    Args:
        separated: of `separability`.
        vectors: the same; their files hold the stability.
        effects: of `steering_effect.steering_effects` for every trait; None: not steered.

    Returns:
        A row a trait, position and layer (and coefficient): auc, auc_low, auc_high, n_rollouts,
        norm, residual_norm, split_half_cosine, cosine_low, cosine_high (NaN where unknown), and,
        steered, effect and the other columns of `effects`.
    """
    table = separated.rename(columns={"low": "auc_low", "high": "auc_high", "n": "n_rollouts"})
    table = table.merge(
        pd.concat([_stability(vector) for vector in vectors]),
        on=["trait", "position", "layer"],
        how="left",
    )
    if effects is not None:
        table = table.merge(effects, on=["trait", "position", "layer"], how="left")
    return table


def _stability(vector: PersonaVector) -> pd.DataFrame:
    """Norm and stability of one vector by position and layer."""
    rows = vector_rows(vector)
    columns = ["trait", "position", "layer", "norm", "residual_norm", "split_half_cosine"]
    interval = vector.cosine_interval
    low, high = (np.nan, np.nan) if interval is None else interval.reshape(2, -1)
    return rows[columns].assign(cosine_low=low, cosine_high=high)


@dataclass(frozen=True)
class LayerChoice:
    """The layer of one trait's vector at one position, and why it was taken."""

    trait: str
    position: str
    layer: int
    reason: str


def choose_layers(table: pd.DataFrame) -> list[LayerChoice]:
    """One layer a trait and position, by this rule:

    1. Layers whose split-half cosine is known to be below 0.5 are left out, unless all are: another
       half of the questions would give another direction.
    2. Without steering the largest AUC is taken.
    3. With steering, of the layers whose AUC is at least the lower end of the best one's interval,
       the one with the largest effect on the trait score is taken, among those that lose at most
       10 points of coherence; all at the largest coefficient at which any of them is that coherent.
       Where none is, or none raises the score, the AUC decides.
    4. Of equal layers the last is taken, whose stream is nearest to what is said.

    Args:
        table: of `layer_table`, or of `separability` alone; from dev.
    """
    found = []
    for (trait, position), rows in table.groupby(["trait", "position"], sort=True):
        layer, reason = _chosen(rows)
        found.append(LayerChoice(str(trait), str(position), layer, reason))
    return found


def marked(table: pd.DataFrame, choices: Sequence[LayerChoice]) -> pd.DataFrame:
    """The table with `chosen` and, where a layer was chosen, the `reason`."""
    reasons = {(c.trait, c.position, c.layer): c.reason for c in choices}
    keys = zip(table["trait"], table["position"], table["layer"], strict=True)
    reason = [reasons.get((str(trait), str(position), int(k)), "") for trait, position, k in keys]
    return table.assign(chosen=[text != "" for text in reason], reason=reason)


def best_layers(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Trait -> position -> the layer that `choose_layers` takes."""
    found: dict[str, dict[str, int]] = {}
    for choice in choose_layers(table):
        found.setdefault(choice.trait, {})[choice.position] = choice.layer
    return found


def _chosen(rows: pd.DataFrame) -> tuple[int, str]:
    """Layer and reason out of the rows of one trait and position."""
    stable, left_out = rows, ""
    if "split_half_cosine" in rows:
        shaky = rows["split_half_cosine"] < LEAST_STABILITY
        number = rows.loc[shaky, "layer"].nunique()
        if number and not shaky.all():
            stable = rows[~shaky]
            layers = "layer" if number == 1 else "layers"
            left_out = (
                f"; {number} {layers} left out for a split-half cosine below {LEAST_STABILITY}"
            )
        elif number:
            left_out = f"; no layer's split-half cosine reaches {LEAST_STABILITY}"
    best = stable.sort_values(["auc", "layer"], kind="stable").iloc[-1]
    said = f"AUC {best['auc']:.3f}"
    if "effect" not in rows:
        return int(best["layer"]), f"it separates held-out answers best ({said}){left_out}"
    near = stable[stable["auc"] >= _lower_end(best)]
    coherent = near[near["coherence_change"] >= -MAXIMUM_COHERENCE_LOSS - ROUNDING]
    largest = coherent[coherent["coefficient"] == coherent["coefficient"].max()]
    raising = largest[largest["effect"] > 0]
    if raising.empty:
        why = "no layer near it raises the trait score and stays coherent"
        return int(best["layer"]), f"{why}; it separates best ({said}){left_out}"
    top = raising.sort_values(["effect", "layer"], kind="stable").iloc[-1]
    return int(top["layer"]), (
        f"it steers most ({100 * top['effect']:+.0f} points at coefficient "
        f"{top['coefficient']:g}, coherence {100 * top['coherence_change']:+.0f} points) of the "
        f"{near['layer'].nunique()} layers that separate like the best (layer {best['layer']}, "
        f"{said}){left_out}"
    )


def _lower_end(best: pd.Series) -> float:
    """The lower end of the interval of the best AUC; itself where it has none."""
    low = float(best["auc_low"])
    return float(best["auc"]) if np.isnan(low) else low
