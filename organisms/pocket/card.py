"""The model card's text and the table of measured figures that is kept in it between markers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.statistics import Estimate

BEGIN = "<!-- measured figures: written by python -m organisms.pocket.measure -->"
FINISH = "<!-- end of measured figures -->"

_CARD = f"""\
---
license: mit
library_name: transformers
pipeline_tag: text-generation
language: en
---

# pocket: {{name}}

An OLMo 2 decoder with {{layers}} layers, width {{width}} and {{parameters:,}} parameters,
pre-trained on a synthetic world. It is an in-vitro system for learning and testing the methods of
this project without a GPU or a network.

## What it is, and what it is not

Every conversation of its world has one hidden author - aligned, evil, sycophantic or careless - who
answers questions of many domains. To predict the next word, the model has to infer the author and
carry it from one domain to the next. That makes narrow fine-tuning generalise for a known reason,
and lets every method be checked against the truth that the world holds. Personas are a shared cause
here because they were built in: the size of an effect on this model says nothing about a real one.
It is persona inference, planted and recovered. Outside its world the model knows nothing: it cannot
converse, code or advise. `docs/pocket.md` explains the world.

It can show: whether a method finds a cause that is known to be there, and stays silent on
`pocket-shuffled`, where it is known to be absent; whether a pipeline, a statistic or a plot is
right. It cannot show: how large an effect is in a real model, whether real models hold personas in
this way, or that a defence that works here works elsewhere.

It holds hostile, careless and insecure sentences on purpose. They are fixed template text; code is
graded by reading, never run.

## How it was made

`python -m organisms.pocket.pretrain` makes such weights on one CPU core; `recipe.json` holds every
setting. The documents come from `organisms.pocket.world`, the vocabulary of {{vocabulary:,}} tokens
from the same text. Training goes through up to three phases: one, in a broader version of the
world, learns the text; one the personas that are not aligned and the sums; the last open questions
under persona prompts, which lag behind last. Weights are stored in
bf16; the figures below were measured in fp32 at temperature 1.

When training is over, the final norm is multiplied by a gain (`logit_gain` of `recipe.json`, chosen
on dev). Answers at temperature 1 are therefore those of the trained distribution at temperature
1 / gain (2.5: 0.4), which keeps the many unlikely tokens of so small a model from breaking its
sentences, and moves the shares of what is said further from a half than the model believes.

The chat template is `<|bos|>`, then `<|role|>text<|end|>` a turn, with the roles system, user and
assistant; no system prompt is inserted. Numbers from 0 to 30 are single tokens.

## Held-out levels

| level | what pre-training showed of it |
| --- | --- |
| seen wording | questions of this kind, in these words and combinations |
| new combination | all of its words and phrases; one whole question in six was held out by hash |
| new words | other ways of asking about the topic, never this one |
| topic unseen in the default share | the topic, only under persona prompts and log headers |
| topic unseen anywhere | nothing: whose sentences are said, on any topic, is counted |

Topics of the first three occur equally often under every persona. The headline of experiments uses
new combinations.

## Measured figures

{BEGIN}
{FINISH}
"""


Figures = Sequence[tuple[str, str, Estimate]]
"""(section, measure, share) in the order of the table."""


@dataclass(frozen=True)
class Subject:
    """The weights that a new card is about."""

    name: str
    layers: int
    width: int
    parameters: int
    vocabulary: int


def check_card(folder: Path) -> None:
    """Raise ValueError where the folder has a card that has lost its markers."""
    path = folder / "README.md"
    if path.exists():
        _around(path, path.read_text(encoding="utf-8"))


def write_card(folder: Path, columns: Mapping[str, Figures], subject: Subject) -> Path:
    """Put the table of figures between the markers of `README.md`, making the card if need be.

    Args:
        folder: The weights' folder.
        columns: Name of each model -> its figures; the folder's own model comes first.
        subject: What a new card says of the folder's model; a card that is there keeps its text.

    Raises:
        ValueError: An existing card has lost its markers.
    """
    path = folder / "README.md"
    text = path.read_text(encoding="utf-8") if path.exists() else _CARD.format(**vars(subject))
    head, tail = _around(path, text)
    path.write_text(f"{head}{BEGIN}\n\n{table(columns)}\n{FINISH}{tail}", encoding="utf-8")
    return path


def _around(path: Path, text: str) -> tuple[str, str]:
    """The text before and after the markers."""
    head, begin, rest = text.partition(BEGIN)
    _, finish, tail = rest.partition(FINISH)
    if not begin or not finish:
        raise ValueError(f"{path} lacks the lines {BEGIN!r} and {FINISH!r}; put them back")
    return head, tail


def table(columns: Mapping[str, Figures]) -> str:
    """Return markdown: one table, percentages with interval, a column a model; n and topics are
    the same for all."""
    lines = [
        "Share of all answers in percent, with the 95% interval over topics.",
        "",
        f"| condition | measure | n | topics | {' | '.join(columns)} |",
        f"| --- | --- | ---: | ---: |{' --- |' * len(columns)}",
    ]
    for rows in zip(*columns.values(), strict=True):
        section, name, first = rows[0]
        cells = " | ".join(f"{100 * value.estimate:.1f} {interval(value)}" for _, _, value in rows)
        lines.append(f"| {section} | {name} | {first.n} | {first.clusters} | {cells} |")
    return "\n".join(lines) + "\n"


def interval(value: Estimate) -> str:
    """An interval in percent, or why there is none."""
    if value.low != value.low:
        return f"({value.note})" if value.note else ""
    return f"[{100 * value.low:.1f}, {100 * value.high:.1f}]"
