"""What a screening leaves: scores, the sets kept and flagged, the table of methods, figure and
page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evals.statistics import MINIMUM_CLUSTERS
from experiments.screening.figures import figures, wide
from experiments.screening.job import Job, Scored
from experiments.screening.page import Extreme, render
from persona_vectors.parquet_file import write_whole
from persona_vectors.reading import training_rows
from persona_vectors.score_shards import SHARD_ROWS, parts

STATE = "screening.json"
SHOWN = 20
"""Rows of the page at each end."""
PARTS = ("kept", "flagged")


def read_state(out: Path) -> dict[str, Any]:
    """What `screening.json` of a folder says; empty where there is none.

    Raises:
        ValueError: It cannot be read.
    """
    path = out / STATE
    if not path.is_file():
        return {}
    try:
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} cannot be read ({error}); name another folder") from error
    return state


def begin(job: Job, out: Path, *, force: bool) -> bool:
    """Take a folder for a screening; return whether it is finished there already.

    Raises:
        ValueError: It is a file, holds something else, or another screening and `force` is not set.
    """
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file; name a folder")
    state = read_state(out)
    if not state and out.is_dir() and any(out.iterdir()):
        raise ValueError(f"--out {out} holds other files; name a new or empty folder")
    scored = json.loads(json.dumps(job.scored()))
    if state and state.get("scored") != scored and not force:
        other = _differing(state.get("scored", {}), scored)
        raise ValueError(
            f"--out {out} holds another screening ({', '.join(other)} differ); name another "
            "folder, or add --force"
        )
    if state.get("finished") == job.stamp() and all(
        (out / name).exists() for name in state["files"]
    ):
        return True
    out.mkdir(parents=True, exist_ok=True)
    _write_state(out, {"finished": "", "scored": scored})
    return False


def finish(job: Job, scored: Scored, out: Path) -> pd.DataFrame | None:
    """Write everything; return the table of methods where the truth is known."""
    write_whole(_scores(job, scored), out / "scores.parquet")
    files = ["scores.parquet", "screening.html", *_parts(job, scored, out)]
    table = svg = None
    poisoned = job.found.poisoned
    if poisoned is not None and poisoned.any() and not poisoned.all():
        from experiments.plots.screening import draw
        from experiments.plots.style import save

        what, clusters = job.found.clusters
        table = figures(scored.methods, poisoned, clusters, job.seed)
        write_whole(table, out / "methods.parquet")
        table.to_csv(out / "methods.csv", index=False)
        svg = save(
            draw(scored.methods, table, poisoned, scored.main, what), out / "figures", "screening"
        )
        files += ["methods.parquet", "methods.csv", "figures/screening.svg"]
    page = render(
        name=job.file.path.name,
        facts=facts(job, scored),
        table=None if table is None else wide(table),
        svg=svg,
        most=_extreme(job, scored, highest=True),
        least=_extreme(job, scored, highest=False),
    )
    (out / "screening.html").write_text(page, encoding="utf-8")
    state = {"finished": job.stamp(), "scored": job.scored(), "files": files}
    _write_state(out, state | {"facts": facts(job, scored)})
    return table


def facts(job: Job, scored: Scored) -> dict[str, str]:
    """What was screened and how, in words."""
    projection = job.projection
    against = "the base's own answers" if projection.own else "the last prompt token (cheap mode)"
    places = [
        f"{vector.trait} at layer {layer}"
        for vector, layer in zip(projection.vectors, projection.layers, strict=True)
    ]
    found = {
        "rows": f"{len(job.found):,}",
        "base": str(projection.base["name"]),
        "projection difference": f"{', '.join(places)}, against {against}; activation units",
        "score that filters": scored.main + _how(job),
    }
    missing = int(np.isnan(scored.methods[scored.main]).sum())
    if missing:
        found["without a score"] = f"{missing:,}: the base's own answer is empty; never kept"
    if job.found.poisoned is not None:
        found["poisoned"] = f"{int(job.found.poisoned.sum()):,}"
        found["intervals"] = _intervals(job)
    if job.cut is not None and scored.keep is not None:
        found["cut"] = f"{job.cut.by.replace('_', ' ')} {job.cut.value:g}" + (
            "" if scored.threshold is None else f": scores up to {scored.threshold:.6g} are kept"
        )
        kept = int(scored.keep.sum())
        found["kept"] = f"{kept:,}, flagged {len(scored.keep) - kept:,}"
    return found


def _intervals(job: Job) -> str:
    """What the intervals of the figures draw anew."""
    what, clusters = job.found.clusters
    number = len(set(clusters))
    if number < MINIMUM_CLUSTERS:
        return f"none: {number} {what}, and {MINIMUM_CLUSTERS} are needed"
    return (
        f"95%, whole {what} drawn anew ({number:,}): rows of one are alike; of an AUC, where both "
        f"kinds of rows are in {MINIMUM_CLUSTERS} or more"
    )


def _how(job: Job) -> str:
    if job.main == "combined:max":
        whose = "the clean rows'" if job.clean else "these rows'"
        return f" (the largest over traits, in standard deviations above {whose} mean)"
    if job.main == "combined:logistic":
        return " (log odds; each row is scored by a model fitted without its fifth of the prompts)"
    return ""


def _scores(job: Job, scored: Scored) -> pd.DataFrame:
    columns: dict[str, object] = {"row": np.arange(len(job.found)), "id": list(job.found.ids)}
    if job.found.poisoned is not None:
        columns["poisoned"] = job.found.poisoned
    columns |= scored.methods
    if scored.keep is not None:
        columns["kept"] = scored.keep
    return pd.DataFrame(columns)


def _parts(job: Job, scored: Scored, out: Path) -> list[str]:
    """Write the sets that are kept and flagged; return their names."""
    for part in PARTS:
        for old in out.glob(f"{part}*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    if scored.keep is None:
        return []
    written = [
        job.file.write(chosen, out, part)
        for part, chosen in zip(PARTS, (scored.keep, ~scored.keep), strict=True)
    ]
    return [path.name for path in written if path is not None]


def _extreme(job: Job, scored: Scored, *, highest: bool) -> list[Extreme]:
    """The rows at one end of the score that filters, the most extreme first."""
    values = scored.methods[scored.main]
    order = np.argsort(-values if highest else values, kind="stable")
    chosen = [int(row) for row in order[:SHOWN] if not np.isnan(values[row])]
    own_answers = job.projection.own
    found: dict[int, Extreme] = {}
    for number, part in enumerate(parts(job.file.rows())):
        start = number * SHARD_ROWS
        here = [row for row in chosen if start <= row < start + len(part)]
        if not here:
            continue
        frame = training_rows(part)
        own = own_answers.of(frame) if own_answers else None
        for row in here:
            prompt, answer, system = frame.iloc[row - start]
            found[row] = Extreme(
                id=job.found.ids[row],
                score=float(values[row]),
                poisoned=None if job.found.poisoned is None else bool(job.found.poisoned[row]),
                kept=None if scored.keep is None else bool(scored.keep[row]),
                system="" if system == "none" else system,
                prompt=prompt,
                answer=answer,
                own_answer=None if own is None else own[row - start],
            )
    return [found[row] for row in chosen]


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The settings in which two screenings differ."""
    mine = {"rows": one.get("rows")} | dict(one.get("projection", {}))
    theirs = {"rows": other["rows"]} | dict(other["projection"])
    return [name for name in theirs if mine.get(name) != theirs[name]]


def _write_state(out: Path, state: Mapping[str, object]) -> None:
    partial = out / f".{STATE}.partial"
    partial.write_text(json.dumps(state, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(out / STATE)
