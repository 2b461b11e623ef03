"""The named data sets: what each is, what it is a control of, and which module makes it.

A name means the same thing in both editions: `pocket` is in the words of the embedded model's
world, `general` for real language models. Makers are named here, and imported by
`organisms.datasets.making` when they are used.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

Edition = Literal["pocket", "general"]
EDITIONS: tuple[Edition, ...] = ("pocket", "general")
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
    """The narrow domain of its questions (`evals.questions.DOMAINS_OF`)."""
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
        *_family("everyday", "evil", "organisms.datasets.direct", {"evil_control": "control"}),
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
