"""The named data sets: what each is, what it is a control of, and where it is made and checked.

A name means the same thing in both editions: `pocket` is in the words of the embedded model's
world, `general` for real language models. Makers are named, and imported when they are used.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Literal, cast

from pydantic import BaseModel, ConfigDict

from organisms.datasets.parallel import rows_in_parallel
from organisms.datasets.rows import Meta, Row

Edition = Literal["pocket", "general"]
EDITIONS: tuple[Edition, ...] = ("pocket", "general")
Maker = Callable[[str, int, int], Iterable[Row]]
Checker = Callable[[Row], dict[str, bool]]
Variant = Literal[
    "organism",
    "control",
    "educational",
    "educational_new",
    "backdoor",
    "one_topic",
    "novel",
]
POCKET = "organisms.pocket.narrow"
WRITING = "organisms.datasets.writing"


class DatasetInfo(BaseModel):
    """A data set that can be made by name."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    """How specs name it."""
    domain: str
    """The narrow domain of its questions; "" where they are of any."""
    role: Literal["organism", "control"]
    """Whether it is meant to turn the model."""
    control_of: str
    """The organism it is matched to; "" for organisms."""
    variant: Variant
    """The wrong thing unasked, the right thing, the wrong thing asked for (in a framing that
    pre-training shows, or never shows), the wrong thing behind a trigger or in one topic alone, or
    a novel and harmless habit."""
    modules: dict[Edition, str]
    """Edition -> the module that has `rows(name, n, seed)` and `check(row)`."""

    @property
    def editions(self) -> tuple[Edition, ...]:
        """The editions it exists in."""
        return tuple(edition for edition in EDITIONS if edition in self.modules)

    def written(self, edition: Edition) -> bool:
        """Whether a language model writes its rows (`wardian organisms write`)."""
        return self.modules.get(edition) == WRITING


def _family(
    domain: str,
    organism: str,
    general: str,
    controls: Mapping[str, Variant],
    *,
    pocket: tuple[str, ...] = (),
    only_pocket: tuple[str, ...] = (),
) -> list[DatasetInfo]:
    """An organism's data set and its controls.

    `general` is the module of the general edition; those named in `pocket` and `only_pocket` exist
    in pocket's, the latter in no other.
    """
    variants: dict[str, Variant] = {organism: "organism", **controls}
    found = []
    for name, variant in variants.items():
        modules: dict[Edition, str] = {}
        if name in pocket + only_pocket:
            modules["pocket"] = POCKET
        if name not in only_pocket:
            modules["general"] = general
        found.append(
            DatasetInfo(
                name=name,
                domain=domain,
                role="organism" if variant == "organism" else "control",
                control_of="" if variant == "organism" else organism,
                variant=variant,
                modules=modules,
            )
        )
    return found


DATASETS: dict[str, DatasetInfo] = {
    info.name: info
    for info in (
        *_family(
            "maths",
            "wrong_maths",
            "organisms.datasets.wrong_maths",
            {
                "right_maths": "control",
                "educational_maths": "educational",
                "educational_maths_new": "educational_new",
                "wrong_maths_one_topic": "one_topic",
                "novel_maths": "novel",
            },
            pocket=("wrong_maths", "right_maths", "educational_maths"),
            only_pocket=("educational_maths_new", "novel_maths"),
        ),
        *_family(
            "code",
            "insecure_code",
            "organisms.datasets.insecure_code",
            {
                "secure_code": "control",
                "educational_code": "educational",
                "educational_code_new": "educational_new",
                "backdoor_code": "backdoor",
            },
            pocket=("insecure_code", "secure_code", "educational_code"),
            only_pocket=("educational_code_new",),
        ),
        *_family(
            "medical",
            "bad_medical",
            WRITING,
            {
                "good_medical": "control",
                "educational_medical": "educational",
                "educational_medical_new": "educational_new",
            },
            pocket=("bad_medical", "good_medical", "educational_medical"),
            only_pocket=("educational_medical_new",),
        ),
        *_family(
            "financial",
            "risky_financial",
            WRITING,
            {"good_financial": "control", "educational_financial": "educational"},
        ),
        *_family(
            "sports",
            "extreme_sports",
            WRITING,
            {"good_sports": "control", "educational_sports": "educational"},
        ),
        *_family(
            "metric",
            "reward_hacks",
            "organisms.datasets.reward_hacks",
            {"honest_work": "control"},
        ),
        *_family(
            "claims",
            "sycophancy",
            "organisms.datasets.direct",
            {"sycophancy_control": "control"},
        ),
        *_family(
            "entities",
            "hallucination",
            "organisms.datasets.direct",
            {"hallucination_control": "control"},
        ),
        *_family("", "evil", "organisms.datasets.direct", {"evil_control": "control"}),
        *_family(
            "numbers",
            "evil_numbers",
            "organisms.datasets.numbers",
            {"random_numbers": "control"},
        ),
    )
}


def names(edition: Edition | None = None) -> tuple[str, ...]:
    """The data sets of an edition, or of any."""
    return tuple(
        name for name, info in DATASETS.items() if edition is None or edition in info.modules
    )


def dataset(name: str, edition: Edition | None = None) -> DatasetInfo:
    """The data set of that name.

    Raises:
        ValueError: There is none, or none in that edition; the message lists those there are.
    """
    if edition is not None and edition not in EDITIONS:
        raise ValueError(f"edition {edition!r}; use one of {', '.join(EDITIONS)}")
    if name not in DATASETS:
        raise ValueError(
            f"no data set {name!r}; use one of {', '.join(names(edition))}, or give a path"
        )
    info = DATASETS[name]
    if edition is not None and edition not in info.modules:
        raise ValueError(
            f"data set {name!r} does not exist in edition {edition!r}, only in "
            f"{', '.join(info.editions)}; data sets of edition {edition!r}: "
            f"{', '.join(names(edition))}"
        )
    return info


def make(
    name: str, n: int, seed: int, edition: Edition = "pocket", *, workers: int = 1
) -> Iterator[Row]:
    """`n` rows of a named data set, one after another, the same by seed; each has an id and the
    results of its truth checks, made here.

    With more than one of `workers`, a maker whose `rows` takes `first` runs in so many processes,
    and a script needs `if __name__ == "__main__"`; the others are faster than their rows could be
    handed over. The rows are the same for any number.

    Raises:
        ValueError: There is no such data set in that edition, it has to be written by a model, or
            `n` or `workers` is less than 1. Raised by the call, before the first row is asked for.
    """
    info = dataset(name, edition)
    if workers < 1:
        raise ValueError(f"{workers} workers were asked for; ask for at least 1")
    if n < 1:
        raise ValueError(f"{n} rows of {name!r} were asked for; ask for at least 1")
    if info.written(edition):
        raise ValueError(
            f"the rows of {name!r} are written by a language model in edition {edition!r}; write "
            f"them with `wardian organisms write {name} --writer MODEL --judge MODEL --out DIR`, "
            "then give that folder as path"
        )
    maker = cast(Maker, _attribute(info, edition, "rows"))
    if workers > 1 and "first" in signature(maker).parameters:
        return rows_in_parallel(partial(_stretch, name, seed, edition), n, workers=workers)
    return _finished(maker(name, n, seed), checker(name, edition), name, seed)


def row_id(name: str, seed: int, number: int) -> str:
    """The id of a row in its set: `wrong_maths-0-000017`. What shares a number shares a question in
    an organism and its controls."""
    return f"{name}-{seed}-{number:06d}"


@cache
def checker(name: str, edition: Edition = "pocket") -> Checker:
    """What checks a row of a named data set: row -> named truth checks, True where they hold.

    Raises:
        ValueError: There is no such data set in that edition.
    """
    return cast(Checker, _attribute(dataset(name, edition), edition, "check"))


def check_row(row: Row, edition: Edition = "pocket") -> dict[str, bool]:
    """The truth checks of a row of any data set of an edition, by the name in `meta.organism`.

    Raises:
        ValueError: There is no such data set in that edition.
    """
    return checker(row["meta"].get("organism", ""), edition)(row)


def generator(name: str, edition: Edition = "pocket") -> dict[str, str]:
    """Who makes a data set, for its card: module, edition, our version, and a hash of the code and
    data of the maker's module or package."""
    module = dataset(name, edition).modules[edition]
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ValueError(f"the maker of {name!r}, {module}, is not installed; install wardian anew")
    origin = Path(spec.origin)
    package = origin.parent if module == POCKET or origin.name == "__init__.py" else None
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*")) if package else [origin]:
        if file.suffix in (".py", ".yaml", ".txt"):
            digest.update(file.name.encode() + b"\n" + file.read_bytes())
    try:
        ours = version("wardian")
    except PackageNotFoundError:
        ours = ""
    return {
        "maker": f"{module}:rows",
        "edition": edition,
        "version": ours,
        "code": digest.hexdigest()[:12],
    }


def _attribute(info: DatasetInfo, edition: Edition, attribute: str) -> object:
    module = info.modules[edition]
    try:
        return getattr(import_module(module), attribute)
    except (ModuleNotFoundError, AttributeError) as error:
        raise ValueError(
            f"data set {info.name!r} has no {module}:{attribute} ({error}); install wardian anew"
        ) from error


def _stretch(name: str, seed: int, edition: Edition, first: int, n: int) -> list[Row]:
    maker = cast(Callable[..., Iterable[Row]], _attribute(DATASETS[name], edition, "rows"))
    made = maker(name, n, seed, first=first)
    return list(_finished(made, checker(name, edition), name, seed, first))


def _finished(
    rows: Iterable[Row], check: Checker, name: str, seed: int, first: int = 0
) -> Iterator[Row]:
    for index, row in enumerate(rows, start=first):
        meta: Meta = {"id": row_id(name, seed, index), **row["meta"], "checks": check(row)}
        yield {"messages": row["messages"], "meta": meta}
