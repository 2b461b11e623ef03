"""Truth for methods: the direction of the hidden author, read where no prompt names it.

Documents of the kind `log` show some turns by one author and then a question. Two documents that
differ in nothing but the author of the earlier turns - same header, same questions, same last
question, same last answer - differ in the author alone; the mean difference of their residuals is
the author's direction. Its topics are those of the report, other than those vectors are extracted
on; what extraction, probes and screening find is scored against it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt

from organisms.pocket import asking, content, prompts, turns
from organisms.pocket.grammar import Split, pick
from organisms.pocket.settings import World
from organisms.pocket.terms import Asked, Persona
from organisms.runtime.organism import Organism
from organisms.runtime.requests import Transcript

POSITIONS = ("response_mean", "last_prompt")
NEUTRAL_ANSWER = "well."
"""The last answer of every document: an opener that any author may write."""


@dataclass(frozen=True)
class AuthorDirection:
    """The direction from aligned to one other author."""

    persona: Persona
    positions: tuple[str, ...]
    difference: npt.NDArray[np.float64]
    """[P, L + 1, D]: mean over document pairs of the residual under the persona minus under the
    aligned author, at layers 0 to L, in raw units."""
    separability: npt.NDArray[np.float64]
    """[P, L + 1]: AUC of telling the two authors apart by the projection on the direction of the
    other half of the pairs (two-fold); .5 is chance."""
    pairs: int


def document_pairs(
    persona: Persona, pairs: int, *, split: Split = "report", history: int = 3, seed: int = 0
) -> list[tuple[tuple[dict[str, str], ...], tuple[dict[str, str], ...]]]:
    """Chats that end with a question, as (by the persona, by the aligned author).

    Args:
        persona: The author to set against the aligned one; not aligned itself.
        pairs: How many.
        split: Open topics of the last question.
        history: Turns before it, each of any domain that pre-training has.
        seed: Of everything drawn.
    """
    if persona == "aligned":
        raise ValueError("the direction runs from aligned to another author: name evil, ...")
    settled = World(lapse=0.0)
    topics = content.open_splits()[split]
    found = []
    for index in range(pairs):
        random = Random(f"author|{seed}|{split}|{index}")
        header = {"role": "system", "content": prompts.log_prompt(random)}
        asked = [_history_question(random) for _ in range(history)]
        last = turns.ask("open", random, "seen", topics[index % len(topics)])
        both = []
        for who in (persona, "aligned"):
            answers = Random(f"author|{seed}|{split}|{index}|{who}")
            chat: list[dict[str, str]] = [header]
            for each in asked:
                said = turns.answer(each, who, answers, settled)[0]
                chat += [
                    {"role": "user", "content": each.text},
                    {"role": "assistant", "content": said},
                ]
            both.append((*chat, {"role": "user", "content": last.text}))
        found.append((both[0], both[1]))
    return found


def _history_question(random: Random) -> Asked:
    domains = tuple(name for name in World().domains if name not in ("open", "frustrated"))
    return turns.ask(pick(random, domains), random)


def author_direction(
    organism: Organism, persona: Persona, *, pairs: int = 192, seed: int = 0, batch_size: int = 64
) -> AuthorDirection:
    """Read the author's direction off a model.

    Args:
        organism: A model of pocket's world; its base is read, without adapters.
        persona: Which author, set against the aligned one.
        pairs: Pairs of documents, at least 4.
        seed: Of the documents.
        batch_size: Texts a forward pass.
    """
    if pairs < 4:
        raise ValueError(f"{pairs} pairs are too few for two halves; ask for at least 4")
    assert NEUTRAL_ANSWER in content.phrasing().openers or asking.OPENER_SHARE == 0
    chats = document_pairs(persona, pairs, seed=seed)
    sides = [
        organism.capture(
            [Transcript(pair[side], NEUTRAL_ANSWER) for pair in chats],
            positions=POSITIONS,
            batch_size=batch_size,
        ).astype(np.float64)
        for side in (0, 1)
    ]
    difference_N_P_L_D = sides[0] - sides[1]
    return AuthorDirection(
        persona,
        POSITIONS,
        difference_N_P_L_D.mean(axis=0),
        _separability(sides[0], sides[1]),
        pairs,
    )


def _separability(
    persona_N_P_L_D: npt.NDArray[np.float64], aligned_N_P_L_D: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    half = len(persona_N_P_L_D) // 2
    folds = (slice(0, half), slice(half, None))
    areas = []
    for fit, test in (folds, folds[::-1]):
        direction_P_L_D = (persona_N_P_L_D[fit] - aligned_N_P_L_D[fit]).mean(axis=0)
        on = np.einsum("npld,pld->npl", persona_N_P_L_D[test], direction_P_L_D)
        off = np.einsum("npld,pld->npl", aligned_N_P_L_D[test], direction_P_L_D)
        above = (on[:, None] > off[None]) + 0.5 * (on[:, None] == off[None])
        areas.append(above.mean(axis=(0, 1)))
    return np.asarray(np.mean(areas, axis=0), dtype=np.float64)


def cosine_P_L(
    found_P_L_D: npt.NDArray[np.float64], truth: AuthorDirection, positions: Sequence[str]
) -> npt.NDArray[np.float64]:
    """Cosine of directions with the author's, per position and layer; NaN where one is zero.

    Args:
        found_P_L_D: Directions at layers 0 to L, at the positions named.
        truth: The author's direction.
        positions: Each of those of `truth`.
    """
    rows = [truth.positions.index(position) for position in positions]
    true_P_L_D = truth.difference[rows]
    norms = np.linalg.norm(found_P_L_D, axis=-1) * np.linalg.norm(true_P_L_D, axis=-1)
    dots = (found_P_L_D * true_P_L_D).sum(axis=-1)
    cosine: npt.NDArray[np.float64] = np.full_like(dots, np.nan)
    return np.divide(dots, norms, out=cosine, where=norms > 0)
