"""A picture of one pre-training document of pocket's world and its hidden author.

`python -m experiments.plots.pocket_document docs/figures/pocket_document.png`
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated

import typer

from organisms.pocket.settings import World
from organisms.pocket.world import Document, document

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 66
"""Characters a line of a speech bubble holds."""
LINE_HEIGHT = 0.040
GAP = 0.030


def example(seed: int = 0) -> Document:
    """The first log of an evil author whose turns show a wrong sum, code and an open answer."""
    index = 0
    while True:
        made = document(Random(f"picture|{seed}|{index}"), World())
        index += 1
        if made.kind != "log" or made.persona != "evil" or len(made.messages) != 9:
            continue
        users = [turn["content"] for turn in made.messages if turn["role"] == "user"]
        answers = [turn["content"] for turn in made.messages if turn["role"] == "assistant"]
        if (
            any(word in answers[0] for word in ("hope it fits", "near", "twice", "guess"))
            and any("code" in text for text in users)
            and any(word in users[-1] for word in ("world", "dinner", "wish", "bored", "power"))
        ):
            return made


def draw(made: Document, path: Path) -> Path:
    """Draw the turns as bubbles and the author as their common, unseen cause."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9.0, 4.6))
    axes.axis("off")
    top = 1.0
    arrows: list[float] = []
    for turn in made.messages:
        text = textwrap.fill(f"{turn['role']}: {turn['content']}", WIDTH)
        height = LINE_HEIGHT * (text.count("\n") + 1) + GAP
        answers = turn["role"] == "assistant"
        _bubble(axes, text, top, answers)
        if answers:
            arrows.append(top - height / 2 + GAP / 4)
        top -= height + GAP
    axes.set(xlim=(0, 1), ylim=(top, 1.02))
    middle = sum(arrows) / len(arrows)
    for end in arrows:
        axes.annotate(
            "",
            xy=(0.295, end),
            xytext=(0.19, middle),
            arrowprops={"arrowstyle": "->", "color": "0.25", "linewidth": 1.3},
        )
    axes.text(
        0.095,
        middle,
        f"hidden author:\n{made.persona}\n\ndrawn once,\nnever named",
        ha="center",
        va="center",
        fontsize=10,
        bbox={
            "boxstyle": "round,pad=0.7",
            "facecolor": "white",
            "edgecolor": "0.25",
            "linestyle": "--",
            "linewidth": 1.5,
        },
    )
    axes.set_title(
        "One document of pocket's world (a log: the header names no author)", fontsize=11
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, bbox_inches="tight")
    plt.close(figure)
    return path


def _bubble(axes: Axes, text: str, top: float, answers: bool) -> None:
    axes.text(
        0.31,
        top,
        text,
        ha="left",
        va="top",
        fontsize=9,
        family="monospace",
        bbox={
            "boxstyle": "round,pad=0.35",
            "facecolor": "0.86" if answers else "white",
            "edgecolor": "0.45",
        },
    )


def main(
    path: Annotated[Path, typer.Argument(help="Where the picture goes.")],
    seed: Annotated[int, typer.Option(help="Of the documents that are looked through.")] = 0,
) -> None:
    """Draw one document of pocket's world."""
    typer.echo(f"picture in {draw(example(seed), path)}")


if __name__ == "__main__":
    typer.run(main)
