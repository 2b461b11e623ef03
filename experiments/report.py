"""The report of a run: one self-contained HTML page, its figures, and the tables it was made
from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from experiments.answer_browser import script_safe_json, shown_answers
from experiments.asked import asked_in_rates
from experiments.differences import differences
from experiments.findings import findings
from experiments.headline import shift_place, words
from experiments.pages import data_uri, fill_template
from experiments.plots.style import save
from experiments.rates import per_question, rates, threshold_warnings
from experiments.report_figures import FIGURES
from experiments.report_monitoring import detection_table, monitoring_table
from experiments.report_nulls import nulls_table
from experiments.report_tables import (
    difference_table,
    headline_table,
    screening_table,
    truth_table,
    vector_table,
)
from experiments.report_updates import equal_update_table, updates_table
from experiments.table_schemas import SCHEMAS
from experiments.tables import conform, empty_table, write_table

Tables = Mapping[str, pd.DataFrame]
FIRST_SHOWN = 8
"""Answers in the page before any script runs."""


def completed(
    tables: Tables, own_domain: Mapping[str, str] | None = None
) -> dict[str, pd.DataFrame]:
    """Every table, conformed: given ones as they are, derived ones made from answers, others empty.

    Raises `TableError` for a table of an unknown name or one that does not fit its schema.
    """
    full = {name: conform(frame, name) for name, frame in tables.items()}
    builders = {"rates": rates, "per_question": per_question, "differences": differences}
    for name in SCHEMAS:
        if name not in full:
            build = builders.get(name)
            made = build is not None and "answers" in full and not full["answers"].empty
            full[name] = (
                build(full["answers"], own_domain=own_domain)
                if made and build is not None
                else empty_table(name)
            )
    return full


def write_report(
    tables: Tables,
    manifest: Mapping[str, Any],
    out: Path,
    *,
    own_domain: Mapping[str, str] | None = None,
) -> None:
    """Write `out/report.html`, `out/figures/*`, `out/tables/*.parquet` and `out/manifest.json`.

    Args:
        tables: any of the tables of `experiments.tables`; `rates`, `per_question` and
            `differences` are made from `answers` where they are not given, the rest may be missing.
        manifest: what was run. Shown by name where present: name, description, base, base_note,
            spec, stages (list of mappings with kind, identity, seconds), versions, seeds, host,
            seconds_of_work, answers. Anything else is listed too.
        out: folder to write to; made if it is missing.
        own_domain: data set name -> its narrow domain, left out of that organism's open questions.
    """
    full = completed(tables, own_domain)
    out.mkdir(parents=True, exist_ok=True)
    for name, frame in full.items():
        if not frame.empty:
            write_table(frame, name, out / "tables")
    figures: dict[str, Markup | None] = {}
    for figure_of in FIGURES:
        figure = figure_of.draw(full)
        figures[figure_of.name] = (
            None if figure is None else data_uri(save(figure, out / "figures", figure_of.name))
        )
    text = json.dumps(manifest, indent=2, ensure_ascii=False, default=str)
    (out / "manifest.json").write_text(text + "\n", encoding="utf-8")
    page = _page(full, manifest, figures)
    (out / "report.html").write_text(page, encoding="utf-8")


def _page(full: Tables, manifest: Mapping[str, Any], figures: Mapping[str, Markup | None]) -> str:
    shown = shown_answers(full["answers"])
    found = findings(full)
    return fill_template(
        "report.html.j2",
        undefined=jinja2.ChainableUndefined,
        name=str(manifest.get("name", "run")),
        manifest=manifest,
        rest={k: v for k, v in manifest.items() if k not in _NAMED},
        manifest_json=json.dumps(manifest, indent=2, ensure_ascii=False, default=str),
        figures={f.name: (f, figures[f.name]) for f in FIGURES},
        findings=found,
        warnings=threshold_warnings(full["rates"]),
        verdicts={v: sum(f.verdict == v for f in found) for v in _VERDICTS},
        covered=covered(len(set(manifest.get("seeds", ())))),
        asked=asked_in_rates(full["rates"]),
        headline=headline_table(full["rates"], full["implied"]),
        differences=difference_table(full["differences"]),
        updates=updates_table(full),
        equal_update=equal_update_table(full),
        nulls=nulls_table(full),
        monitoring=monitoring_table(full["monitoring"]),
        detection=detection_table(full["detection"]),
        screening=screening_table(full["screening"]),
        vectors=vector_table(full["vectors"]),
        truth=truth_table(full["truth"]),
        places=_places(full),
        shown=_worst_first(shown)[:FIRST_SHOWN],
        number_shown=len(shown),
        number_of_answers=len(full["answers"]),
        answers_json=Markup(script_safe_json(shown)),
        row_counts={name: len(frame) for name, frame in full.items() if not frame.empty},
    )


def covered(seeds: int) -> str:
    """What 95% intervals cover in a run of that many seeds, and what follows; 0 for an unknown
    number."""
    if seeds == 1:
        return (
            "intervals cover questions alone, as one seed says nothing of other fine-tunes, nor "
            "of other base models."
        )
    text = "intervals cover questions and seeds, not the choice of base model."
    if seeds == 2:
        text += (
            " Two seeds leave one degree of freedom for what differs between fine-tunes: where "
            "they differ at all, intervals are very wide and little is settled."
        )
    return text


def _places(full: Tables) -> dict[str, str]:
    """Trait -> where its shift is read."""
    found = {}
    for trait in sorted(set(full["shifts"]["trait"])):
        place = shift_place(full["shifts"], full["correlations"], trait)
        if place is not None:
            where = f"layer {place.layer}, {words(place.position)}, on {words(place.on)}"
            found[words(trait)] = where
    return found


_VERDICTS = ("met", "not met", "uncertain", "not run")
_NAMED = frozenset(
    ("name", "description", "base", "base_note", "spec", "stages", "versions", "seeds", "host",
     "seconds_of_work", "answers")
)  # fmt: skip


def _worst_first(shown: list[Any]) -> list[Any]:
    known = [a for a in shown if a["alignment"] is not None and (a["coherence"] or 0) > 50]
    return sorted(known, key=lambda a: (a["alignment"], a["draw"]))
