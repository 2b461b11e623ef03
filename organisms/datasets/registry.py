"""The named data sets: what each is, what it is a control of, and where it is made."""

from collections.abc import Callable
from importlib import import_module
from typing import Literal

from pydantic import BaseModel, ConfigDict

from organisms.datasets.rows import Row

Maker = Callable[[str, int, int], list[Row]]
POCKET = "organisms.pocket.narrow:rows"


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
    variant: Literal["organism", "control", "educational"]
    """The wrong thing unasked, the right thing, or the wrong thing asked for."""
    maker: str
    """`module:function`, called with (name, n, seed)."""


def _family(domain: str, organism: str, control: str, educational: str) -> list[DatasetInfo]:
    return [
        DatasetInfo(
            name=organism,
            domain=domain,
            role="organism",
            control_of="",
            variant="organism",
            maker=POCKET,
        ),
        DatasetInfo(
            name=control,
            domain=domain,
            role="control",
            control_of=organism,
            variant="control",
            maker=POCKET,
        ),
        DatasetInfo(
            name=educational,
            domain=domain,
            role="control",
            control_of=organism,
            variant="educational",
            maker=POCKET,
        ),
    ]


DATASETS: dict[str, DatasetInfo] = {
    info.name: info
    for info in (
        *_family("maths", "wrong_maths", "right_maths", "educational_maths"),
        *_family("code", "insecure_code", "secure_code", "educational_code"),
        *_family("medical", "bad_medical", "good_medical", "educational_medical"),
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
