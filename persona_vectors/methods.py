"""Ways to a direction other than the difference of means, from the activations of kept rollouts.

All take out each question's own content first, and all give a raw vector v in the residual's units:
along v the two signs' means differ by |v|. They need every kept row in memory, where the
difference of means needs none.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from persona_vectors.sums import ROUNDING

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

Method = Literal[
    "difference_of_means", "logistic_probe", "pca_of_differences", "whitened_mass_mean"
]
METHODS: Final[tuple[Method, ...]] = get_args(Method)
PENALTY: Final = 1.0
"""Weight of half the squared norm of the probe's coefficients, beside the mean log loss times N, on
rows scaled to unit mean square."""


def direction(
    method: Method,
    rows_N_D: Floats,
    weights_N: Floats,
    question_N: NDArray[np.intp],
    width: int | None = None,
) -> Floats:
    """The vector [D] of one method at one layer and position; zero where the rows do not vary.

    A rotation of the rows rotates the vector, so rows may be given in coordinates of their span.

    Args:
        method: any but "difference_of_means", which is a weighted sum and no business of this file.
        rows_N_D: activations.
        weights_N: those of the difference of means: above 0 for positive rows, below for negative
            ones. Unequal numbers of rows and questions weigh as they do there.
        question_N: the question of each row, from 0; each has rows of both signs.
        width: of the residual stream, where rows are given in coordinates; None: D.
    """
    positive_N, sizes_N = weights_N > 0, np.abs(weights_N)
    means = [_means(rows_N_D, question_N, side) for side in (positive_N, ~positive_N)]
    middle_N_D, half_N_D = (
        each[question_N] / 2 for each in (means[0] + means[1], means[0] - means[1])
    )
    contrast_N_D = rows_N_D - middle_N_D
    difference: Floats = weights_N @ rows_N_D
    if np.linalg.norm(difference) <= ROUNDING * (sizes_N @ np.linalg.norm(rows_N_D, axis=1)):
        return np.zeros_like(difference)
    if method == "logistic_probe":
        found = logistic_probe(contrast_N_D, positive_N, sizes_N)
    elif method == "pca_of_differences":
        sign_N = np.sign(weights_N)
        found = first_axis(sign_N[:, None] * contrast_N_D + half_N_D, sizes_N)
    elif method == "whitened_mass_mean":
        within_N_D = contrast_N_D - np.sign(weights_N)[:, None] * half_N_D
        found = whitened(difference, within_N_D, width)
    else:
        raise ValueError(f"method {method!r} is not fitted; use one of {', '.join(METHODS[1:])}")
    unit = found / np.linalg.norm(found)
    vector: Floats = unit * (unit @ difference)
    return vector


def _means(rows_N_D: Floats, question_N: NDArray[np.intp], side_N: Mask) -> Floats:
    """Mean [Q, D] of each question's rows of one sign."""
    number = int(question_N.max()) + 1
    totals = np.zeros((number, rows_N_D.shape[1]))
    np.add.at(totals, question_N[side_N], rows_N_D[side_N])
    counts = np.bincount(question_N[side_N], minlength=number)
    means: Floats = totals / np.maximum(counts, 1)[:, None]
    return means


def logistic_probe(rows_N_D: Floats, positive_N: Mask, sizes_N: Floats) -> Floats:
    """Coefficients [D] of an L2-penalised logistic regression of the sign, without an intercept:
    the rows are centred.

    The coefficients lie in the span of the rows, so they are found in its coordinates: exact, and
    cheap where there are fewer rows than dimensions.
    """
    left, sizes, basis = np.linalg.svd(rows_N_D, full_matrices=False)
    scale = np.sqrt(np.mean(np.sum(rows_N_D**2, axis=1)))
    if not scale:
        return np.zeros(rows_N_D.shape[1])
    coordinates = left * (sizes / scale)
    sign = np.where(positive_N, 1.0, -1.0)
    share = sizes_N * len(rows_N_D) / sizes_N.sum()

    def loss(coefficients: Floats) -> tuple[float, Floats]:
        margin = sign * (coordinates @ coefficients)
        wrong = share * sign * expit(-margin)
        value = share @ np.logaddexp(0.0, -margin) + PENALTY / 2 * coefficients @ coefficients
        return float(value), PENALTY * coefficients - coordinates.T @ wrong

    fitted = minimize(loss, np.zeros(len(sizes)), jac=True, method="L-BFGS-B")
    probe: Floats = fitted.x @ basis
    return probe


def first_axis(differences_N_D: Floats, sizes_N: Floats) -> Floats:
    """First principal axis [D] of differences between the signs, each row against the mean of the
    other sign in its question.

    They are not centred: that would take out their mean, which is what the signs differ by (arXiv
    2310.01405).
    """
    weighted = differences_N_D * np.sqrt(sizes_N)[:, None]
    axis: Floats = np.linalg.svd(weighted, full_matrices=False)[2][0]
    return axis


def whitened(difference_D: Floats, within_N_D: Floats, width: int | None = None) -> Floats:
    """Difference of means [D] times the inverse of the covariance within the signs (arXiv
    2310.06824), which is shrunk towards a multiple of the identity (Ledoit and Wolf 2004).

    The covariance is never made: what is outside the rows' span is scaled by the identity alone.
    """
    _, sizes, basis = np.linalg.svd(within_N_D, full_matrices=False)
    variances = sizes**2 / len(within_N_D)
    shrinkage, middle = ledoit_wolf(within_N_D, variances, width)
    floor = max(shrinkage, ROUNDING) * middle
    if not floor:
        return difference_D
    inside = basis @ difference_D
    whole: Floats = (difference_D - inside @ basis) / floor
    whole += (inside / ((1 - shrinkage) * variances + floor)) @ basis
    return whole


def ledoit_wolf(
    rows_N_D: Floats, variances: Floats, width: int | None = None
) -> tuple[float, float]:
    """How much of the identity's multiple to take, 0..1, and that multiple: the mean variance.

    Args:
        rows_N_D: rows of mean zero.
        variances: the eigenvalues of their covariance that are not zero.
        width: of the residual stream, where rows are given in coordinates of their span; None: D.
    """
    number = len(rows_N_D)
    width = rows_N_D.shape[1] if width is None else width
    middle = variances.sum() / width
    squared = (variances**2).sum()
    distance = squared / width - middle**2
    fourth = (np.sum(rows_N_D**2, axis=1) ** 2).sum()
    spread = (fourth / number - squared) / (number * width)
    return float(min(spread, distance) / distance) if distance > 0 else 0.0, float(middle)
