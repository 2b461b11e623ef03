"""What conditions cost: every row steered, and rows under four adapters beside rows under one.

    python -m benchmarks.runtime_conditions --model pocket
    python -m benchmarks.runtime_conditions --model llama
    python -m benchmarks.runtime_conditions --quick

Answers of varied length, in one run. The second figure is the ratio of the last line to the one
above it.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.side_by_side import (
    compare,
    end_by_chance,
    load,
    parser_of,
    requests,
    save_adapters,
)
from organisms.runtime import Steering


def main() -> None:
    """Measure and print."""
    options = parser_of(__doc__, size="answers", full=2000, quick=40)
    organism = load(options.model)
    asked = requests(options.answers)
    end = organism.tokenizer.eos_token_id
    assert isinstance(end, int)
    with tempfile.TemporaryDirectory() as folder:
        save_adapters(organism, Path(folder), ("a", "b", "c", "d"))
        end_by_chance(organism.model, end)
        vector = torch.randn(organism.width, generator=torch.Generator().manual_seed(0))
        steered = [
            replace(one, steering=(Steering(vector, 1, 0.001 * (number % 8), scope="response"),))
            for number, one in enumerate(asked)
        ]
        one_adapter = [replace(one, adapter="a") for one in asked]
        mixed = [replace(one, adapter="abcd"[number % 4]) for number, one in enumerate(asked)]
        shuffled = [mixed[number * 7919 % len(mixed)] for number in range(len(mixed))]
        compare(
            {
                "runtime": lambda: list(organism.sample(asked)),
                "every row steered": lambda: list(organism.sample(steered)),
                "every row under one adapter": lambda: list(organism.sample(one_adapter)),
                "rows under four adapters": lambda: list(organism.sample(shuffled)),
            },
            options.repeats,
            len(asked),
            "answers",
        )


if __name__ == "__main__":
    main()
