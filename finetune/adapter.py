"""The LoRA adapter as a thing: put on a base, measured, saved as a standard PEFT folder, taken off.

Also the checks that need the base: do the layers and modules of a config exist in it?
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from finetune.config import ALL_LINEAR_PROJECTIONS, FinetuneConfig
from organisms import resolve_base
from organisms.runtime.loading import no_progress_bars

_PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Base:
    """A loaded base model, to be fine-tuned any number of times; training leaves it unchanged."""

    name: str
    """What adapters record as their base: an embedded name, a folder or a hub id."""
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    @property
    def number_of_layers(self) -> int:
        """L, the number of decoder blocks."""
        return int(self.model.config.get_text_config().num_hidden_layers)

    @property
    def width(self) -> int:
        """D, the width of the residual stream."""
        return int(self.model.config.get_text_config().hidden_size)


def load_base(name: str, *, dtype: str = "float32", device: str = "cpu") -> Base:
    """Load a base by embedded name, transformers folder or hub id.

    Raises:
        ValueError: the base or the device does not exist.
    """
    path = resolve_base(name)
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device 'cuda': no GPU is visible here; set device='cpu'")
    try:
        with no_progress_bars():
            tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
            model = AutoModelForCausalLM.from_pretrained(
                path, dtype=getattr(torch, dtype), use_safetensors=True, trust_remote_code=False
            )
    except (OSError, ValueError, KeyError) as error:
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise ValueError(
            f"base {name!r} cannot be loaded: {reason}; give a transformers folder with "
            "safetensors weights, or a hub id"
        ) from error
    return Base(name, model.to(device), tokenizer)


def target_modules(base: Base, config: FinetuneConfig) -> list[str]:
    """Names of the base's modules that get an adapter, sorted.

    Raises:
        ValueError: a module or a layer of the config that the base does not have, or lm_head.
    """
    return target_modules_of(base.name, base.model, config)


def target_modules_of(name: str, model: PreTrainedModel, config: FinetuneConfig) -> list[str]:
    """The same for a model that may have no weights and no tokenizer."""
    layers = int(model.config.get_text_config().num_hidden_layers)
    if config.layers is not None and max(config.layers) > layers:
        raise ValueError(f"layers={list(config.layers)}: base {name!r} has layers 1 to {layers}")
    present = {
        path.rsplit(".", 1)[-1]
        for path, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and re.search(r"\.\d+\.", path)
    }
    if config.target_modules == ALL_LINEAR_PROJECTIONS:
        found = sorted(present & set(_PROJECTIONS))
        if not found:
            raise ValueError(
                f"base {name!r} has none of the usual projections; set target_modules to some "
                f"of {sorted(present)}"
            )
        return found
    missing = sorted(set(config.target_modules) - present)
    if missing:
        raise ValueError(
            f"target_modules {missing} do not exist in the blocks of base {name!r}: choose "
            f"from {sorted(present)}"
        )
    return sorted(config.target_modules)


@contextmanager
def attached(base: Base, config: FinetuneConfig) -> Iterator[PeftModel]:
    """A fresh trainable adapter on the base for the length of the block; then the base as it was.

    Equal seeds give equal initial weights. B starts at zero, so the adapter changes nothing yet.
    """
    lora = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        use_rslora=config.rslora,
        lora_dropout=config.dropout,
        target_modules=target_modules(base, config),
        layers_to_transform=(
            None if config.layers is None else sorted(layer - 1 for layer in config.layers)
        ),
        bias="none",
        task_type="CAUSAL_LM",
    )
    gradients = [parameter.requires_grad for parameter in base.model.parameters()]
    was_training = base.model.training
    forward = base.model.__dict__.get("forward")
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        model = get_peft_model(base.model, lora)
    assert isinstance(model, PeftModel)
    model.peft_config["default"].base_model_name_or_path = base.name
    try:
        yield model
    finally:
        model.unload()
        if forward is None:
            # trl replaces the bound forward by one with a fused head; drop it for the next user.
            base.model.__dict__.pop("forward", None)
        if hasattr(base.model, "peft_config"):
            del base.model.peft_config
        for parameter, flag in zip(base.model.parameters(), gradients, strict=True):
            parameter.requires_grad_(flag)
        base.model.train(was_training)


def save_adapter(model: PeftModel, folder: Path) -> None:
    """Write `adapter_config.json` and `adapter_model.safetensors`, and nothing else.

    Lists are sorted, so that equal adapters are equal files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lora = model.peft_config["default"]
    record = lora.to_dict() | {"inference_mode": True}
    record = {
        key: sorted(value) if isinstance(value, set) else value for key, value in record.items()
    }
    text = json.dumps(record, indent=2, sort_keys=True)
    (folder / "adapter_config.json").write_text(text + "\n")
    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    save_file(
        {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()},
        folder / "adapter_model.safetensors",
        metadata={"format": "pt"},
    )


def load_adapter(model: PeftModel, folder: Path) -> None:
    """Put saved weights into the model's adapter, which must have been made by the same config."""
    weights = load_file(folder / "adapter_model.safetensors")
    result = set_peft_model_state_dict(model, weights)
    if result.unexpected_keys:
        raise ValueError(
            f"{folder} holds another adapter ({result.unexpected_keys[0]!r} has no place in this "
            "one): train in another folder or remove it"
        )


def adapter_norm(model: PeftModel) -> float:
    """Frobenius norm of the whole weight change: sqrt of the sum over modules of |s B A|^2."""
    total = 0.0
    for module in model.modules():
        if not hasattr(module, "lora_A") or "default" not in module.lora_A:
            continue
        a_R_I = module.lora_A["default"].weight.detach().float()
        b_O_R = module.lora_B["default"].weight.detach().float()
        scale = float(module.scaling["default"])
        # |BA|^2 = tr(B'B AA'): two r x r products in place of one the size of the weight
        total += scale**2 * float(((b_O_R.T @ b_O_R) * (a_R_I @ a_R_I.T)).sum())
    return math.sqrt(max(total, 0.0))


def trainable_parameters(model: torch.nn.Module) -> Sequence[torch.nn.Parameter]:
    """The adapter's parameters, in a fixed order."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]
