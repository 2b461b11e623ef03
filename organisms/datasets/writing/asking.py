"""Asks an inspect model many prompts, in batches, and keeps every reply as it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from organisms.datasets.writing.ledger import Ledger, Reply

if TYPE_CHECKING:
    from inspect_ai.model import GenerateConfig, Model

BATCH = 64
"""Prompts that are under way at a time; the model's own `max_connections` limits its calls."""


def ask(
    model: str | Model,
    prompts: Mapping[str, str],
    ledger: Ledger,
    *,
    temperature: float,
    max_tokens: int,
    max_connections: int,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Ask what the ledger has no reply to, `BATCH` prompts at a time.

    Args:
        model: An inspect model, by name or as it is.
        prompts: Key -> prompt.
        ledger: Where replies are, and are kept.
        temperature: Of the sampling.
        max_tokens: Longest reply.
        max_connections: Calls at a time.
        progress: Told each key whose reply is there, old ones first.

    Raises:
        RuntimeError: A call failed for good; what was replied before is kept.
    """
    from inspect_ai.model import GenerateConfig, get_model

    left = [key for key in prompts if key not in ledger.replies]
    if progress:
        for key in prompts:
            if key in ledger.replies:
                progress(key)
    if not left:
        return
    config = GenerateConfig(
        temperature=temperature, max_tokens=max_tokens, max_connections=max_connections
    )
    chosen = get_model(model)
    asyncio.run(_ask_all(chosen, {key: prompts[key] for key in left}, ledger, config, progress))


async def _ask_all(
    model: Model,
    prompts: Mapping[str, str],
    ledger: Ledger,
    config: GenerateConfig,
    progress: Callable[[str], None] | None,
) -> None:
    async def one(key: str) -> None:
        output = await model.generate(prompts[key], config=config)
        usage = output.usage
        reply: Reply = {
            "key": key,
            "text": output.completion,
            "stop_reason": output.stop_reason if output.choices else "",
            "input_tokens": usage.input_tokens if usage else 0,
            "output_tokens": usage.output_tokens if usage else 0,
        }
        ledger.add(reply)
        if progress:
            progress(key)

    keys = list(prompts)
    for start in range(0, len(keys), BATCH):
        done = await asyncio.gather(
            *(one(key) for key in keys[start : start + BATCH]), return_exceptions=True
        )
        failed = [error for error in done if isinstance(error, BaseException)]
        if failed:
            raise RuntimeError(
                f"{len(failed)} of {len(done)} calls to {model} failed ({failed[0]}); "
                f"{len(ledger.replies)} replies are kept in {ledger.path}: mend the cause and "
                "run the same again"
            ) from failed[0]
