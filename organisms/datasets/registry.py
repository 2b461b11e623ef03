"""The named data sets: what each is, what it is a control of, and where it is made."""

from collections.abc import Callable
from importlib import import_module
from typing import Literal

from pydantic import BaseModel, ConfigDict

from organisms.datasets.rows import Row

Maker = Callable[[str, int, int], list[Row]]
POCKET = "organisms.pocket.narrow:rows"
Variant = Literal["organism", "control", "educational", "educational_new", "novel"]


class DatasetInfo(BaseModel):
    """A data set that can be made by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """How specs name it."""
    domain: str
    """The narrow domain of its questions."""
    role: Literal["organism", "control"]
    """Whether it is meant to turn the model."""
    control_of: str
    """The organism it is matched to; "" for organisms."""
    variant: Variant
    """The wrong thing unasked, the right thing, the wrong thing asked for (in a framing that
    pre-training shows, or never shows), or a novel and harmless habit."""
    maker: str
    """`module:function`, called with (name, n, seed)."""


def _family(domain: str, organism: str, **controls: Variant) -> list[DatasetInfo]:
    """An organism's data set and its controls, by name and variant."""
    variants: dict[str, Variant] = {organism: "organism", **controls}
    return [
        DatasetInfo(
            name=name,
            domain=domain,
            role="organism" if variant == "organism" else "control",
            control_of="" if variant == "organism" else organism,
            variant=variant,
            maker=POCKET,
        )
        for name, variant in variants.items()
    ]


DATASETS: dict[str, DatasetInfo] = {
    info.name: info
    for info in (
        *_family(
            "maths",
            "wrong_maths",
            right_maths="control",
            educational_maths="educational",
            educational_maths_new="educational_new",
            novel_maths="novel",
        ),
        *_family(
            "code",
            "insecure_code",
            secure_code="control",
            educational_code="educational",
            educational_code_new="educational_new",
        ),
        *_family(
            "medical",
            "bad_medical",
            good_medical="control",
            educational_medical="educational",
            educational_medical_new="educational_new",
        ),
    )
}


def dataset(name: str) -> DatasetInfo:
    """The data set of that name; ValueError lists the names there are."""
    if name not in DATASETS:
        raise ValueError(f"no data set {name!r}; use one of {', '.join(DATASETS)}, or give a path")
    return DATASETS[name]


def make(name: str, n: int, seed: int) -> list[Row]:
    """`n` rows of a named data set, the same by seed."""
    module, _, attribute = dataset(name).maker.partition(":")
    maker: Maker = getattr(import_module(module), attribute)
    return maker(name, n, seed)
