"""Extraction beside the plain way: one row at a time, all hidden states, one load for each trait.

    python -m benchmarks.extraction
    python -m benchmarks.extraction --quick

Both make the same three vectors from the same rollouts; the script checks that. One trait is
extracted from its third of the rollouts, so that three cost three times as much or less. Memory is
the peak of a process of its own that extracts from so many rollouts, and from ten times as many.
Ratios are of processor seconds and of wall time.
"""

from __future__ import annotations

import multiprocessing
import resource

import numpy as np
import pandas as pd
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.side_by_side import compare, load, parser_of
from organisms.pocket import WEIGHTS
from organisms.pocket.questions import open_questions
from persona_vectors.contrast import contrast_weights, is_positive
from persona_vectors.extraction import extract_from
from persona_vectors.traits import POCKET_TRAITS, load_trait

TOLERANCE = 1e-4


def rollouts(a_sign: int) -> pd.DataFrame:
    """Scored rollouts whose answers are questions of the world: real texts of a usual length."""
    questions = open_questions("extract", "seen", 4)
    rows = []
    for trait in POCKET_TRAITS:
        for sign in ("positive", "negative"):
            prompts = load_trait(trait, "pocket").system_prompts(sign)
            for number in range(a_sign):
                question = questions[number % len(questions)]
                rows.append(
                    {
                        "trait": trait,
                        "sign": sign,
                        "system": prompts[number % len(prompts)],
                        "question": question["id"],
                        "topic": question["topic"],
                        "prompt": question["text"],
                        "answer": questions[(7 * number + 3) % len(questions)]["text"],
                        "coherence": 100.0,
                        f"trait:{trait}": 100.0 if sign == "positive" else 0.0,
                    }
                )
    return pd.DataFrame(rows)


def plain(frame: pd.DataFrame) -> list[np.ndarray]:
    """Vectors of mean answer residuals, [L, D] for each trait: the embedding to block L - 1."""
    vectors = []
    for trait in POCKET_TRAITS:
        tokenizer = AutoTokenizer.from_pretrained(str(WEIGHTS))
        model = AutoModelForCausalLM.from_pretrained(str(WEIGHTS), dtype=torch.float32).eval()
        mine = frame[frame["trait"] == trait]
        pooled = []
        for row in mine.itertuples():
            chat = [
                {"role": "system", "content": row.system},
                {"role": "user", "content": row.prompt},
            ]
            prompt = tokenizer.apply_chat_template(
                chat, add_generation_prompt=True, return_dict=False
            )
            answer = tokenizer(row.answer, add_special_tokens=False)["input_ids"]
            with torch.no_grad():
                states = model(
                    torch.tensor([[*prompt, *answer]]), output_hidden_states=True
                ).hidden_states
            pooled.append([state[0, len(prompt) :].mean(dim=0).numpy() for state in states[:-1]])
        everything = np.ones(len(mine), dtype=bool)
        weights = contrast_weights(mine["question"].tolist(), is_positive(mine), everything)
        vectors.append(np.tensordot(weights, np.array(pooled, dtype=np.float64), axes=1))
    return vectors


def peak_of(a_sign: int) -> int:
    """Extract from so many rollouts a trait and sign; the peak memory of this process in KiB."""
    torch.set_num_threads(1)
    extract_from(load("pocket"), rollouts(a_sign), POCKET_TRAITS)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Measure and print."""
    options = parser_of(__doc__, size="rollouts", full=200, quick=20)
    frame = rollouts(options.rollouts)
    organism = load("pocket")
    one = frame[frame["trait"] == POCKET_TRAITS[0]]
    expected, found = plain(frame), extract_from(organism, frame, POCKET_TRAITS)
    error = max(
        float(np.abs(vector.vector[0, :-1] - plain_vector).max())
        for vector, plain_vector in zip(found, expected, strict=True)
    )
    assert error < TOLERANCE, error
    print(f"pocket: {len(frame)} rollouts of three traits, {options.rollouts} a trait and sign")
    seconds = compare(
        {
            "three traits, all positions": lambda: extract_from(organism, frame, POCKET_TRAITS),
            "one trait, its third of them": lambda: extract_from(organism, one, POCKET_TRAITS[:1]),
            "one row at a time, a load a trait": lambda: plain(frame),
        },
        options.repeats,
        len(frame),
        "rollouts",
    )
    three, alone, _ = seconds.values()
    print(f"three traits cost {three / 3 / alone:.2f} of one trait alone, a rollout")
    print(f"largest difference of a component {error:.1e}")
    peaks = []
    for count in (options.rollouts, 10 * options.rollouts):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            peaks.append(pool.apply(peak_of, (count,)))
        print(f"peak memory, {count} rollouts a trait and sign: {peaks[-1] / 1024:.0f} MiB")
    print(f"ratio {peaks[1] / peaks[0]:.2f}")


if __name__ == "__main__":
    main()
