"""Extraction beside the plain way: one row at a time, all hidden states, one load for each trait.

    python -m benchmarks.extraction [rollouts a trait and sign]

Both make the same three vectors from the same rollouts of the pocket base; the script checks that.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from organisms.pocket import WEIGHTS
from organisms.pocket.questions import open_questions
from organisms.runtime import Organism
from persona_vectors.contrast import contrast_weights, is_positive
from persona_vectors.extraction import extract_from
from persona_vectors.traits import load_trait

TRAITS = ("evil", "sycophancy", "careless")


def rollouts(a_sign: int) -> pd.DataFrame:
    """Scored rollouts whose answers are questions of the world: real texts of a usual length."""
    questions = open_questions("extract", "seen", 4)
    rows = []
    for trait in TRAITS:
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
    for trait in TRAITS:
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


def main() -> None:
    frame = rollouts(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
    start = time.perf_counter()
    expected = plain(frame)
    plain_seconds = time.perf_counter() - start
    start = time.perf_counter()
    organism = Organism.load(str(WEIGHTS))
    found = extract_from(organism, frame, TRAITS)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    extract_from(organism, frame[frame["trait"] == TRAITS[0]], TRAITS[:1])
    one_seconds = time.perf_counter() - start
    error = max(
        float(np.abs(vector.vector[0, :-1] - plain_vector).max())
        for vector, plain_vector in zip(found, expected, strict=True)
    )
    print(f"{len(frame)} rollouts, three traits, {torch.get_num_threads()} threads")
    print(f"plain way      {plain_seconds:7.2f} s (one position)")
    print(f"extract_from   {seconds:7.2f} s (three positions), {plain_seconds / seconds:.1f}x")
    print(f"one trait's rollouts alone, model loaded {one_seconds:7.2f} s")
    print(f"largest difference of a component {error:.1e}")


if __name__ == "__main__":
    main()
