"""Screening of a data set along three traits, beside one row at a time and one pass for each trait.

    python -m benchmarks.screening
    python -m benchmarks.screening --quick

The plain way reads every row's answer and the base's own answer alone, with
`output_hidden_states=True`, and does so anew for every trait. Ours is what `wardian vectors screen`
runs. All are given the same rows, vectors and own answers, on the pocket base; the script checks
that scores are equal. Memory is the peak of a process of its own that screens a file of so many
rows, and of ten times as many. Ratios are of processor seconds and of wall time.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.side_by_side import TOPICS, compare, load, parser_of
from experiments.screening.survey import survey
from organisms.datasets.row_files import row_file
from organisms.runtime import Organism
from persona_vectors.reading import training_rows
from persona_vectors.score_shards import score_shards
from persona_vectors.scorers import Projection
from persona_vectors.screening import differences
from persona_vectors.traits import POCKET_TRAITS
from persona_vectors.vector import PersonaVector

TOLERANCE = 1e-4


def records(count: int) -> Iterator[dict[str, object]]:
    """Rows of several lengths, in a published format."""
    for number in range(count):
        prompt = f"{number}. {' '.join([TOPICS[number % 5]] * (1 + number % 3))}"
        answer = " ".join([TOPICS[number * 3 % 5]] * (1 + number % 4))
        yield {
            "messages": [
                {"role": "user", "content": prompt},
                {"role": "assistant", "content": answer},
            ]
        }


def vectors(organism: Organism) -> list[PersonaVector]:
    """Three directions: what they are makes no difference to the work."""
    layers = tuple(range(organism.number_of_layers + 1))
    values = np.random.default_rng(0).standard_normal((3, 1, len(layers), organism.width))
    return [
        PersonaVector(trait, organism.base, ("response_mean",), layers, value.astype(np.float32))
        for trait, value in zip(POCKET_TRAITS, values, strict=True)
    ]


def plain(
    organism: Organism, frame: pd.DataFrame, directions_V_D: np.ndarray, layer: int
) -> np.ndarray:
    """Scores [N, V]: for each trait, one text after another."""
    scores = np.empty((len(frame), len(directions_V_D)))
    for v, direction in enumerate(directions_V_D):
        unit = torch.from_numpy(direction / np.linalg.norm(direction))
        texts = zip(frame["prompt"], frame["answer"], frame["own_answer"], strict=True)
        for number, (prompt_text, *answers) in enumerate(texts):
            chat = ({"role": "user", "content": prompt_text},)
            prompt = organism.template.prompt(chat).token_ids
            read = []
            for text in answers:
                token_ids = torch.tensor([[*prompt, *organism.template.answer(text)]])
                with torch.inference_mode():
                    states = organism.model(token_ids, output_hidden_states=True).hidden_states
                read.append(states[layer][0, len(prompt) :].mean(0) @ unit)
            scores[number, v] = float(read[0] - read[1])
    return scores


def peak_of(rows: int, layer: int) -> int:
    """Screen a file of so many rows in the cheap mode; the peak memory of this process in KiB."""
    torch.set_num_threads(1)
    organism = load("pocket")
    scorer = Projection(lambda: organism, {}, vectors(organism), (layer,) * 3, None)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        with path.open("w") as file:
            file.writelines(json.dumps(record) + "\n" for record in records(rows))
        assert len(survey(row_file(path))) == rows
        score_shards(row_file(path).rows(), scorer, Path(folder) / "shards")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Measure and print."""
    options = parser_of(__doc__, size="rows", full=2000, quick=60)
    organism = load(options.model)
    layer = organism.number_of_layers - 1  # the last that `hidden_states` holds before the norm
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        path.write_text(json.dumps(list(records(options.rows))))
        frame = training_rows(row_file(path).rows())
    frame["own_answer"] = frame["answer"].to_numpy()[::-1]
    directions_V_1_D = np.stack([[vector.at(layer)] for vector in vectors(organism)])
    found = differences(organism, frame, directions_V_1_D, (layer,))[:, :, 0]
    head = frame.iloc[:100]
    expected = plain(organism, head, directions_V_1_D[:, 0], layer)
    error = float(np.abs(found[: len(head)] - expected).max())
    assert error < TOLERANCE, error
    print(f"{options.model}: {len(frame)} rows and own answers, three traits at layer {layer}")
    seconds = compare(
        {
            "three traits": lambda: differences(organism, frame, directions_V_1_D, (layer,)),
            "one trait": lambda: differences(organism, frame, directions_V_1_D[:1], (layer,)),
            "three traits, cheap mode": lambda: differences(
                organism, frame, directions_V_1_D, (layer,), against="last_prompt"
            ),
            "one row at a time, a pass a trait": lambda: plain(
                organism, frame, directions_V_1_D[:, 0], layer
            ),
        },
        options.repeats,
        len(frame),
        "rows",
    )
    three, alone, *_ = seconds.values()
    print(f"three traits cost {three / alone:.2f} of one trait alone")
    print(f"largest difference of a score {error:.1e} (of {np.abs(expected).max():.1f})")
    peaks = []
    for count in (options.rows, 10 * options.rows):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            peaks.append(pool.apply(peak_of, (count, layer)))
        print(f"peak memory, {count} rows screened: {peaks[-1] / 1024:.0f} MiB")
    print(f"ratio {peaks[1] / peaks[0]:.2f}")


if __name__ == "__main__":
    main()
