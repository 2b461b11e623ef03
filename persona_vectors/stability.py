"""How stable a difference of means is over questions: split halves, and a bootstrap of questions.

Every resample of questions gives a vector that is a weighted sum of the mean activations of each
question and sign. Cosines between such sums follow from the means' inner products alone, so no
resampled vector is ever made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from persona_vectors.sums import ROUNDING

Floats = NDArray[np.float64]
Weighting = Literal["question", "pooled"]

SPLITS: Final = 20
"""Random halvings of the questions behind a split-half cosine."""
RESAMPLES: Final = 200
"""Bootstrap resamples of the questions behind a cosine interval."""


@dataclass(frozen=True)
class Stability:
    """How much a vector owes to which questions were asked; NaN where nothing varies.

    Attributes:
        split_half_cosine: [P, K] mean cosine between the vectors of two halves of the questions.
        cosine_interval: [2, P, K] 2.5% and 97.5% quantile of the cosine between the vector and
            that of a bootstrap resample of the questions.
    """

    split_half_cosine: Floats
    cosine_interval: Floats


def combination(counts_B_Q: Floats, kept_2_Q: Floats, weighting: Weighting) -> Floats:
    """Weights [B, 2Q] on the questions' means (positive ones, then negative ones) of each resample.

    Args:
        counts_B_Q: how often each question is in each resample.
        kept_2_Q: kept rollouts of each question, positive and negative.
        weighting: "question": the mean over questions with both signs of their differences;
            "pooled": the mean over all positive rollouts minus that over all negative ones.
    """
    if weighting == "question":
        both = counts_B_Q * (kept_2_Q > 0).all(axis=0)
        sides = [both, both]
    else:
        sides = [counts_B_Q * kept for kept in kept_2_Q]
    with np.errstate(invalid="ignore", divide="ignore"):
        positive, negative = (side / side.sum(axis=1, keepdims=True) for side in sides)
    return np.concatenate([positive, -negative], axis=1)


def stability(
    means_G_P_K_D: Floats, kept_2_Q: Floats, weighting: Weighting, seed: int
) -> Stability:
    """Both figures from the means of each question and sign.

    Args:
        means_G_P_K_D: G = 2Q mean activations: of the positive rollouts of each question, then of
            the negative ones; zero where there are none.
        kept_2_Q: kept rollouts of each question, positive and negative.
        weighting: how questions weigh.
        seed: of halvings and resamples.
    """
    means_P_K_G_D = np.moveaxis(means_G_P_K_D, 0, 2)
    gram = means_P_K_G_D @ means_P_K_G_D.swapaxes(-1, -2)
    number = kept_2_Q.shape[1]
    generator = np.random.default_rng(seed)
    order = np.stack([generator.permutation(number) for _ in range(SPLITS)])
    halves = np.zeros((2, SPLITS, number))
    np.put_along_axis(halves[0], order[:, : number // 2], 1.0, axis=1)
    halves[1] = 1 - halves[0]
    drawn = generator.multinomial(number, np.full(number, 1 / number), size=RESAMPLES)
    whole = combination(np.ones((1, number)), kept_2_Q, weighting)
    one, other = (combination(half, kept_2_Q, weighting) for half in halves)
    resampled = combination(drawn.astype(np.float64), kept_2_Q, weighting)
    between = cosines(gram, one, other)
    around = cosines(gram, np.broadcast_to(whole, resampled.shape), resampled)
    return Stability(_mean(between), quantiles(around))


def cosines(gram_P_K_G_G: Floats, one_B_G: Floats, other_B_G: Floats) -> Floats:
    """Cosine [B, P, K] between weighted sums, from the inner products of what is summed.

    NaN where a sum is nothing but rounding, or a resample has no question with both signs.
    """
    inner = _inner(one_B_G, gram_P_K_G_G, other_B_G)
    sizes = np.sqrt(np.einsum("pkgg->pkg", gram_P_K_G_G))
    norms = []
    for weights in (one_B_G, other_B_G):
        squared = _inner(weights, gram_P_K_G_G, weights)
        summed = np.einsum("bg,pkg->bpk", np.abs(weights), sizes)
        real = squared > (ROUNDING * summed) ** 2
        norms.append(np.sqrt(np.where(real, squared, np.nan)))
    found: Floats = np.clip(inner / (norms[0] * norms[1]), -1.0, 1.0)
    return found


def _inner(one_B_G: Floats, gram_P_K_G_G: Floats, other_B_G: Floats) -> Floats:
    """Inner products [B, P, K] of weighted sums."""
    found: Floats = ((one_B_G @ gram_P_K_G_G) * other_B_G).sum(axis=-1)
    return np.moveaxis(found, -1, 0)


def _mean(values_B_P_K: Floats) -> Floats:
    known = ~np.isnan(values_B_P_K)
    total = np.where(known, values_B_P_K, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean: Floats = total / known.sum(axis=0)
    return mean


def quantiles(values_B_P_K: Floats) -> Floats:
    """2.5% and 97.5% quantile over the first axis: [2, P, K]; NaN where no value is known."""
    places = values_B_P_K.reshape(len(values_B_P_K), -1).T
    found = [
        np.quantile(known, [0.025, 0.975]) if len(known) else np.full(2, np.nan)
        for known in (values[~np.isnan(values)] for values in places)
    ]
    return np.stack(found, axis=1).reshape(2, *values_B_P_K.shape[1:])
