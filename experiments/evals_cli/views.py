"""How rates of judged answers, planned studies and calibrations look in a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from evals.statistics import Estimate
from experiments.evals_cli.summary import AT_K
from experiments.printing import plain_table

if TYPE_CHECKING:
    from evals.statistics import Study
    from experiments.evals_cli.summary import Asked, Compared, Correction, Thresholds

HEADLINE = "plain"
OF = ("all", "coherent", "scored", "coherent_scored")


def show_rates(console: Console, asked: Sequence[Asked], thresholds: Thresholds) -> None:
    """Rates of misaligned answers by model and format, what was not scored, and its bounds."""
    judged = [each for each in asked if each.rates]
    for organism in dict.fromkeys(each.organism for each in judged):
        own = [each for each in judged if each.organism == organism]
        say(console, f"{organism or 'base'}: misaligned, % of")
        table = plain_table(("", "all", "coherent", "scored", "both"))
        more = plain_table(("", "n", "topics", "unscored", "bounds", f"at {AT_K}"))
        for each in own:
            form = f"[bold]{each.format}[/]" if each.format == HEADLINE else escape(each.format)
            every = each.rates["all"]
            table.add_row(form, *(percent(each.rates[name]) for name in OF))
            more.add_row(
                form,
                f"{every.n:,}",
                f"{every.clusters}",
                ", ".join(f"{n} {name}" for name, n in each.unscored.items()) or "none",
                _bounds(each),
                percent(each.at_k) if each.at_k else "",
            )
        console.print(table)
        console.print(more)
    if judged:
        say(
            console,
            f"misaligned: alignment below {thresholds.alignment:g} and coherence above "
            f"{thresholds.coherence:g}, with 95% intervals over topics (and seeds). Formats are "
            "never pooled; plain is the headline. Bounds: of all answers, the unscored taken as "
            f"harmless and as misaligned. At {AT_K}: questions with a "
            f"misaligned one among {AT_K} answers",
        )
        for note in sorted({each.rates["all"].note for each in judged} - {""}):
            say(console, f"intervals: {note}")
    for each in asked:
        if not each.rates and not each.traits:
            reasons = ", ".join(f"{n:,} {name}" for name, n in each.unscored.items())
            say(
                console,
                f"{each.organism or 'base'}, {each.format}: no answer has a score "
                f"({reasons or 'none was asked for'}); what its judge said stands in the log",
            )
    traits = [(each, name, found) for each in asked for name, found in each.traits.items()]
    if traits:
        table = plain_table(("model", "format", "trait", "mean score", "n", "topics"))
        for each, name, found in traits:
            cells = (each.organism or "base", each.format, name)
            numbers = (percent(found), f"{found.n:,}", f"{found.clusters}")
            table.add_row(*map(escape, cells), *numbers)
        console.print(table)


def show_surface(console: Console, asked: Sequence[Asked]) -> None:
    """The rate of misaligned answers over a grid of thresholds, a table a model and format."""
    for each in asked:
        alignments = sorted({found.alignment for found in each.surface})
        if not alignments:
            continue
        say(
            console,
            f"{each.organism or 'base'}, {each.format}: misaligned of all, by the alignment below "
            "which (columns) and the coherence above which (rows)",
        )
        table = plain_table(("coherence", *(f"{value:g}" for value in alignments)))
        for least in sorted({found.coherence for found in each.surface}):
            row = [found.rate for found in each.surface if found.coherence == least]
            table.add_row(f"{least:g}", *map(percent, row))
        console.print(table)


def show_differences(
    console: Console, compared: Sequence[Compared], correction: Correction, other: str
) -> None:
    """Differences from the other arm (base or control), paired by question, with p-values."""
    name = {"holm": "Holm", "bh": "BH"}[correction]
    heads = ("model", "format", f"minus {other}, points", "bootstrap", "pairs", "topics")
    table = plain_table((*heads, "p", f"p ({name})", "p seeds"))
    for each in compared:
        table.add_row(
            escape(each.organism or "base"),
            escape(each.format),
            percent(each.difference, signed=True),
            _ends(each.bootstrap),
            f"{each.difference.n}",
            f"{each.difference.clusters}",
            p_value(each.p),
            p_value(each.adjusted),
            p_value(each.p_seeds),
        )
    console.print(table)
    say(
        console,
        "bootstrap: the interval by drawing topics and seeds anew; p: signs of whole topics "
        f"flipped; {name}: for all comparisons of this table; p seeds: fine-tunes exchanged, where "
        "both have several",
    )


def show_studies(console: Console, studies: Sequence[Study], half_width: float) -> None:
    """Ways of reaching a width; those that no number of topics reaches say what stays."""
    table = plain_table(
        ("seeds", "answers a topic and seed", "topics", "answers in all", "expected")
    )
    for seeds in dict.fromkeys(study.seeds for study in studies):
        own = [study for study in studies if study.seeds == seeds]
        if all(study.topics is None for study in own):
            least = min(study.half_width for study in own)
            table.add_row(f"{seeds}", "any", "none is enough", "", f"above ±{100 * least:.1f}")
            continue
        for study in own:
            known = study.topics is not None
            table.add_row(
                f"{seeds}",
                f"{study.samples}",
                f"{study.topics:,}" if known else "none is enough",
                f"{study.answers:,}" if known else "",
                f"{'' if known else 'above '}±{100 * study.half_width:.1f}",
            )
    console.print(table)
    if any(study.seeds == 1 for study in studies):
        say(console, "with one seed the interval is that of one fine-tune, not of its recipe")
    if any(study.topics is None for study in studies):
        say(
            console,
            f"where none is enough, fine-tunes differ by too much for ±{100 * half_width:g} "
            "points: more seeds are needed",
        )


def percent(found: Estimate, *, signed: bool = False) -> str:
    """An estimate as `8.3 [4.1, 15.9]` in percent; without an interval, the estimate alone."""
    if math.isnan(found.estimate):
        return found.note or "-"
    sign = "+" if signed else ""
    text = f"{100 * found.estimate:{sign}.2f}"
    if math.isnan(found.low):
        return text
    return f"{text} \\[{100 * found.low:{sign}.1f}, {100 * found.high:{sign}.1f}]"


def _ends(found: Estimate) -> str:
    """An interval alone, of points."""
    if math.isnan(found.low):
        return "-"
    return f"\\[{100 * found.low:+.1f}, {100 * found.high:+.1f}]"


def say(console: Console, text: str) -> None:
    """A line of plain text."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _bounds(each: Asked) -> str:
    if each.bounds is None:
        return ""
    lower, upper = each.bounds
    return f"{100 * lower.estimate:.1f} to {100 * upper.estimate:.1f}"


def p_value(value: float) -> str:
    """A p-value as text; `-` where there is none."""
    return "-" if math.isnan(value) else f"{value:.3f}" if value >= 0.001 else "<.001"
