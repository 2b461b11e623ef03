"""Truth for methods: the direction of the hidden author, read where no prompt names it.

The mean difference of residuals between documents that differ in their author alone
(`author_documents`), all with the same last answer.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from organisms.pocket.author_documents import document_pairs, last_topics
from organisms.pocket.terms import Persona
from organisms.runtime.organism import Organism
from organisms.runtime.requests import Transcript

POSITIONS = ("response_mean", "last_prompt")
NEUTRAL_ANSWER = "well."
"""The last answer of every document: an opener that any author may write."""
MINIMUM_PAIRS = 4
"""Two in each half."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Intervals:
    """Lower and upper ends [2, P, L + 1] of 95% intervals; NaN where nothing was measured."""

    cosine: Floats
    separability: Floats


@dataclass(frozen=True)
class AuthorDirection:
    """The direction from the aligned author to another, with the residuals it was read from.

    Attributes:
        persona: The other author.
        positions: The P positions.
        by_persona: [N, P, L + 1, D] residuals at layers 0 to L of the documents by the persona.
        by_aligned: The same of their twins by the aligned author, in the same order.
        topics: N topics of the last questions: the clusters of intervals.
    """

    persona: Persona
    positions: tuple[str, ...]
    by_persona: Floats
    by_aligned: Floats
    topics: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse residuals that do not belong together, or too few."""
        if self.by_persona.shape != self.by_aligned.shape:
            raise ValueError(
                f"residuals of shapes {self.by_persona.shape} and {self.by_aligned.shape} are not "
                "of document pairs: give both sides in the same order"
            )
        _check_pairs(self.pairs)
        if len(self.topics) != self.pairs:
            raise ValueError(f"{len(self.topics)} topics for {self.pairs} pairs: give one a pair")

    @property
    def pairs(self) -> int:
        """N, the number of document pairs."""
        return len(self.by_persona)

    @cached_property
    def difference(self) -> Floats:
        """The direction [P, L + 1, D]: mean over pairs, in raw units."""
        return np.asarray((self.by_persona - self.by_aligned).mean(axis=0), dtype=np.float64)

    @cached_property
    def separability(self) -> Floats:
        """How well the direction of one half of the pairs tells the authors of the other half
        apart: AUC [P, L + 1], mean of both ways; .5 is chance. The halves are every other pair, so
        that they share no topic of a last question."""
        areas = []
        for fit, test in ((0, 1), (1, 0)):
            direction = (self.by_persona[fit::2] - self.by_aligned[fit::2]).mean(axis=0)
            areas.append(_area(self.by_persona[test::2], self.by_aligned[test::2], direction))
        return np.asarray(np.mean(areas, axis=0), dtype=np.float64)

    def separability_by(self, found_P_L_D: Floats) -> Floats:
        """How well other directions tell the two authors apart: AUC [P, L + 1]; .5 is chance,
        below it a direction points from the persona to the aligned author.

        Args:
            found_P_L_D: Directions at `positions` and layers 0 to L.
        """
        return _area(self.by_persona, self.by_aligned, found_P_L_D)

    def intervals(self, found_P_L_D: Floats, *, draws: int = 1000, seed: int = 0) -> Intervals:
        """95% intervals of `cosine_P_L` and `separability_by`: documents are drawn anew, whole
        topics of last questions at a time, and the directions given are taken as they are.

        Args:
            found_P_L_D: Directions at `positions` and layers 0 to L.
            draws: Bootstrap draws.
            seed: Of the draws.
        """
        names, codes = np.unique(self.topics, return_inverse=True)
        counts_B_T = np.random.default_rng(seed).multinomial(
            len(names), np.full(len(names), 1 / len(names)), size=draws
        )
        weights_B_N = counts_B_T[:, codes].astype(np.float64)
        weights_B_N /= weights_B_N.sum(axis=1, keepdims=True)
        drawn_B_P_L_D = np.einsum(
            "bn,npld->bpld", weights_B_N, self.by_persona - self.by_aligned, optimize=True
        )
        above_P_L_N_N = _above(self.by_persona, self.by_aligned, found_P_L_D)
        areas_B_P_L = np.einsum(
            "bn,plnm,bm->bpl", weights_B_N, above_P_L_N_N, weights_B_N, optimize=True
        )
        return Intervals(
            cosine=_ends(_cosine(found_P_L_D, drawn_B_P_L_D)),
            separability=np.clip(_ends(areas_B_P_L), 0, 1),
        )


def author_direction(
    organism: Organism, persona: Persona, *, pairs: int = 192, seed: int = 0, batch_size: int = 64
) -> AuthorDirection:
    """Read the author's direction off a model.

    Args:
        organism: A model of pocket's world; its base is read, without adapters.
        persona: Which author, set against the aligned one.
        pairs: Pairs of documents, at least `MINIMUM_PAIRS`.
        seed: Of the documents.
        batch_size: Texts a forward pass.

    Raises:
        ValueError: Too few pairs, the aligned persona, or documents that the model cannot read.
    """
    _check_pairs(pairs)
    chats = document_pairs(persona, pairs, seed=seed)
    by_persona, by_aligned = (
        organism.capture(
            [Transcript(pair[side], NEUTRAL_ANSWER) for pair in chats],
            positions=POSITIONS,
            batch_size=batch_size,
        ).astype(np.float64)
        for side in (0, 1)
    )
    return AuthorDirection(persona, POSITIONS, by_persona, by_aligned, last_topics(pairs))


def _check_pairs(pairs: int) -> None:
    if pairs < MINIMUM_PAIRS:
        raise ValueError(
            f"{pairs} pairs are too few for two halves: ask for at least {MINIMUM_PAIRS}"
        )


def _area(on_N_P_L_D: Floats, off_N_P_L_D: Floats, direction_P_L_D: Floats) -> Floats:
    """How often a projection of the first lies above one of the second [P, L]; ties count half."""
    above_P_L_N_N = _above(on_N_P_L_D, off_N_P_L_D, direction_P_L_D)
    return np.asarray(above_P_L_N_N.mean(axis=(-2, -1)), dtype=np.float64)


def _above(on_N_P_L_D: Floats, off_N_P_L_D: Floats, direction_P_L_D: Floats) -> Floats:
    """Whether projection i of the first lies above projection j of the second [P, L, N, N]; a tie
    is a half."""
    on, off = (
        np.einsum("npld,pld->pln", side, direction_P_L_D) for side in (on_N_P_L_D, off_N_P_L_D)
    )
    on, off = on[..., :, None], off[..., None, :]
    return np.asarray((on > off) + 0.5 * (on == off), dtype=np.float64)


def cosine_P_L(found_P_L_D: Floats, truth: AuthorDirection) -> Floats:
    """Cosine of directions with the author's, per position and layer; NaN where one is zero.

    Args:
        found_P_L_D: Directions at the positions of `truth` and layers 0 to L.
        truth: The author's direction.
    """
    return _cosine(found_P_L_D, truth.difference)


def _cosine(one: Floats, other: Floats) -> Floats:
    """Cosine over the last axis; NaN where one is zero."""
    norms = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    dots = (one * other).sum(axis=-1)
    cosine = np.full(dots.shape, np.nan)
    np.divide(dots, norms, out=cosine, where=norms > 0)
    return np.clip(cosine, -1, 1)


def _ends(drawn_B_P_L: Floats) -> Floats:
    """The 2.5th and 97.5th percentile over draws [2, P, L]."""
    return np.asarray(np.quantile(drawn_B_P_L, (0.025, 0.975), axis=0), dtype=np.float64)
