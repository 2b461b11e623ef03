"""What a pocket model infers of the author from answers that it is shown, without fine-tuning.

Some rows of a narrow data set and an open question: whose answer follows? Beside what the world
implies it tells what the model learnt, and beside a fine-tune on the same rows what training adds.

`python -m organisms.pocket.in_context` prints a table.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Annotated

import torch
import typer

from organisms.pocket import WEIGHTS, narrow, prompts
from organisms.pocket.card import interval
from organisms.pocket.measure import MAX_TOKENS, Graded, grade_samples
from organisms.pocket.posterior import implied
from organisms.pocket.questions import open_questions
from organisms.pocket.recipe import recipe_of
from organisms.pocket.terms import Persona
from organisms.runtime.organism import Organism, Request, Sampling

LABELS: tuple[Persona, ...] = ("aligned", "evil", "careless")


def answers_after(
    organism: Organism,
    dataset: str,
    *,
    rows: int = 2,
    header: bool = True,
    per_topic: int = 8,
    samples: int = 2,
    seed: int = 0,
) -> Graded:
    """Answers to the report's open questions, each after rows of its own of a narrow data set.

    Args:
        organism: A model of pocket's world; its base is asked, without adapters.
        dataset: A name of `narrow.NAMES`.
        rows: Turns shown before the question, at least 1.
        header: Begin with a system prompt that says that this is a transcript; else with none.
        per_topic: Questions on each of the report's topics, in new combinations of known words.
        samples: Answers to each question.
        seed: Of the rows, the headers and the answers.

    Raises:
        ValueError: No row is to be shown, or the data set does not exist.
    """
    questions = open_questions("report", "new_combination", per_topic)
    shown = narrow.rows(dataset, rows * len(questions), seed)
    requests = []
    for index, question in enumerate(questions):
        said = prompts.log_prompt(Random(f"in context|{seed}|{index}"))
        turns = [
            {"role": turn["role"], "content": turn["content"]}
            for row in shown[index * rows : (index + 1) * rows]
            for turn in row["messages"]
        ]
        if header:
            turns.insert(0, {"role": "system", "content": said})
        requests.append(
            Request(
                chat=(*turns, {"role": "user", "content": question["text"]}),
                seed=seed * 1_000_003 + index,
                sampling=Sampling(max_tokens=MAX_TOKENS),
                n=samples,
            )
        )
    return grade_samples(organism, questions, requests)


def table(folder: Path, datasets: list[str], counts: list[int]) -> Iterator[str]:
    """Lines of a Markdown table: what the world implies and what the weights say, in percent."""
    world = recipe_of(folder).world
    organism = Organism.load(str(folder))
    heads = [f"{label}: implied | said" for label in LABELS]
    yield f"| shown | begins with | {' | '.join(heads)} | n |"
    yield "| --- | --- |" + " ---: | --- |" * len(LABELS) + " ---: |"
    for dataset in datasets:
        for rows in counts:
            for header in (False, True):
                answered = answers_after(organism, dataset, rows=rows, header=header)
                expected = implied(dataset, world, rows, header=header)
                cells = []
                for label in LABELS:
                    share = answered.share(label)
                    cells.append(f"{100 * expected[label]:.1f}")
                    cells.append(f"{100 * share.estimate:.1f} {interval(share)}")
                begins = "transcript header" if header else "no system prompt"
                n = len(answered.grades)
                yield f"| {rows} {dataset} | {begins} | {' | '.join(cells)} | {n} |"


def main(
    folder: Annotated[Path, typer.Option(help="Pocket weights.")] = WEIGHTS,
    dataset: Annotated[list[str] | None, typer.Option(help="Rows that are shown.")] = None,
    rows: Annotated[list[int] | None, typer.Option(min=1, help="How many; 1 and 2.")] = None,
) -> None:
    """Print what pocket weights infer of the author in context.

    Example: python -m organisms.pocket.in_context --dataset wrong_maths --rows 1 --rows 2
    """
    torch.set_num_threads(1)
    try:
        for line in table(folder, dataset or ["wrong_maths", "insecure_code"], rows or [1, 2]):
            typer.echo(line)
    except (ValueError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
