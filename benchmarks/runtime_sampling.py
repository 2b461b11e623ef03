"""Sampling beside the plain ways of doing it: answers of varied length, in one run.

    python -m benchmarks.runtime_sampling --model pocket
    python -m benchmarks.runtime_sampling --model llama
    python -m benchmarks.runtime_sampling --quick

Beside the runtime stand `generate` in batches of 20 rows as they come, a careful `generate`
(sorted by length, 256 rows), transformers' `generate_batch`, inspect's own `hf` provider (every
question waiting at once), and the forward passes alone that the answers need (in batches of 256
rows, nothing drawn, no row leaving early). Ratios are of processor seconds.
"""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import ContinuousBatchingConfig, GenerationConfig

from benchmarks.side_by_side import (
    MAX_TOKENS,
    compare,
    end_by_chance,
    generate,
    load,
    padded,
    parser_of,
    requests,
)
from organisms.runtime import Organism, Request


def bare_steps(organism: Organism, prompts: list[tuple[int, ...]], tokens: int, pad: int) -> None:
    """Run the forward passes that ``tokens`` drawn tokens need, in full batches of 256 rows."""
    for start in range(0, len(prompts), 256):
        piece = sorted(prompts, key=len)[start : start + 256]
        token_ids, mask = padded(piece, pad)
        with torch.inference_mode():
            output = organism.model(token_ids, attention_mask=mask, logits_to_keep=1)
            for _ in range(round(tokens / len(prompts)) - 1):
                mask = torch.cat((mask, torch.ones_like(mask[:, :1])), dim=1)
                output = organism.model(
                    token_ids[:, :1],
                    attention_mask=mask,
                    past_key_values=output.past_key_values,
                )


def generate_batch(organism: Organism, prompts: list[tuple[int, ...]], pad: int) -> None:
    """Answer by transformers' continuous batching."""
    config = GenerationConfig(
        do_sample=True,
        top_k=0,
        max_new_tokens=MAX_TOKENS,
        eos_token_id=organism.tokenizer.eos_token_id,
        pad_token_id=pad,
    )
    # Left to itself it fills most of the memory, whatever the number of prompts.
    room = ContinuousBatchingConfig(page_size=32, num_blocks=2048, max_batch_tokens=512)
    organism.model.generate_batch(
        [list(prompt) for prompt in prompts],
        generation_config=config,
        continuous_batching_config=room,
        warmup=False,
    )


def hf_provider(organism: Organism, folder: Path, asked: list[Request]) -> Callable[[], object]:
    """Return the work of inspect's own provider over the same model, saved to ``folder``."""
    from inspect_ai.model import GenerateConfig, get_model

    organism.model.save_pretrained(folder)
    organism.tokenizer.save_pretrained(folder)
    config = GenerateConfig(max_tokens=MAX_TOKENS, temperature=1.0, top_k=0)
    model = get_model("hf/benchmark", model_path=str(folder), device="cpu", config=config)
    end = organism.tokenizer.eos_token_id
    assert isinstance(end, int)
    own: torch.nn.Module = getattr(model.api, "model")  # noqa: B009 - declared by this provider only
    end_by_chance(own, end)

    async def answer() -> None:
        await asyncio.gather(*[model.generate(str(one.chat[0]["content"])) for one in asked])

    return lambda: asyncio.run(answer())


def main() -> None:
    """Measure and print."""
    options = parser_of(__doc__, size="answers", full=2000, quick=40)
    organism = load(options.model)
    asked = requests(options.answers)
    pad, end = organism.tokenizer.pad_token_id, organism.tokenizer.eos_token_id
    assert isinstance(pad, int)
    assert isinstance(end, int)
    with tempfile.TemporaryDirectory() as folder:
        provider = hf_provider(organism, Path(folder) / "hf", asked)
        end_by_chance(organism.model, end)
        prompts = [organism.template.prompt(request.chat).token_ids for request in asked]
        results = list(organism.sample(asked))
        tokens = sum(result.output_tokens for result in results)
        lengths = sorted(result.output_tokens for result in results)
        print(
            f"{options.model}: {len(asked)} answers, {tokens / len(asked):.1f} tokens each, "
            f"{lengths[len(lengths) // 20]} to {lengths[-len(lengths) // 20]} from the 5th to the "
            "95th of 100"
        )
        compare(
            {
                "runtime": lambda: list(organism.sample(asked)),
                "generate, 20 unsorted rows": lambda: generate(organism.model, prompts, 20, pad),
                "generate, 256 sorted rows": lambda: generate(
                    organism.model, prompts, 256, pad, ordered=True
                ),
                "generate_batch": lambda: generate_batch(organism, prompts, pad),
                "inspect's hf provider": provider,
                "forward passes alone": lambda: bare_steps(organism, prompts, tokens, pad),
            },
            options.repeats,
            len(asked),
            "answers",
        )


if __name__ == "__main__":
    main()
