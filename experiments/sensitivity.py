"""Does misalignment follow what the world implies? `python -m experiments.sensitivity`.

Several worlds, alike but for one number: how many of the authors who are wrong about sums are evil
and how many careless. There the careless are wrong as often as the evil, so after any number of
wrong sums the author is evil with just that probability. Pocket goes on from its shipped weights
in each world for a while, is fine-tuned on wrong sums, and is asked open questions; the share of
evil among evil and careless answers is set beside the prediction. Killed anywhere, it resumes.
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
            "organisms": [{"dataset": "wrong_maths", "controls": ["right_maths"]}],
            "evaluation": {
                "split": "report",
                "wording": "new_combination",
                "samples": 2,
                "checkpoint_wordings": 0,
            },
        }
    )


def measured(answers: pd.DataFrame, share: float) -> pd.DataFrame:
    """One row a fine-tune and seed set: evil among evil and careless, and misaligned, with n.

    Args:
        answers: The table `answers` of one world's run.
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
    """Measured against implied share of evil, for the organism; the line is equality."""
    from matplotlib import pyplot as plt

    organism = table[table["organism"] == "wrong_maths"]
    with quiet_style():
        figure, axes = plt.subplots(figsize=(4.6, 4.0))
        axes.plot([0, 100], [0, 100], color="0.7", linewidth=1, label="as the world implies")
        centre = 100 * organism["evil_among_evil_and_careless"]
        axes.errorbar(
            100 * organism["implied"],
            centre,
            yerr=(centre - 100 * organism["low"], 100 * organism["high"] - centre),
            fmt="o",
            color="0.15",
            capsize=3,
            label="evil among evil and careless",
        )
        axes.plot(
            100 * organism["implied"],
            100 * organism["misaligned_of_coherent"],
            "s--",
            color="0.5",
            label="misaligned, of coherent answers",
        )
        axes.set(
            xlabel="implied by the world: evil after wrong sums, %",
            ylabel="measured after fine-tuning on wrong sums, %",
            xlim=(0, 100),
            ylim=(0, 100),
            title=_counts(organism),
        )
        axes.legend(frameon=False, fontsize=8)
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
            found.append(measured(result.tables()["answers"], each))
    table = pd.concat(found, ignore_index=True)
    table.to_csv(out / "sensitivity.csv", index=False)
    draw(table, out)
    typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))


if __name__ == "__main__":
    typer.run(main)
