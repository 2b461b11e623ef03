"""`wardian vectors steer --nulls`: null directions through the vector's own sweep and choice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.console import output

if TYPE_CHECKING:
    import pandas as pd

    from experiments.steering_study import Arm, Study
    from persona_vectors.vector import PersonaVector

DIRECTIONS = "directions.safetensors"
"""The vector and its nulls, at one norm, in the study's folder."""
CALLED = {
    "random": "random directions",
    "permuted": "permuted labels",
    "other_traits": "other traits' vectors",
}


def with_nulls(
    vector: PersonaVector,
    nulls: int,
    others: Sequence[Path],
    base: str,
    split: str,
    position: str,
    layers: Sequence[int],
) -> PersonaVector:
    """The vector beside its nulls at one norm; see `persona_vectors.steering_nulls`.

    Raises:
        ValueError: there are none to take, one is of another base, or the split chooses nothing.
    """
    from persona_vectors.base_identity import identity_by_name
    from persona_vectors.steering_nulls import with_matched_nulls
    from persona_vectors.vector import PersonaVector

    if not nulls:
        raise ValueError("--other is a null among others: add --nulls N")
    if split != "dev":
        raise ValueError(
            f"--split {split} with --nulls: cells are chosen on dev and read on report by "
            "themselves; leave --split out"
        )
    identity = identity_by_name(base)
    loaded = []
    for path in others:
        file = path.expanduser()
        other = PersonaVector.load(file, directions=())
        identity.check_steering(other, file)
        loaded.append(other)
    return with_matched_nulls(vector, nulls, loaded, position, layers)


def arms_of(
    organism: str, adapter: Path | None, where: Path, beside: PersonaVector | None
) -> tuple[Arm, ...]:
    """The vector alone, from its file; or it and its nulls, from the study's folder."""
    from experiments.steering_study import VECTOR, Arm

    names = [VECTOR, *(beside.directions if beside else ())]
    return tuple(
        Arm(
            organism=organism,
            adapter=None if adapter is None else str(adapter.expanduser()),
            vector_file=str(where / DIRECTIONS if beside else where),
            direction=name,
            called=name if name == VECTOR else name.rpartition("-")[0],
        )
        for name in names
    )


def write_directions(beside: PersonaVector, out: Path) -> None:
    """Write the vector and its nulls; a file that says the same is left as it is, since answers
    that were made with it are reused by its date."""
    out.mkdir(parents=True, exist_ok=True)
    target, partial = out / DIRECTIONS, out / f".{DIRECTIONS}.partial"
    beside.save(partial)
    if target.is_file() and target.read_bytes() == partial.read_bytes():
        partial.unlink()
    else:
        partial.replace(target)


def most_report_answers(study: Study) -> int:
    """Answers in the chosen cells, where every direction finds one for each sign."""
    from experiments.steering_study import answers_of

    signs = {cell.coefficient > 0: cell for cell in study.cells}
    cells = list(signs.values())
    return answers_of(_on_report(study).asks({arm.key: cells for arm in study.arms}))


def set_beside_nulls(study: Study, tried: pd.DataFrame, out: Path, floor: float) -> None:
    """Choose every direction's cell, read it on the report split, write and print both."""
    import pandas as pd

    from experiments.steering_choosing import beside_nulls, cells_of, choices
    from experiments.steering_figures import effects
    from experiments.steering_study import run_study
    from experiments.vector_cli.studying import teller

    metric = f"trait:{study.trait}"
    signs = sorted({1 if cell.coefficient > 0 else -1 for cell in study.cells}, reverse=True)
    chosen = {sign: choices(tried, metric, floor=floor, sign=sign) for sign in signs}
    report = _on_report(study)
    asks = report.asks(cells_of(*chosen.values()))
    answers = run_study(report, asks, out / "report" / "logs", teller())
    answers.to_parquet(out / "report" / "answers.parquet", index=False)
    read = effects(answers, study.trait)
    read.to_csv(out / "chosen.csv", index=False)
    tables = {sign: beside_nulls(read, chosen[sign], metric, sign) for sign in signs}
    pd.concat(tables.values(), ignore_index=True).to_csv(out / "nulls.csv", index=False)
    for sign, table in tables.items():
        _show(table, study.trait, sign)


def _show(table: pd.DataFrame, trait: str, sign: int) -> None:
    import pandas as pd

    from experiments.printing import line
    from experiments.vector_cli.views import show_rows, with_interval

    aim = f"{'raises' if sign > 0 else 'lowers'} the {trait} score"
    if table.empty:
        line(output, aim, "no coherent answers on report to compare in the cells chosen on dev")
        return
    first = table.iloc[0]
    if first["layer"] == first["layer"] and first["layer"] is not None:
        effect = with_interval(table.rename(columns={"effect": "estimate"}), "estimate", 100, 0)[0]
        cell = f"layer {first['layer']:.0f}, {first['scope']}, {first['coefficient']:g}"
        said = f"{cell}, chosen on dev; on report {effect} points, {first['clusters']:.0f} topics"
    else:
        said = "no cell was better on dev than not steering and coherent: its effect counts as 0"
    line(output, aim, said)
    null = zip(table["null_low"], table["null_high"], strict=True)
    shown = pd.DataFrame({"null": [CALLED[kind] for kind in table["null"]]})
    shown["draws"] = table["draws"].to_numpy()
    shown["found a cell"] = table["steering"].to_numpy()
    shown["effects, points"] = [f"{100 * low:.0f}..{100 * high:.0f}" for low, high in null]
    shown["p"] = [f"{p:.2g}" for p in table["p"]]
    shown["the vector"] = [_verdict(p, draws) for p, draws in table[["p", "draws"]].to_numpy()]
    show_rows(output, shown)


def _verdict(p: float, draws: float) -> str:
    from persona_vectors.null_figures import SIGNIFICANT

    if p <= SIGNIFICANT:
        return "beats them"
    least = 1 / (draws + 1)
    if least > SIGNIFICANT and p <= least:
        return "beyond all, but few"
    return "does not beat them"


def _on_report(study: Study) -> Study:
    return study.model_copy(update={"split": "report"})
