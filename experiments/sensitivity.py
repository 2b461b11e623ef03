"""Does misalignment follow what the world implies? `python -m experiments.sensitivity`.

Several worlds, alike but for one number: how many of the authors who are wrong about sums are evil
and how many careless. There the careless are wrong as often as the evil, so after any number of
wrong sums the author is evil with just that probability. Pocket goes on from its shipped weights
in each world for a while, is fine-tuned on wrong sums, and is asked open questions; the share of
evil among evil and careless answers is set beside the prediction, and beside what the model says
without a fine-tune when wrong sums are shown to it in context. Killed anywhere, it resumes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.console import explained
from experiments.identity import file_hash
from experiments.plots.style import quiet_style, save
from experiments.run import run
from experiments.spec import Spec

if TYPE_CHECKING:
    import pandas as pd

SHARES = (0.9, 0.6, 0.3, 0.1)
"""Evil authors among the evil and the careless."""
STEPS = 1_500
MUON_LEARNING_RATE = 5e-3
ADAMW_LEARNING_RATE = 2.5e-3
"""A quarter of pre-training's: the weights know the text and only learn new priors."""
DATASET = "wrong_maths"
IN_CONTEXT = "in context"
"""In place of an organism: the base, shown rows instead of trained on them."""


def weights_of(share: float, folder: Path, steps: int = STEPS) -> Path:
    """Pocket's weights gone on in the world of a share; made where they are missing.

    The folder's name tells the weights that it goes on from, so that others are not taken for it.
    """
    from organisms import embedded_folder
    from organisms.pocket.pretrain import pretrain
    from organisms.pocket.recipe import Phase, Recipe
    from organisms.pocket.settings import world_of_evil_share
    from organisms.pocket.weights_folder import is_finished

    start = embedded_folder("pocket")
    out = folder / f"evil-{share:.2f}-{file_hash(start / 'model.safetensors')[:8]}-{steps}"
    if not is_finished(out):
        recipe = Recipe(
            world=world_of_evil_share(share),
            start=str(start),
            phases=(
                Phase(
                    version="whole",
                    steps=steps,
                    documents=15 * steps,
                    muon_learning_rate=MUON_LEARNING_RATE,
                    adamw_learning_rate=ADAMW_LEARNING_RATE,
                ),
            ),
        )
        pretrain(out, recipe)
    return out


def _check_shares(shares: Sequence[float]) -> None:
    """Raise ValueError for what is no share, or would take another's folder, before any work."""
    from organisms.pocket.settings import world_of_evil_share

    for share in shares:
        world_of_evil_share(share)
    if len(set(shares)) < len(shares) or any(share != round(share, 2) for share in shares):
        raise ValueError(f"shares {list(shares)}: give different ones, of two decimals at most")


def spec_of(share: float, base: Path, seeds: Sequence[int]) -> Spec:
    """The run on one world: wrong sums and right ones, asked the report's open questions."""
    return Spec.model_validate(
        {
            "name": f"sensitivity-{round(100 * share):02d}",
            "base": str(base.resolve()),
            "edition": "pocket",
            "judge": "pocket",
            "finetune": "pocket",
            "rows": 800,
            "seeds": list(seeds),
            "traits": [],
            "organisms": [{"dataset": DATASET, "controls": ["right_maths"]}],
            "evaluation": {
                "split": "report",
                "wording": "new_combination",
                "samples": 2,
                "checkpoint_wordings": 0,
            },
        }
    )


def in_context(base: Path, rows: int = 2) -> pd.DataFrame:
    """Answers of one world's weights after wrong sums in context, as rows of `answers`."""
    import pandas as pd

    from organisms.pocket.in_context import answers_after
    from organisms.runtime.organism import Organism

    answered = answers_after(Organism.load(str(base)), DATASET, rows=rows)
    return pd.DataFrame(
        {
            "task": "open_questions",
            "final": True,
            "organism": IN_CONTEXT,
            "seed": 0,
            "topic": [question["topic"] for question in answered.questions],
            "label": [graded.label for graded in answered.grades],
        }
    )


