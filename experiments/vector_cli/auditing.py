"""`wardian vectors audit`. It reads arguments and prints; the work is in
`experiments.transfer_audit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    Limit,
    MaxTokens,
    OutFolder,
    Samples,
    Scopes,
    adapter_name,
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
    from experiments.transfer_audit import Audit, Rollouts


def audit(
    adapters: Annotated[
        list[str],
        typer.Argument(metavar="[NAME=]DIR...", help="Organisms: adapter folders of the base."),
    ],
    base: Annotated[str, typer.Option("--base", metavar="BASE", help="The base they are of.")],
    trait: Annotated[str, typer.Option("--trait", metavar="NAME", help="Whose vector.")],
    out: OutFolder,
    rollouts: Annotated[
        Path | None,
        typer.Option("--rollouts", metavar="FILE", help="The base's, judged; else they are made."),
    ] = None,
    own: Annotated[
        bool, typer.Option("--own", help="Also extract from each organism's own rollouts.")
    ] = False,
    rollout_samples: Annotated[
        int,
        typer.Option("--rollout-samples", min=1, metavar="N", help="A question and system prompt."),
    ] = 2,
    minimum_rows: Annotated[
        int, typer.Option("--minimum-rows", min=1, metavar="N", help="Kept of each sign, or error.")
    ] = 20,
    layers: Annotated[
        str | None,
        typer.Option("--layers", metavar="K,K", help="To steer at; else two thirds of the way up."),
    ] = None,
    coefficients: Annotated[
        str, typer.Option("--coefficients", metavar="C,C", help="In residual norms of the base.")
    ] = "-1,-0.5,0.5,1",
    scopes: Scopes = "last_prompt",
    position: Annotated[
        PositionName, typer.Option("--position", help="Where the vectors that steer were read.")
    ] = "last_prompt",
    samples: Samples = 4,
    capability: Capability = 24,
    limit: Limit = None,
    judge: Judge = None,
    max_tokens: MaxTokens = None,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="S", help="Of the answers.")] = 0,
    dtype: Dtype = "float32",
    device: Device = "cpu",
    dry_run: DryRun = False,
) -> None:
    """Ask whether a trait's vector survives fine-tuning: the same direction, and does it steer?

    Cosine and norm ratio, per layer and position, of the vector before and after, with intervals
    over questions. By default both models read the base's rollouts: the texts are the same, so what
    differs is the representation. --own adds the vectors of what the organisms write themselves,
    beside the base asked again, which tells what new rollouts alone do. Then base and organisms are
    steered along the base's vector, and organisms along their own, all at one length.

    Examples:

      wardian vectors audit store/train/ID/output/checkpoints/step-00060 --base pocket \\
        --trait evil --out audit

      wardian vectors audit maths=a/step-00060 control=b/step-00060 --base pocket --trait evil \\
        --own --rollouts store/contrast/ID/output/answers.parquet --out audit

      wardian vectors audit lora/ --base org/name --trait evil --judge vllm/NAME --device cuda \\
        --layers 20 --scopes response --out audit --dry-run
    """
    from experiments.stages.contrast import ContrastConfig
    from experiments.steering_study import Arm, Study
    from experiments.transfer_audit import Rollouts
    from experiments.vector_cli.rollouts import with_neutral
    from persona_vectors.traits import load_trait

    with explained():
        edition, judge_name = edition_and_judge(base, judge)
        named = dict(_named(each, base) for each in adapters)
        if len(named) < len(adapters):
            raise ValueError("two adapters have one name; give names: NAME=DIR")
        load_trait(trait, edition)
        check_folder_to_write(out.expanduser())
        table = None if rollouts is None else with_neutral(rollouts.expanduser(), trait)
        tokens = max_tokens or DEFAULT_TOKENS[edition]
        how = {"base": base, "edition": edition, "judge": judge_name, "max_tokens": tokens}
        how |= {"dtype": dtype, "device": device, "limit": limit}
        config = ContrastConfig(**how, traits=(trait,), samples=rollout_samples, seed=seed)
        asked = Rollouts(config, trait, named)
        arms = [Arm(vector_file="base")]
        for name, folder in named.items():
            arms += [Arm(organism=name, adapter=folder, vector_file="base")]
            arms += [Arm(organism=name, adapter=folder, vector_file="own", called="own")]
        study = Study(
            **how,
            trait=trait,
            arms=tuple(arms),
            layers=_layers(base, layers),
            scopes=scopes_of(scopes),
            coefficients=strengths_of(coefficients),
            position=position,
            samples=samples,
            capability=capability,
            seed=seed,
        )
        _tell_cost(asked, study, table is None, own, dry_run)
        if not dry_run:
            _carry_out(asked, study, table, own, minimum_rows, out.expanduser())


def _tell_cost(asked: Rollouts, study: Study, makes: bool, own: bool, dry_run: bool) -> None:
    from experiments.steering_study import answers_of

    counts = {"rollouts of the base": answers_of(asked.of_base()) if makes else 0}
    counts["own rollouts"] = answers_of(asked.of_organisms()) if own else 0
    counts["steering"] = answers_of(study.asks())
    parts = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
    told(sum(counts.values()), parts, dry_run)


def _carry_out(
    asked: Rollouts, study: Study, given: pd.DataFrame | None, own: bool, minimum: int, out: Path
) -> None:
    from experiments.plots import transfer
    from experiments.plots.style import save
    from experiments.printing import line
    from experiments.steering_figures import effects
    from experiments.steering_study import run_study
    from experiments.transfer_audit import compare_vectors
    from experiments.vector_cli import rollouts as reading
    from organisms import load_organism
    from persona_vectors.contrast import Thresholds
    from persona_vectors.reading import transcripts

    tell, trait, seed = teller(), asked.trait, asked.config.seed
    table = given
    if table is None:
        table = asked.ask(asked.of_base(), out / "logs" / "base", seed, tell)
    neutral = reading.neutral_answers(table)
    of_base = reading.rollouts_of(table, [trait])
    theirs = None
    if own:
        folder = out / "logs" / "own"
        theirs = asked.ask(asked.of_organisms(), folder, seed + 1, tell)
    config = asked.config
    organism = load_organism(
        config.base, dict(asked.adapters), dtype=config.dtype, device=config.device
    )
    found = compare_vectors(
        organism,
        of_base,
        theirs,
        trait,
        asked.adapters,
        organism.residual_norms(transcripts(neutral)),
        Thresholds(minimum_rows=minimum),
        out,
        tell,
    )
    found.table.to_csv(out / "transfer.csv", index=False)
    study = study.model_copy(update={"arms": found.arms})
    answers = run_study(study, study.asks(), out / "steering" / "logs", tell)
    answers.to_parquet(out / "answers.parquet", index=False)
    steered = effects(answers, trait)
    steered.to_csv(out / "effects.csv", index=False)
    figure = transfer.draw(found.table, steered, trait, study.position)
    save(figure, out / "figures", "transfer")
    _show(found, steered, study)
    line(output, "figure", str(out / "figures" / "transfer.svg"))
    line(output, "tables", str(out))


def _show(found: Audit, steered: pd.DataFrame, study: Study) -> None:
    from experiments.printing import line
    from experiments.vector_cli.views import show_rows

    layer = study.layers[0]
    line(output, "vector before, after", f"{study.trait}, {study.position}; all in transfer.csv")
    show_rows(output, _at_layer(found.table[found.table["position"] == study.position], layer))
    for name, why in found.failed.items():
        line(output, "no vector of its own", f"{name}: {why}", "yellow")
    for metric, said in (
        (f"trait:{study.trait}", f"{study.trait} score of coherent answers"),
        ("coherent", "coherent answers"),
        ("accuracy", "capability"),
    ):
        rows = steered[steered["metric"] == metric]
        if len(rows):
            line(output, "steered", f"{said}: change from not steering, points, by coefficient")
            show_rows(output, _by_coefficient(rows))


def _at_layer(table: pd.DataFrame, layer: int) -> pd.DataFrame:
    """One row a model and reading: both figures at one layer, and the lowest cosine of all."""
    from experiments.vector_cli.views import with_interval

    here = table[table["layer"] == layer].reset_index(drop=True)
    lowest = table.sort_values("cosine", kind="stable").groupby(["organism", "reading"]).first()
    at = [lowest.loc[place] for place in zip(here["organism"], here["reading"], strict=True)]
    shown = here[["organism", "reading"]].assign(
        cosine=with_interval(here, "cosine", 1.0, 2),
        norm=with_interval(here, "norm_ratio", 1.0, 2),
        lowest=[f"{row['cosine']:.2f} at {row['layer']:.0f}" for row in at],
        questions=here["questions"],
    )
    return shown.rename(
        columns={"cosine": f"cosine at {layer}", "norm": "norm ratio", "lowest": "lowest cosine"}
    )


def _by_coefficient(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a model, direction, layer and scope; one column a coefficient."""
    from experiments.vector_cli.views import with_interval

    key = ["organism", "direction", "layer", "scope"]
    rows = rows.assign(change=with_interval(rows, "estimate", 100.0, 0))
    wide = rows.pivot_table(
        index=key, columns="coefficient", values="change", aggfunc="first", sort=False
    ).reset_index()
    plain = rows.groupby("organism")["unsteered"].first()
    wide.insert(4, "at 0", [f"{100 * plain[name]:.0f}" for name in wide["organism"]])
    wide["organism"] = wide["organism"].replace("", "base")
    wide["direction"] = wide["direction"].replace("vector", "base's")
    for name in ("layer", "scope"):
        if wide[name].nunique() == 1:
            wide = wide.drop(columns=name)
    coefficients = sorted(set(rows["coefficient"]))
    first = [name for name in wide.columns if name not in coefficients]
    return wide[[*first, *coefficients]].rename(columns={c: f"{c:g}" for c in coefficients})


def _named(given: str, base: str) -> tuple[str, str]:
    """Name and folder of `NAME=DIR`, or of a folder alone."""
    name, equals, folder = given.partition("=")
    path = checked_adapter(Path(folder if equals else given), base)
    return (name if equals else adapter_name(path)), str(path)


def _layers(base: str, given: str | None) -> tuple[int, ...]:
    """The layers that were given, or the one two thirds of the way up."""
    from persona_vectors.base_identity import identity_by_name

    last = identity_by_name(base).number_of_layers
    if given is None:
        return (-(-2 * last // 3),)
    layers = numbers("--layers", given, int)
    # At layer 0 the last prompt token is the same in every rollout: its vector is nothing.
    there = range(1, last + 1)
    missing = [layer for layer in layers if layer not in there]
    if missing:
        raise ValueError(
            f"--layers {missing[0]} is not in {base}'s layers to steer at; it has {list(there)}"
        )
    return layers
