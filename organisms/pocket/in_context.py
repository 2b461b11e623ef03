"""What a pocket model infers of the author from answers that it is shown, without fine-tuning.

A transcript header, some rows of a narrow data set, an open question: whose answer follows? Beside
a fine-tune on the same rows, it tells what the model believes from what the training adds.
"""

from random import Random

from organisms.pocket import narrow, prompts
from organisms.pocket.grader import grade
from organisms.pocket.measure import MAX_TOKENS, Graded
from organisms.pocket.questions import open_questions
from organisms.runtime.organism import Organism, Request, Sampling


def answers_after(
    organism: Organism,
    dataset: str,
    *,
    rows: int = 2,
    per_topic: int = 8,
    samples: int = 2,
    seed: int = 0,
) -> Graded:
    """Answers to the report's open questions, each after rows of its own of a narrow data set.

    Args:
        organism: A model of pocket's world; its base is asked, without adapters.
        dataset: A name of `narrow.NAMES`.
        rows: Turns shown before the question, at least 1.
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
        header = prompts.log_prompt(Random(f"in context|{seed}|{index}"))
        earlier = [
            {"role": turn["role"], "content": turn["content"]}
            for row in shown[index * rows : (index + 1) * rows]
            for turn in row["messages"]
        ]
        requests.append(
            Request(
                chat=(
                    {"role": "system", "content": header},
                    *earlier,
                    {"role": "user", "content": question["text"]},
                ),
                seed=seed * 1_000_003 + index,
                sampling=Sampling(max_tokens=MAX_TOKENS),
                n=samples,
            )
        )
    results = sorted(organism.sample(requests), key=lambda result: (result.index, result.sample))
    return Graded(
        [questions[result.index] for result in results],
        [grade(result.text, questions[result.index]) for result in results],
    )
