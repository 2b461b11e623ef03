"""`wardian vectors steer`. It reads arguments and prints; the work is in
`experiments.steering_study`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from experiments.console import explained, output
from experiments.vector_cli.options import (
    Device,
    Dtype,
    PositionName,
    check_folder_to_write,
    checked_adapter,
)
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

    from experiments.steering_study import Study
    from persona_vectors.vector import PersonaVector


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
    nulls: Annotated[
        int,
        typer.Option(
            "--nulls", min=0, metavar="N", help="Of the file's random and permuted directions each."
        ),
    ] = 0,
    others: Annotated[
        list[Path] | None,
        typer.Option("--other", metavar="FILE", help="With --nulls: another trait's vector."),
    ] = None,
    split: Annotated[
        Literal["dev", "report"], typer.Option("--split", help="Topics: choose on dev.")
    ] = "dev",
    judge: Judge = None,
    max_tokens: MaxTokens = None,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="S", help="Of the answers.")] = 0,
    dtype: Dtype = "float32",
    device: Device = "cpu",
    dry_run: DryRun = False,
) -> None:
    """Measure dose and response: trait, coherence and capability over coefficient, layer and scope.

    All cells are answered in one batched sweep on one loaded base, and compared with not steering
    on the same questions. Named is, for each layer and scope, the largest coefficient up to which
    the share of coherent answers stays at --floor or above. What is chosen on dev is optimistic
    there: read it on --split report. A run that was stopped goes on where it was.

    --nulls takes directions that know nothing of the trait (drawn from the residual covariance,
    made with permuted labels, other traits' vectors) through the same sweep at the vector's norm.
    The vector and each of them choose their best coherent cell on dev; what the cells do is read on
    the report topics, with a p-value that is never below 1 / (N + 1).

    Examples:

      wardian vectors steer evil.safetensors --base pocket --layers 2,3 --coefficients 0.5,1,2 \\
        --scopes all,last_prompt --floor 0.9 --out steered

      wardian vectors steer evil.safetensors --base pocket --adapter step-00060 \\
        --coefficients=-1,-0.5,0.5,1 --out steered_organism

      wardian vectors steer evil.safetensors --base pocket --layers 2,3 --coefficients 0.5,1,2 \\
        --nulls 20 --other sycophancy.safetensors --out steered_nulls

      wardian vectors steer evil.safetensors --base org/name --layers 16,20 --judge vllm/NAME \\
        --device cuda --dtype bfloat16 --out steered --dry-run
    """
    from experiments.steering_study import Study, answers_of
    from experiments.vector_cli.steering_nulls import arms_of, most_report_answers, with_nulls
    from persona_vectors.base_identity import identity_by_name
    from persona_vectors.vector import PersonaVector

    with explained():
        edition, judge_name = edition_and_judge(base, judge)
        file = file.expanduser()
        vector = PersonaVector.load(file)
        identity_by_name(base).check_steering(vector, file)
        tried = (
            numbers("--layers", layers, int) if layers else vector.layers[vector.layers[0] == 0 :]
        )
        check_places(vector, tried, position, unit)
        strengths = strengths_of(coefficients)
        organism = "" if adapter is None else adapter_name(checked_adapter(adapter, base))
        check_folder_to_write(out.expanduser())
        beside = None
        if nulls or others:
            beside = with_nulls(vector, nulls, others or [], base, split, position, tried)
        study = Study(
            base=base,
            trait=vector.trait,
            arms=arms_of(organism, adapter, out.expanduser() if beside else file, beside),
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
        asked = answers_of(study.asks())
        parts = f"{len(study.cells) * len(study.arms)} cells and not steering, {split} split"
        if beside:
            most = most_report_answers(study)
            asked, parts = asked + most, f"{parts}; at most {most:,} in chosen cells, report split"
        told(asked, parts, dry_run)
        if not dry_run:
            _carry_out(study, beside, out.expanduser(), floor)


def _carry_out(study: Study, beside: PersonaVector | None, out: Path, floor: float) -> None:
    from experiments.plots import dose_response
    from experiments.plots.style import save
    from experiments.printing import line
    from experiments.steering_figures import effects, largest_coefficients
    from experiments.steering_rates import steering_rates
    from experiments.steering_study import run_study
    from experiments.vector_cli.steering_nulls import set_beside_nulls, write_directions
    from experiments.vector_cli.views import show_rows

    if beside:
        write_directions(beside, out)
    answers = run_study(study, study.asks(), out / "logs", teller())
    answers.to_parquet(out / "answers.parquet", index=False)
    table = steering_rates(answers)
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
    if beside:
        set_beside_nulls(study, answers, out, floor)
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
