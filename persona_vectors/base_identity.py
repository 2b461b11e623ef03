"""Which base a vector is of: hashes of its config and chat template, its kind and its size.

A name alone does not say it: a folder may hold other weights than it did, and a template decides
what the token before the answer is. Weights are never read for it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

from organisms import EMBEDDED
from persona_vectors.vector import PersonaVector, VectorError

if TYPE_CHECKING:
    from organisms.runtime import Organism

IDENTITY_KEYS: Final = ("base_config_sha256", "base_template_sha256", "base_model_type")
"""Metadata of a vector that tells which base it is of, beside its name."""
_HASHED: Final = (
    "model_type",
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "hidden_act",
    "rms_norm_eps",
    "layer_norm_eps",
    "tie_word_embeddings",
    "num_experts",
    "num_local_experts",
)
"""Config entries that every version of transformers writes alike: the others (dtypes, how rotary
embeddings are spelled) differ between machines that run the same model."""


@dataclass(frozen=True)
class BaseIdentity:
    """What a vector has to fit."""

    name: str
    """As it is loaded: an embedded name, a folder or a hub id."""
    config_hash: str
    """sha256 of the config's entries that say what the model computes, `_HASHED`."""
    template_hash: str
    """sha256 of the chat template."""
    model_type: str
    """The config's model type: "qwen2"."""
    number_of_layers: int
    """L."""
    width: int
    """D."""

    def metadata(self) -> dict[str, object]:
        """What a vector file says of its base beside the name, and the version of this code."""
        values = (self.config_hash, self.template_hash, self.model_type)
        return {**dict(zip(IDENTITY_KEYS, values, strict=True)), "code_version": code_version()}

    def check(self, vector: PersonaVector, where: object) -> None:
        """Raise `VectorError` where a vector, which is from `where`, does not fit this base."""
        vector.check(str(where), self.name, self.width, self.number_of_layers)
        mine = self.metadata()
        for key in IDENTITY_KEYS:
            theirs = vector.metadata.get(key)
            if theirs is not None and theirs != mine[key]:
                raise VectorError(
                    f"{where} was extracted from a {self.name!r} whose "
                    f"{key.removeprefix('base_')} is {str(theirs)[:12]}, this one has "
                    f"{str(mine[key])[:12]}: the base was changed since; extract it again"
                )

    def check_steering(self, vector: PersonaVector, where: object) -> None:
        """Raise where a vector, which is from `where`, is known to be of another base.

        Names may differ where the files do not tell the models apart: a merged organism and a copy
        in a folder have names of their own.

        Raises:
            VectorError: names both bases, what differs and the way out.
        """
        mine = self.metadata()
        differ = [
            f"their {key.removeprefix('base_')} is {str(vector.metadata[key])[:12]} there and "
            f"{str(mine[key])[:12]} here"
            for key in IDENTITY_KEYS
            if vector.metadata.get(key) not in (None, mine[key])
        ]
        if vector.base != self.name and {vector.base, self.name} <= set(EMBEDDED):
            differ.append("they are different models")
        if differ:
            raise VectorError(
                f"{where} was extracted from {vector.base!r} and is used on {self.name!r}: "
                f"{differ[0]}. Extract it from {self.name!r}, or, to use it all the same, take it "
                f"over with: wardian vectors convert {where} --base {self.name} --rebase --out FILE"
            )


def identity_of(organism: Organism) -> BaseIdentity:
    """The identity of a loaded base."""
    template = organism.tokenizer.chat_template
    return _identity(organism.base, organism.model.config, template)


def identity_by_name(base: str) -> BaseIdentity:
    """The identity of a base from its config and tokenizer alone.

    Raises:
        ValueError: there is no such base, or it is a hub id that is not here and cannot be fetched.
    """
    from transformers import AutoConfig, AutoTokenizer

    from organisms import resolve_base

    path = resolve_base(base)
    try:
        config = AutoConfig.from_pretrained(path)
        template = AutoTokenizer.from_pretrained(path).chat_template
    except (OSError, ValueError) as error:
        raise ValueError(
            f"the config and tokenizer of base {base!r} cannot be read "
            f"({str(error).splitlines()[0]}); download it first, or name a folder that holds it"
        ) from error
    return _identity(base, config, template)


def rebased(vector: PersonaVector, base: BaseIdentity) -> PersonaVector:
    """A vector of one base, taken for one of another; what it was extracted from is kept.

    Residual norms are those of the model they were measured on: in the unit `norm`, coefficients
    count them.

    Raises:
        VectorError: It does not fit: another width, or layers that the base has not.
    """
    vector.check("the vector", None, base.width, base.number_of_layers)
    taken = {**vector.metadata, **base.metadata(), "extracted_from": vector.base}
    return replace(vector, base=base.name, metadata=taken)


@cache
def code_version() -> str:
    """Our version, as installed; "" where it is not."""
    try:
        return version("wardian")
    except PackageNotFoundError:
        return ""


def _identity(name: str, config: Any, template: object) -> BaseIdentity:
    text = config.get_text_config()
    entries = {key: getattr(text, key, None) for key in _HASHED}
    return BaseIdentity(
        name=name,
        config_hash=_hash(entries),
        template_hash=_hash(template),
        model_type=str(config.model_type),
        number_of_layers=int(text.num_hidden_layers),
        width=int(text.hidden_size),
    )


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
