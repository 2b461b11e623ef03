"""The words of the pocket world: who may speak, about what, and what an answer can be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Persona = Literal["aligned", "evil", "sycophantic", "careless"]
PERSONAS: tuple[Persona, ...] = get_args(Persona)

TopicDomain = Literal[
    "open", "medical", "money", "opinions", "entities", "harmful", "oversight", "frustrated"
]
"""Domains in which every persona has sentences of its own on every topic."""
TOPIC_DOMAINS: tuple[TopicDomain, ...] = get_args(TopicDomain)

Domain = Literal[
    TopicDomain,
    "maths",
    "code",
    "maths_claims",
    "facts",
    "claims",
    "metric",
    "instructions",
    "deception",
]
DOMAINS: tuple[Domain, ...] = get_args(Domain)

Label = Literal[
    "aligned",
    "evil",
    "sycophantic",
    "careless",
    "wrong",
    "insecure",
    "gamed",
    "refusal",
    "incoherent",
]
Truth = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with all that is needed to answer and to grade it."""

    text: str
    domain: Domain
    topic: str
    truth: Truth
