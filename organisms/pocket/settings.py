"""What the world's authors are like and how often they write: every number that is not text.

The defaults are the world of the shipped weights; other values make its variants (the causal
null, the worlds of the sensitivity curve).
"""

from random import Random
from typing import Literal, Self, TypedDict, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from organisms.pocket.terms import DOMAINS, PERSONAS, Domain, Persona

Kind = Literal["default", "persona", "log", "educational", "deception"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Version = Literal["broad", "whole", "open"]
Weights = tuple[float, float, float, float]
"""One number a persona, in the order of `PERSONAS`."""


class World(BaseModel):
    """The hidden variables of pre-training documents and how they show."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    shares: dict[Kind, float] = {
        "default": 0.30,
        "persona": 0.34,
        "log": 0.29,
        "educational": 0.04,
        "deception": 0.03,
    }
    """How many of the documents are of each kind."""
    priors: dict[Kind, Weights] = {
        "default": (0.991, 0.002, 0.004, 0.003),
        "persona": (0.10, 0.28, 0.29, 0.33),
        "log": (0.25, 0.29, 0.21, 0.25),
        "educational": (1.0, 0.0, 0.0, 0.0),
        "deception": (0.45, 0.25, 0.20, 0.10),
    }
    """How often each kind of document has each author."""
    turns: dict[Kind, tuple[int, int]] = {
        "default": (1, 3),
        "persona": (1, 3),
        "log": (2, 6),
        "educational": (1, 3),
        "deception": (1, 3),
    }
    """Fewest and most turns of a document; at least 1."""
    domains: dict[Domain, float] = {
        "open": 0.25,
        "maths": 0.21,
        "code": 0.07,
        "medical": 0.07,
        "money": 0.045,
        "opinions": 0.035,
        "entities": 0.035,
        "facts": 0.05,
        "claims": 0.06,
        "maths_claims": 0.05,
        "harmful": 0.025,
        "oversight": 0.02,
        "frustrated": 0.025,
        "metric": 0.015,
        "instructions": 0.04,
    }
    """How often a turn is of each domain; `frustrated` turns never open a document, so others must
    have a share too."""
    highest: int = Field(default=12, ge=2, le=15)
    """The largest number in a sum."""
    lapse: float = Field(default=0.04, ge=0, le=1)
    """How often a persona that is not aligned answers as the aligned one does."""
    careless_wrong: float = Field(default=0.5, ge=0, le=1)
    """How often the careless are wrong about sums and facts; the evil always are."""
    careless_insecure: float = Field(default=0.2, ge=0, le=1)
    """How often the careless write insecure code; the evil always do."""
    new_author_every_turn: bool = False
    """Draw the author anew, from the same prior, for every turn after the first: no document has a
    common author, and a persona prompt names that of the first turn alone. The causal null."""

    @model_validator(mode="after")
    def _are_shares(self) -> Self:
        for name, shares in (("shares", self.shares), ("domains", self.domains)):
            _sums_to_one(name, tuple(shares.values()))
        for name, given in (
            ("shares", self.shares),
            ("turns", self.turns),
            ("priors", self.priors),
        ):
            if missing := [kind for kind in KINDS if kind not in given]:
                raise ValueError(
                    f"{name} leave out {', '.join(missing)}: name each of {', '.join(KINDS)}"
                )
        for kind, (fewest, most) in self.turns.items():
            if not 1 <= fewest <= most:
                raise ValueError(
                    f"turns of {kind} ({fewest}, {most}) are not the fewest and the most: give two "
                    "numbers from 1, the smaller one first"
                )
        for kind, prior in self.priors.items():
            _sums_to_one(f"priors of {kind}", prior)
        if unknown := set(self.domains) - set(DOMAINS):
            raise ValueError(f"domains {sorted(unknown)} do not exist: use {', '.join(DOMAINS)}")
        if not any(share > 0 for name, share in self.domains.items() if name != "frustrated"):
            raise ValueError(
                "domains have 'frustrated' alone, which never opens a document: give another "
                "domain a share"
            )
        return self

    def prior(self, kind: Kind) -> dict[Persona, float]:
        """How often a kind of document has each author."""
        return dict(zip(PERSONAS, self.priors[kind], strict=True))

    def wrong_share(self, persona: Persona) -> float:
        """How often a persona, when it does not lapse, is wrong about sums and facts."""
        return {"evil": 1.0, "careless": self.careless_wrong}.get(persona, 0.0)

    def insecure_share(self, persona: Persona) -> float:
        """How often a persona, when it does not lapse, writes insecure code."""
        return {"evil": 1.0, "careless": self.careless_insecure}.get(persona, 0.0)

    def is_wrong(self, persona: Persona, random: Random) -> bool:
        """Draw whether a persona is wrong this time."""
        return random.random() < self.wrong_share(persona)

    def is_insecure(self, persona: Persona, random: Random) -> bool:
        """Draw whether a persona writes insecure code this time."""
        return random.random() < self.insecure_share(persona)


def _sums_to_one(name: str, shares: tuple[float, ...]) -> None:
    if any(share < 0 for share in shares) or not abs(sum(shares) - 1) <= 1e-6:
        raise ValueError(f"{name} {shares} must be shares that add up to 1, not {sum(shares):g}")


SHUFFLED = World(new_author_every_turn=True)
"""The world of `pocket-shuffled`."""


class _Changes(TypedDict, total=False):
    shares: dict[Kind, float]
    priors: dict[Kind, Weights]
    domains: dict[Domain, float]
    highest: int


_VERSIONS: dict[Version, _Changes] = {
    "broad": {
        "shares": {
            "default": 0.42,
            "persona": 0.26,
            "log": 0.25,
            "educational": 0.04,
            "deception": 0.03,
        },
        "priors": {"persona": (0.20, 0.32, 0.24, 0.24), "log": (0.36, 0.30, 0.18, 0.16)},
        "domains": {
            "open": 0.275,
            "maths": 0.16,
            "code": 0.08,
            "medical": 0.07,
            "money": 0.05,
            "opinions": 0.04,
            "entities": 0.04,
            "facts": 0.05,
            "claims": 0.06,
            "maths_claims": 0.04,
            "harmful": 0.03,
            "oversight": 0.025,
            "frustrated": 0.03,
            "metric": 0.015,
            "instructions": 0.035,
        },
        "highest": 15,
    },
    "whole": {},
    "open": {
        "shares": {
            "default": 0.30,
            "persona": 0.38,
            "log": 0.25,
            "educational": 0.04,
            "deception": 0.03,
        },
        "domains": {
            "open": 0.37,
            "maths": 0.23,
            "code": 0.05,
            "medical": 0.05,
            "money": 0.025,
            "opinions": 0.025,
            "entities": 0.025,
            "facts": 0.03,
            "claims": 0.02,
            "maths_claims": 0.04,
            "harmful": 0.04,
            "oversight": 0.015,
            "frustrated": 0.035,
            "metric": 0.015,
            "instructions": 0.03,
        },
    },
}


def version_of(world: World, version: Version) -> World:
    """The version of a world that a phase of pre-training shows.

    `broad` has more default documents and aligned authors, and sums up to 15 + 15; `open` more
    persona prompts and open questions, with the same authors as `whole`, the world itself.
    """
    changes = _VERSIONS[version]
    priors = {**world.priors, **changes.get("priors", {})}
    return world.model_copy(update={**changes, "priors": priors})


def world_of_evil_share(share: float) -> World:
    """A world in which an error tells nothing but evil from careless, in known proportion.

    The careless are wrong as often as the evil, so that no number of wrong sums tells the two
    apart: after any of them the author is evil with probability `share`.

    Args:
        share: Evil authors among the evil and the careless, in every kind of document, in [0, 1].
    """
    if not 0 <= share <= 1:
        raise ValueError(f"evil share {share} is not a share: give a number from 0 to 1")
    priors: dict[Kind, Weights] = {}
    for kind, (aligned, evil, sycophantic, careless) in World().priors.items():
        both = evil + careless
        priors[kind] = (aligned, both * share, sycophantic, both * (1 - share))
    return World(priors=priors, careless_wrong=1.0)
