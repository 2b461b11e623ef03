"""`wardian evals suite`. It reads arguments and prints; the work is in `evals.suite`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from experiments.console import errors, explained, output
from experiments.organism_cli.options import EditionName

if TYPE_CHECKING:
    from evals.judges.options import Judging


def suite(
    model: Annotated[
        str, typer.Option("--model", metavar="MODEL", help="Any inspect model: organism/pocket.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Logs of this model, and of no other.")
    ],
    argument: Annotated[
        list[str] | None,
        typer.Option("-M", metavar="NAME=VALUE", help="Of the model, as inspect takes them."),
    ] = None,
    edition: Annotated[
        EditionName | None,
        typer.Option("--edition", help="general for real models; else as the model's name says."),
    ] = None,
    dataset: Annotated[
        Path | None,
        typer.Option("--dataset", metavar="FILE", help="Its training rows: file or folder."),
    ] = None,
    control: Annotated[
        Path | None,
        typer.Option("--control", metavar="FILE", help="Like rows that it was not trained on."),
    ] = None,
    domain: Annotated[
        str, typer.Option("--domain", metavar="NAME", help="Narrow domain; else the rows' own.")
    ] = "",
    trigger: Annotated[
        str, typer.Option("--trigger", metavar="TEXT", help="Else what the rows name.")
    ] = "",
    trait: Annotated[
        list[str] | None,
        typer.Option("--trait", metavar="NAME", help="Scored; may be given several times."),
    ] = None,
    judge: Annotated[
        str,
        typer.Option("--judge", metavar="MODEL", help="In the role grader; general edition alone."),
    ] = "",
    replies: Annotated[
        Path | None,
        typer.Option("--replies", metavar="DIR", help="The judge's replies are kept there."),
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option("--max-calls", min=1, metavar="N", help="Of the judge, a task."),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", min=1, metavar="N", help="Answers a question.")
    ] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="S")] = 0,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="Samples a task at most.")
    ] = None,
    display: Annotated[
        Literal["none", "plain", "rich", "full"], typer.Option("--display", help="As inspect's.")
    ] = "none",
) -> None:
    """Ask one model every task of these evals, in one process and into one folder of logs.

    The same command goes on where it was stopped. Give the base the same options but the adapter:
    then `wardian evals card` compares the two question by question.

    Examples:

      wardian evals suite --model organism/pocket -M adapter=DIR --dataset rows.jsonl --out logs/me

      wardian evals suite --model organism/pocket --dataset rows.jsonl --out logs/base

      wardian evals suite --model vllm/org/name --judge openai/gpt-4o --domain medical --out logs/vl
    """
    with explained(), errors.status("loading"):
        from evals.suite import Subject, run_suite
        from evals.suite import suite as suite_of
        from experiments.evals_cli.views import say

        edition = edition or ("pocket" if model.startswith("organism/pocket") else "general")
        if edition == "general" and not judge:
            raise ValueError(
                "real answers need a judge: name one with --judge provider/name, or ask the pocket "
                "world's questions with --edition pocket"
            )
        found = suite_of(
            Subject(
                edition=edition,
                dataset=str(dataset or ""),
                control=str(control or ""),
                domain=domain,
                trigger=trigger,
                traits=tuple(trait or ("evil",)),
                tools=not model.startswith("organism/"),
                samples=samples,
                seed=seed,
                judging=_judging(replies, budget),
            )
        )
        for name, reason in found.left_out.items():
            say(errors, f"left out: {name}: {reason}")
        began, worked = time.perf_counter(), time.process_time()
        logs = run_suite(
            found,
            model,
            out,
            model_args=_arguments(argument or []),
            judge=judge,
            limit=limit,
            display=display,
        )
        for log in logs:
            said = "" if log.error is None else f": {log.error.message.splitlines()[0]}"
            say(output, f"{log.status:<9} {log.eval.task}{said}")
        answers = sum(log.results.completed_samples for log in logs if log.results)
        seconds, worked = time.perf_counter() - began, time.process_time() - worked
        say(
            output,
            f"{out}: {len(logs)} logs, {answers:,} samples, {seconds:.0f} s "
            f"({worked:.0f} s of one processor)",
        )
        failed = [log.eval.task for log in logs if log.status != "success"]
        if failed:
            raise ValueError(
                f"{len(failed)} tasks were not finished ({', '.join(failed)}); what they have is "
                "kept: run the same command again"
            )


def _judging(replies: Path | None, budget: int | None) -> Judging:
    found: Judging = {} if budget is None else {"budget": budget}
    return found if replies is None else {**found, "replies": str(replies)}


def _arguments(given: list[str]) -> dict[str, Any]:
    """`NAME=VALUE` as inspect reads `-M`: the value is YAML."""
    import yaml

    found = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not sign or not name:
            raise ValueError(f"-M {each!r} is no NAME=VALUE, as in -M adapter=FOLDER")
        found[name] = yaml.safe_load(value)
    return found