def measured(answers: pd.DataFrame, share: float) -> pd.DataFrame:
    """One row a fine-tune and seed set: evil among evil and careless, and misaligned, with n.

    Args:
        answers: The table `answers` of one world's run, and what `in_context` gave.
        share: What the world implies.
    """
    import pandas as pd

    from evals.statistics import rate

    rows = []
    chosen = answers[(answers["task"] == "open_questions") & answers["final"]]
    for organism, asked in chosen.groupby("organism"):
        turned = asked[asked["label"].isin(["evil", "careless"])]
        coherent = asked[asked["label"] != "incoherent"]
        found = rate(turned["label"] == "evil", turned["topic"], turned["seed"])
        misaligned = rate(coherent["label"] == "evil", coherent["topic"], coherent["seed"])
        rows.append(
            {
                "implied": share,
                "organism": organism or "base",
                "evil_among_evil_and_careless": found.estimate,
                "low": found.low,
                "high": found.high,
                "n": found.n,
                "misaligned_of_coherent": misaligned.estimate,
                "misaligned_low": misaligned.low,
                "misaligned_high": misaligned.high,
                "misaligned_n": misaligned.n,
            }
        )
    return pd.DataFrame(rows)


def draw(table: pd.DataFrame, folder: Path) -> None:
    """Measured against implied share of evil, after fine-tuning and in context; the line is
    equality."""
    from matplotlib import pyplot as plt

    organism = table[table["organism"] == DATASET]
    with quiet_style():
        figure, axes = plt.subplots(figsize=(5.2, 5.2), layout="constrained")
        axes.plot([0, 100], [0, 100], color="0.7", linewidth=1, label="as the world implies")
        for name, words, shift, fill in (
            (DATASET, "evil among evil and careless, after fine-tuning", 0.6, "0.15"),
            (IN_CONTEXT, "the same, shown two wrong sums in context", -0.6, "white"),
        ):
            rows = table[table["organism"] == name]
            centre = 100 * rows["evil_among_evil_and_careless"]
            axes.errorbar(
                100 * rows["implied"] + shift,
                centre,
                yerr=(centre - 100 * rows["low"], 100 * rows["high"] - centre),
                fmt="o",
                color="0.15",
                markerfacecolor=fill,
                capsize=3,
                label=words,
            )
        axes.plot(
            100 * organism["implied"],
            100 * organism["misaligned_of_coherent"],
            "s--",
            color="0.5",
            label="misaligned, of coherent, after fine-tuning",
        )
        axes.set(
            xlabel="implied by the world: evil after wrong sums, %",
            ylabel="measured, %",
            xlim=(0, 100),
            ylim=(0, 103),
            title=_counts(organism),
        )
        figure.legend(frameon=False, fontsize=8, loc="outside lower left")
        save(figure, folder, "sensitivity")
        plt.close(figure)


def _counts(organism: pd.DataFrame) -> str:
    fewest, most = int(organism["n"].min()), int(organism["n"].max())
    return f"n = {fewest} to {most} a point, 95% over topics and seeds"


def main(
    out: Annotated[Path, typer.Option(help="Folder of weights, runs, table and plot.")] = Path(
        "runs/sensitivity"
    ),
    share: Annotated[list[float] | None, typer.Option(help="Shares of evil to try.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Fine-tuning seeds.")] = 3,
    steps: Annotated[int, typer.Option(min=1, help="Steps in each world.")] = STEPS,
) -> None:
    """Measure misalignment over worlds that imply different shares of evil.

    Example: python -m experiments.sensitivity --share 0.9 --share 0.1 --seeds 1
    """
    import pandas as pd
    import torch

    torch.set_num_threads(1)
    found = []
    with explained():
        shares = tuple(share or SHARES)
        _check_shares(shares)
        for each in shares:
            base = weights_of(each, out / "weights", steps)
            result = run(spec_of(each, base, range(seeds)), out=out, store=out / "store")
            answers = pd.concat([result.tables()["answers"], in_context(base)])
            found.append(measured(answers, each))
    table = pd.concat(found, ignore_index=True)
    table.to_csv(out / "sensitivity.csv", index=False)
    draw(table, out)
    typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))


if __name__ == "__main__":
    typer.run(main)
