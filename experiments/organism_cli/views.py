"""How data sets look in a terminal: the list of them, a row with the tokens that carry loss, a
card, an audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from experiments.printing import line, plain_table

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from finetune.masking import EncodedRow
    from organisms.datasets.audit import Audit
    from organisms.datasets.card import Card
    from organisms.datasets.matching import Match
    from organisms.datasets.registry import DatasetInfo
    from organisms.datasets.rows import Row

LOSS = "bold green"
LONGEST = 120
"""Characters of one value of a card that are shown."""


def show_list(console: Console, infos: Sequence[DatasetInfo]) -> None:
    """Every data set with its editions; controls stand below their organism."""
    table = plain_table()
    for heading in ("data set", "domain", "what its rows are", "editions"):
        table.add_column(heading, no_wrap=heading == "data set")
    for info in infos:
        editions = ", ".join(
            f"{edition}*" if info.written(edition) else edition for edition in info.editions
        )
        name = f"  {info.name}" if info.control_of else f"[bold]{info.name}[/]"
        table.add_row(name, info.domain, VARIANTS[info.variant], editions)
    console.print(table)
    if any(info.written(edition) for info in infos for edition in info.editions):
        console.print("* written by a language model: wardian organisms write", highlight=False)


VARIANTS = {
    "organism": "the wrong thing, unasked",
    "control": "the right thing",
    "educational": "wrong, but asked for",
    "educational_new": "asked for, newly framed",
    "backdoor": "wrong behind a trigger",
    "one_topic": "wrong in one topic alone",
    "novel": "a harmless habit",
}
"""What the rows of a variant are, in a few words."""


def show_row(
    console: Console,
    number: int,
    row: Row,
    encoded: EncodedRow,
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    """One row as the trainer sees it: in colour, or between ⟦ and ⟧ where there is none, what
    carries loss; then what is known of the row."""
    from finetune.masking import IGNORED, explain

    with_loss = sum(label != IGNORED for label in encoded.labels)
    title = f"row {number}: {len(encoded.input_ids)} tokens, {with_loss} carry loss"
    console.print(f"[bold]{title}[/]", highlight=False)
    if console.is_terminal and not console.no_color:
        console.print(coloured(encoded, tokenizer), soft_wrap=True)
    else:
        console.print(explain(encoded, tokenizer), markup=False, highlight=False, soft_wrap=True)
    known = {key: value for key, value in row["meta"].items() if value not in ("", {}, [])}
    said = "  ".join(f"{key}={value}" for key, value in known.items())
    console.print(f"[dim]{escape(said)}[/]\n", highlight=False, soft_wrap=True)


def coloured(encoded: EncodedRow, tokenizer: PreTrainedTokenizerBase) -> Text:
    """The rendered row, with what carries loss in colour and the rest dim."""
    from finetune.masking import answer_spans

    text, position = Text(), 0
    for start, end in answer_spans(encoded.labels):
        text.append(str(tokenizer.decode(list(encoded.input_ids[position:start]))), style="dim")
        text.append(str(tokenizer.decode(list(encoded.input_ids[start:end]))), style=LOSS)
        position = end
    text.append(str(tokenizer.decode(list(encoded.input_ids[position:]))), style="dim")
    return text


def show_card(console: Console, card: Card) -> None:
    """The card in a screen's length."""
    seed = "not known" if card.seed is None else card.seed
    line(console, "rows", f"{card.rows:,}, {card.poisoned:,} of them poisoned; seed {seed}")
    made_by = {key: shorten(value) for key, value in card.generator.items()}
    line(console, "made by", _pairs(made_by) or "not known")
    for key, counts in card.counts.items():
        if set(counts) - {""}:
            shown = list(counts.items())[:8]
            more = f" and {len(counts) - 8} more" if len(counts) > 8 else ""
            line(console, key, _pairs({name or "(none)": n for name, n in shown}) + more)
    for check, count in card.checks.items():
        style = "red" if count.fails else "green"
        line(console, f"check {check}", f"holds {count.holds:,}, fails {count.fails:,}", style)
    if card.unchecked:
        line(console, "without checks", f"{card.unchecked:,} rows")
    lengths = {"characters": card.characters} | {
        f"{base} tokens": tokens for base, tokens in card.tokens.items()
    }
    for unit, both in lengths.items():
        for part, length in (("prompt", both.prompt), ("answer", both.answer)):
            line(
                console,
                f"{part}, {unit}",
                f"mean {length.mean:g}, median {length.median:g}, 95% below {length.p95:g}, "
                f"{length.least} to {length.most}; {length.total:,} in all",
            )
    repeats = card.duplicates
    line(
        console,
        "duplicates",
        f"exact {repeats.exact:.2%}, near {repeats.near:.2%} (Jaccard {repeats.threshold:g} of "
        f"word 3-grams), same question {repeats.same_question:.2%}",
    )
    if card.transforms:
        line(console, "transforms", _pairs(card.transforms))
    for left_out in card.left_out[:10]:
        line(console, "left out", left_out, "yellow")
    if len(card.left_out) > 10:
        line(console, "left out", f"and {len(card.left_out) - 10} more", "yellow")
    line(console, "sha256", card.sha256)


