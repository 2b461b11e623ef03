"""A sweep of 3 adapters x 8 steering coefficients over questions, beside condition by condition.

    python -m benchmarks.runtime_sweep --model pocket
    python -m benchmarks.runtime_sweep --model llama
    python -m benchmarks.runtime_sweep --quick

The plain way switches PEFT's adapter and a forward hook for each condition and calls `generate` on
all its questions at once. Ratios are of processor seconds and of wall time.
"""

import tempfile
from pathlib import Path

import torch
from peft import PeftModel

from benchmarks.side_by_side import (
    MAX_TOKENS,
    chat,
    compare,
    end_by_chance,
    generate,
    load,
    parser_of,
    save_adapters,
)
from organisms.runtime import Request, Sampling, Steering, steered

ADAPTERS = ("a", "b", "c")
COEFFICIENTS = tuple(0.001 * number for number in range(8))
LAYER = 2


def main() -> None:
    """Measure and print."""
    options = parser_of(__doc__, size="questions", full=50, quick=4)
    organism, plain = load(options.model), load(options.model)
    chats = [chat(number) for number in range(options.questions)]
    vector = torch.randn(organism.width, generator=torch.Generator().manual_seed(0))
    pad, end = organism.tokenizer.pad_token_id, organism.tokenizer.eos_token_id
    assert isinstance(pad, int)
    assert isinstance(end, int)
    with tempfile.TemporaryDirectory() as folder:
        save_adapters(organism, Path(folder), ADAPTERS)
        end_by_chance(organism.model, end)
        end_by_chance(plain.model, end)
        wrapped = PeftModel.from_pretrained(plain.model, str(Path(folder) / "a"), adapter_name="a")
        for name in ADAPTERS[1:]:
            wrapped.load_adapter(str(Path(folder) / name), adapter_name=name)
        wrapped.eval()
        asked = [
            Request(
                one,
                adapter=adapter,
                steering=(Steering(vector, LAYER, coefficient),),
                seed=number,
                sampling=Sampling(max_tokens=MAX_TOKENS),
            )
            for adapter in ADAPTERS
            for coefficient in COEFFICIENTS
            for number, one in enumerate(chats)
        ]
        prompts = [organism.template.prompt(one).token_ids for one in chats]

        def by_condition() -> None:
            for adapter in ADAPTERS:
                wrapped.set_adapter(adapter)
                for coefficient in COEFFICIENTS:
                    with steered(wrapped, {LAYER: coefficient * vector}):
                        generate(wrapped, prompts, len(prompts), pad)

        print(f"{options.model}: {len(asked)} answers under 24 conditions")
        compare(
            {
                "runtime": lambda: list(organism.sample(asked)),
                "generate, condition by condition": by_condition,
            },
            options.repeats,
            len(asked),
            "answers",
        )


if __name__ == "__main__":
    main()
