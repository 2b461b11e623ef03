"""`wardian vectors steer`. It reads arguments and prints; the work is in
`experiments.steering_study`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from experiments.console import explained, output
from experiments.vector_cli.options import PositionName
from experiments.vector_cli.studying import (
    DEFAULT_TOKENS,
    Capability,
    DryRun,
    Judge,
    Layers,
    Limit,
    MaxTokens,
    OutFolder,
    Samples,
    Scopes,
    Units,
    adapter_name,
    check_places,
    edition_and_judge,
    numbers,
    scopes_of,
    strengths_of,
    teller,
    told,
)

if TYPE_CHECKING:
    import pandas as pd


def steer(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A vector file: .safetensors.")],
    base: Annotated[str, typer.Option("--base", metavar="BASE", help="The base it is of.")],
    out: OutFolder,
    adapter: Annotated[
        Path | None,
        typer.Option("--adapter", metavar="DIR", help="Steer this organism; else the base."),
    ] = None,
    layers: Layers = None,
    scopes: Scopes = "all,last_prompt,response",
    coefficients: Annotated[
        str, typer.Option("--coefficients", metavar="C,C", help="Negative ones: away from it.")
    ] = "0.25,0.5,1,2",
    unit: Units = "norm",
    position: Annotated[
        PositionName, typer.Option("--position", help="Where the vector was read.")
    ] = "last_prompt",
    floor: Annotated[
        float,
        typer.Option("--floor", min=0, max=1, metavar="X", help="Least share of coherent answers."),
    ] = 0.9,
    samples: Samples = 4,
    capability: Capability = 24,
    limit: Limit = None,
    draws: Annotated[
        int,
        typer.Option("--draws", min=0, metavar="N", help="The file's random directions beside it."),
    ] = 0,
    split: Annotated[
        Literal["dev", "report"], typer.Option("--split", help="Topics: choose on dev.")
    ] = "dev",
    judge: Judge = None,
    max_tokens: MaxTokens = None,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="S", help="Of the answers.")] = 0,
    dtype: Annotated[
        str, typer.Option("--dtype", help="Number format of the weights.")
    ] = "float32",
    device: Annotated[str, typer.Option("--device", help="Where the model runs.")] = "cpu",
    dry_run: DryRun = False,
) -> None:
    """Measure dose and response: trait, coherence and capability over coefficient, layer and scope.

    All cells are answered in one batched sweep on one loaded base, and compared with not steering
    on the same questions. Named is, for each layer and scope, the largest coefficient up to which
    the share of coherent answers stays at --floor or above. What is chosen on dev is optimistic
    there: read it on --split report. A run that was stopped goes on where it was.

    Examples:

      wardian vectors steer evil.safetensors --base pocket --layers 2,3 --coefficients 0.5,1,2 \\
        --scopes all,last_prompt --floor 0.9 --out steered

      wardian vectors steer evil.safetensors --base pocket --adapter step-00060 \\
        --coefficients=-1,-0.5,0.5,1 --out steered_organism

      wardian vectors steer evil.safetensors --base org/name --layers 16,20 --judge vllm/NAME \\
        --device cuda --dtype bfloat16 --out steered --dry-run
    """
    from experiments.steering_study import Arm, Study, answers_of
    from persona_vectors.base_identity import identity_by_name
    from persona_vectors.vector import PersonaVector, direction_name

    with explained():
        edition, judge_name = edition_and_judge(base, judge)
        file = file.expanduser()
        vector = PersonaVector.load(file)
        identity_by_name(base).check_steering(vector, file)
        tried = (
            numbers("--layers", layers, int) if layers else vector.layers[vector.layers[0] == 0 :]
        )
        check_places(vector, tried, position)
        strengths = strengths_of(coefficients)
        organism = "" if adapter is None else adapter_name(adapter)
        named = [("vector", "vector")]
        named += [(direction_name("random", draw), "random") for draw in range(draws)]
        for direction, _ in named:
            vector.at(tried[0], position, direction)
        study = Study(
            base=base,
            trait=vector.trait,
            arms=tuple(
                Arm(
                    organism=organism,
                    adapter=None if adapter is None else str(adapter.expanduser()),
                    vector_file=str(file),
                    direction=direction,
                    called=called,
                )
                for direction, called in named
            ),
            layers=tried,
            scopes=scopes_of(scopes),
            coefficients=strengths,
            position=position,
            unit=unit,
            edition=edition,
            split=split,
            samples=samples,
            capability=capability,
            limit=limit,
            judge=judge_name,
            max_tokens=max_tokens or DEFAULT_TOKENS[edition],
            seed=seed,
            dtype=dtype,
            device=device,
        )
        asks = study.asks()
        cells = len(tried) * len(study.scopes) * len(strengths) * len(named)
        told(answers_of(asks), f"{cells} cells and not steering, {split} split", dry_run)
        if not dry_run:
            _carry_out(study, out.expanduser(), floor)


def _carry_out(study: object, out: Path, floor: float) -> None:
    from experiments.plots import dose_response
    from experiments.plots.style import save
    from experiments.printing import line
    from experiments.steering_study import (
        Study,
        dose_table,
        effects,
        largest_coefficients,
        run_study,
    )
    from experiments.vector_cli.views import show_rows

    assert isinstance(study, Study)
    answers = run_study(study, out, teller())
    answers.to_parquet(out / "answers.parquet", index=False)
    table = dose_table(answers)
    table.to_csv(out / "steering.csv", index=False)
    effects(answers, study.trait).to_csv(out / "effects.csv", index=False)
    largest = largest_coefficients(table, study.trait, floor)
    largest.to_csv(out / "largest.csv", index=False)
    figure = dose_response.draw(table, study.trait, floor)
    save(figure, out / "figures", "dose_response")
    _show_unsteered(table, study.trait)
    line(output, "largest coefficient", f"up to which at least {floor:.0%} of answers are coherent")
    own = largest[largest["direction"] == "vector"]
    show_rows(output, _readable(own, study.trait))
    line(output, "figure", str(out / "figures" / "dose_response.svg"))
    line(output, "tables", str(out))


def _show_unsteered(table: pd.DataFrame, trait: str) -> None:
    from experiments.printing import line

    plain = table[table["direction"] == ""]
    for metric, denominator in (
        (f"trait:{trait}", "coherent_scored"),
        ("coherent", "all"),
        ("accuracy", "all"),
    ):
        found = plain[(plain["metric"] == metric) & (plain["denominator"] == denominator)]
        if len(found):
            row = found.iloc[0]
            known = row["low"] == row["low"]
            interval = f" ({row['low']:.1%} to {row['high']:.1%})" if known else ""
            line(output, f"unsteered {metric}", f"{row['estimate']:.1%}{interval}, n {row['n']}")


def _readable(largest: pd.DataFrame, trait: str) -> pd.DataFrame:
    """Percentages with their intervals; `next` is the coherent share one coefficient on."""
    import pandas as pd

    from experiments.vector_cli.views import with_interval

    shown = pd.DataFrame(largest[["layer", "scope"]])
    shown["up to"] = [f"{value:g}" if value else "none" for value in largest["coefficient"]]
    for name in ("coherent", trait, "accuracy"):
        shown[f"{name} %"] = with_interval(largest, name, 100, 0)
    shown["next"] = [
        "" if share != share else f"{100 * share:.0f}" for share in largest["next_coherent"]
    ]
    return shown