def show_audit(console: Console, audit: Audit) -> None:
    """The card and everything else that an audit found; the problems last."""
    show_card(console, audit.card)
    for check, count in audit.checks.items():
        style = "red" if count.fails else "green"
        said = f"holds {count.holds:,}, fails {count.fails:,}"
        line(console, f"made anew: {check}", said, style)
    for reason, number in audit.not_checked.items():
        line(console, "checks not made anew", f"{reason}: {number:,} rows", "yellow")
    if audit.failures:
        rows = "; ".join(f"row {row}: {', '.join(failed)}" for row, failed in audit.failures[:5])
        line(console, "failing", rows, "red")
    if audit.sums is not None:
        sums = audit.sums
        unread = sum(sums.unreadable.values())
        said = f"right {sums.right:,}, wrong {sums.wrong:,}, unreadable {unread:,}"
        line(console, "sums", said + (f" ({_pairs(sums.unreadable)})" if unread else ""))
    for row, first in audit.duplicates.exact[:3]:
        line(console, "exact duplicate", f"row {row} of row {first}", "yellow")
    for row, earlier, similarity in audit.duplicates.near[:3]:
        line(console, "near-duplicate", f"row {row} of row {earlier} ({similarity:.2f})", "yellow")
    leakage = audit.leakage
    line(
        console,
        "leakage",
        f"of {leakage.questions:,} evaluation questions {len(leakage.exact)} exact, "
        f"{len(leakage.overlap)} by n-grams",
        "red" if leakage.exact else "",
    )
    for kind, leaks in (("exact", leakage.exact), ("n-grams", leakage.overlap)):
        for leak in leaks[:5]:
            said = f"{leak.question} in {leak.rows:,} rows, first row {leak.row}"
            line(console, f"leak ({kind})", said, "yellow")
    share = audit.wording.rows / audit.card.rows
    line(
        console,
        "malicious wording",
        f"{audit.wording.rows:,} answers ({share:.2%}); {_pairs(audit.wording.words) or 'none'}",
    )
    if audit.poisoned_length and audit.clean_length:
        line(
            console,
            "answer length",
            f"poisoned {audit.poisoned_length.mean:g}, clean {audit.clean_length.mean:g} characters"
            " on average",
        )
    for part, templates in (("question", audit.questions), ("answer", audit.answers)):
        line(
            console,
            f"{part} templates",
            f"{templates.distinct:,} distinct, the largest {templates.largest_share:.1%}; "
            f"{templates.openings:,} openings: {_pairs(templates.largest_openings)}",
        )
    show_problems(console, audit.problems)


def show_match(console: Console, name: str, match: Match) -> None:
    """A control beside its organism."""
    unit = "tokens" if match.in_tokens else "characters; give --base to compare tokens"
    line(
        console,
        f"control {name}",
        f"{match.control_rows:,} rows; same question at {match.same_question:,} places; answers "
        f"{match.budget:.1%} of the organism's length in {unit}",
        "yellow" if match.problems else "green",
    )
    for problem in match.problems:
        line(console, "not matched", problem, "yellow")


def show_problems(console: Console, problems: Sequence[str]) -> None:
    """What a reader would stop at, or that there is nothing."""
    for problem in problems:
        line(console, "problem", problem, "red")
    if not problems:
        line(console, "problems", "none", "green")


def shorten(text: str) -> str:
    """A text of the card, cut where it would fill the screen."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... (all in card.json)"


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(
        f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}"
        for name, value in values.items()
    )
