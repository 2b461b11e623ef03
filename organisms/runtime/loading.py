"""From a folder or a hub id to a model and its tokenizer: safetensors only, no code but our own.

Knows transformers' files and what can be wrong with them; knows no adapters.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from organisms.runtime.checks import check_choice, refusal

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float64": torch.float64,
}


def load_model(
    base: str, *, tokenizer: str | None = None, dtype: str = "float32", device: str = "cpu"
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a decoder-only model and its tokenizer.

    Args:
        base: A transformers folder or a hub id; a merged full model is one like any other.
        tokenizer: Folder or hub id of tokenizer and chat template, where the base's has none.
        dtype: One of `DTYPES`.
        device: A torch device.

    Raises:
        ValueError: The dtype or device does not exist; the files are missing, pickled, an adapter,
            or need code of their own; weights are missing; or the tokenizer has more tokens than
            the model.
    """
    if not isinstance(base, str | PathLike):
        raise refusal("base", base, "a transformers folder or a hub id")
    if tokenizer is not None and not isinstance(tokenizer, str | PathLike):
        raise refusal("tokenizer", tokenizer, "a folder or a hub id, or None for the base's")
    check_choice("dtype", dtype, tuple(DTYPES))
    place = _device(device)
    _check_folder(base)
    with no_progress_bars():
        try:
            model, report = AutoModelForCausalLM.from_pretrained(
                base,
                dtype=DTYPES[dtype],
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ValueError(f"base {base!r} cannot be loaded: {_reason(error)}") from error
        try:
            loaded = AutoTokenizer.from_pretrained(tokenizer or base, trust_remote_code=False)
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(
                f"the tokenizer of {tokenizer or base!r} cannot be loaded: {_reason(error)} (a "
                "merged model that was saved without one takes its base's: tokenizer=BASE)"
            ) from error
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise ValueError(
            f"base {base!r} lacks {len(missing)} weights, {missing[0]!r} among them, which would "
            "be random; save the whole model again"
        )
    rows = model.get_input_embeddings().weight.shape[0]
    if len(loaded) > rows:
        raise ValueError(
            f"the tokenizer of {tokenizer or base!r} has {len(loaded)} tokens, base {base!r} "
            f"embeds {rows}; give the tokenizer that the model was made with"
        )
    return model.to(place), loaded


def _check_folder(base: str) -> None:
    folder = Path(base)
    if not folder.is_dir():
        return
    if not (folder / "config.json").is_file():
        if (folder / "adapter_config.json").is_file():
            raise ValueError(
                f"base {base!r} cannot be loaded: it is an adapter; load the base that its "
                "adapter_config.json names and add it there: adapters={NAME: FOLDER}"
            )
        raise ValueError(
            f"base {base!r} cannot be loaded: it has no config.json; give a transformers folder"
        )
    if not any(folder.glob("*.safetensors")):
        raise ValueError(
            f"base {base!r} cannot be loaded: it has no safetensors weights, and pickled ones are "
            "not read; save it again with save_pretrained"
        )


def _device(name: str) -> torch.device:
    if not isinstance(name, str | torch.device):
        raise refusal("device", name, "cpu, cuda or cuda:N")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device {name!r} does not exist; use cpu, cuda or cuda:N") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device {name!r} is not there: torch sees {torch.cuda.device_count()} GPUs; use cpu, "
            "or install a CUDA build of torch"
        )
    return device


def _reason(error: Exception) -> str:
    """Return the first line of transformers' message, in terms of what one can do here."""
    text = str(error).strip()
    if "trust_remote_code" in text:
        return (
            "it needs code that comes with it, which is never run; use a model whose architecture "
            "is part of transformers"
        )
    first = text.splitlines()[0] if text else repr(error)
    return (
        f"{first}; give a transformers folder with safetensors weights, or the id of a model that "
        "is in the local cache"
    )


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Within it, transformers shows no bars for loading and saving."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()
