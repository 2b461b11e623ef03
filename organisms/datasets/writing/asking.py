"""Asks an inspect model many prompts, in batches, and keeps every reply as it arrives."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from organisms.datasets.writing.ledger import Ledger, Reply

if TYPE_CHECKING:
    from inspect_ai.model import GenerateConfig, Model

BATCH = 64
"""Prompts that are under way at a time; the model's own `max_connections` limits its calls."""


def model_named(model: str | Model) -> Model:
    """The inspect model of a name; a model is taken as it is.

    Raises:
        ValueError: There is no such model or provider, or what its provider needs (a package, a
            key) is not there.
    """
    from inspect_ai._util.error import PrerequisiteError
    from inspect_ai.model import get_model
    from rich.text import Text

    try:
        return get_model(model)
    except PrerequisiteError as error:
        said = Text.from_markup(str(error)).plain.removeprefix("ERROR: ")
        raise _unusable(model, said) from error
    except (ImportError, OSError, ValueError) as error:
        raise _unusable(model, str(error)) from error


def _unusable(model: str | Model, said: str) -> ValueError:
    return ValueError(
        f"model {str(model)!r} cannot be used ({' '.join(said.split()).rstrip('.')}); give "
        "PROVIDER/NAME of an inspect provider whose package and key are there, such as openai/..., "
        "vllm/... or hf/..."
    )


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
        ValueError: There is no such model.
        RuntimeError: A call failed for good; what was replied before is kept.
    """
    from inspect_ai.model import GenerateConfig

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
    chosen = model_named(model)
    left_over = {key: prompts[key] for key in left}
    _runner().run(_ask_all(chosen, left_over, ledger, config, progress))


@cache
def _runner() -> asyncio.Runner:
    """One event loop for all the asking of a process: inspect keeps a model from one call to the
    next, and its connections belong to the loop that they were made in."""
    runner = asyncio.Runner()
    atexit.register(runner.close)
    return runner


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
