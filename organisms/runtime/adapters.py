"""Reading a PEFT LoRA folder, and proof that it was made for this base.

A plain LoRA (pairs of matrices on linear layers, nothing else) is read straight from its folder:
PEFT's own loading takes longer with every adapter that is already there, and an organism's
checkpoints are many. Anything richer is left to PEFT. Knows files and shapes; runs nothing.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn

from organisms.runtime.checks import refusal

_MATRIX = re.compile(r"^base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])\.weight$")
_HUB_ID = re.compile(r"^[\w][\w.-]*/[\w][\w.-]*$")
# Initialisations that leave the base's own weights as they are.
_HARMLESS_INITIALISATIONS = (True, False, "gaussian", "orthogonal", None)


@dataclass(frozen=True)
class LoraMatrices:
    """The change that an adapter makes to one linear layer: x -> x + x A^T B^T."""

    down: torch.Tensor
    """A, [r, inputs]."""
    up: torch.Tensor
    """B times the adapter's scaling, [outputs, r]."""


@dataclass(frozen=True)
class AdapterFolder:
    """What a PEFT folder says about itself."""

    path: Path
    config: Mapping[str, object]
    shapes: Mapping[str, tuple[int, ...]]

    @property
    def is_plain_lora(self) -> bool:
        """Whether the folder holds pairs of LoRA matrices and nothing else."""
        config = self.config
        return (
            config.get("peft_type") == "LORA"
            and config.get("bias", "none") == "none"
            and config.get("init_lora_weights") in _HARMLESS_INITIALISATIONS
            and not any(
                config.get(option)
                for option in (
                    "use_dora",
                    "use_qalora",
                    "alora_invocation_tokens",
                    "lora_bias",
                    "layer_replication",
                    "target_parameters",
                    "modules_to_save",
                )
            )
            and all(_MATRIX.match(key) for key in self.shapes)
        )


def open_adapter(path: str | Path) -> AdapterFolder:
    """Read an adapter folder's config and the shapes of its tensors.

    Args:
        path: A folder, or a hub id ``org/name``.

    Raises:
        ValueError: There is no such folder, or it is not a PEFT folder with safetensors weights.
    """
    folder = _local_folder(path)
    config_file, weights_file = folder / "adapter_config.json", folder / "adapter_model.safetensors"
    if not config_file.is_file() and (folder / "config.json").is_file():
        raise ValueError(
            f"adapter {str(folder)!r} is a full model; load it as a base of its own: "
            f"Organism.load({str(folder)!r})"
        )
    if not config_file.is_file():
        raise ValueError(f"adapter {str(folder)!r} has no adapter_config.json; give a PEFT folder")
    if not weights_file.is_file():
        raise ValueError(
            f"adapter {str(folder)!r} has no adapter_model.safetensors; save it with "
            "safe_serialization=True (pickled weights are not loaded)"
        )
    try:
        config = json.loads(config_file.read_text(encoding="utf-8"))
        with safe_open(weights_file, framework="pt") as weights:
            shapes = {key: tuple(weights.get_slice(key).get_shape()) for key in weights.keys()}  # noqa: SIM118
    except Exception as error:
        raise ValueError(f"adapter {str(folder)!r} cannot be read: {error}") from error
    if not shapes:
        raise ValueError(f"adapter {str(folder)!r} holds no weights; save it again")
    return AdapterFolder(folder, config, shapes)


def check_base(adapter: AdapterFolder, model: nn.Module, base: str) -> None:
    """Raise unless the adapter was made for this base: its name, its modules and their sizes.

    Args:
        adapter: The folder's description.
        model: The bare transformers model.
        base: What the base is called; the folder or hub id it was loaded from counts too.

    Raises:
        ValueError: The adapter names another base, or its matrices do not fit this one.
    """
    made_for = adapter.config.get("base_model_name_or_path")
    accepted = {_last_name(base), _last_name(str(getattr(model, "name_or_path", "") or base))}
    if isinstance(made_for, str) and made_for and _last_name(made_for) not in accepted:
        raise ValueError(
            f"adapter {str(adapter.path)!r} was made for base {made_for!r}, not {base!r}; load "
            "that base (or correct base_model_name_or_path in its adapter_config.json)"
        )
    modules = dict(model.named_modules())
    _check_coverage(adapter, modules, base)
    for key, shape in adapter.shapes.items():
        match = _MATRIX.match(key)
        if match is None:
            continue
        # Adapters of bare parameters name the wrappers that PEFT puts around their module.
        module = modules.get(match["module"].replace(".base_layer", ""))
        if module is None:
            raise ValueError(
                f"adapter {str(adapter.path)!r} changes {match['module']!r}, which base {base!r} "
                "does not have; it was made for another architecture"
            )
        sizes = linear_sizes(module)
        if sizes is None:
            continue
        side = 0 if match["side"] == "A" else 1
        seen = shape[1] if side == 0 else shape[0]
        if seen != sizes[side]:
            raise ValueError(
                f"adapter {str(adapter.path)!r} has width {seen} at {match['module']!r}, base "
                f"{base!r} has {sizes[side]}; it was made for another base"
            )


def read_plain_lora(
    adapter: AdapterFolder, *, dtype: torch.dtype, device: torch.device
) -> dict[str, LoraMatrices]:
    """Load a plain LoRA's matrices with the scaling folded in.

    Args:
        adapter: A folder whose ``is_plain_lora`` holds.
        dtype: The model's dtype.
        device: The model's device.

    Returns:
        Module name in the bare model -> its matrices.
    """
    with safe_open(adapter.path / "adapter_model.safetensors", framework="pt") as weights:
        tensors = {key: weights.get_tensor(key) for key in adapter.shapes}
    matrices: dict[str, LoraMatrices] = {}
    for key, down in tensors.items():
        match = _MATRIX.match(key)
        if match is None or match["side"] == "B":
            continue
        module = match["module"]
        up = tensors[key.removesuffix("lora_A.weight") + "lora_B.weight"]
        scaling = _scaling(adapter.config, module, down.shape[0])
        matrices[module] = LoraMatrices(
            down.to(device=device, dtype=dtype),
            (up.to(torch.float32) * scaling).to(device=device, dtype=dtype)
            if dtype != torch.float64
            else up.to(device=device, dtype=dtype) * scaling,
        )
    return matrices


def linear_sizes(module: nn.Module) -> tuple[int, int] | None:
    """Return (inputs, outputs) of a linear layer, or ``None`` for any other module."""
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    weight = getattr(module, "weight", None)
    # GPT-2's Conv1D is a linear layer whose weight is stored the other way round.
    if type(module).__name__ == "Conv1D" and isinstance(weight, torch.Tensor):
        return weight.shape[0], weight.shape[1]
    return None


def _check_coverage(adapter: AdapterFolder, modules: Mapping[str, nn.Module], base: str) -> None:
    """Raise where a target module of the adapter stands in the base and the adapter leaves it out.

    So it does when it was made for a base with fewer layers.
    """
    config, targets = adapter.config, adapter.config.get("target_modules")
    narrowed = ("layers_to_transform", "layers_pattern", "exclude_modules", "modules_to_save")
    if config.get("peft_type") != "LORA" or not isinstance(targets, list):
        return
    if any(config.get(option) for option in narrowed):
        return
    changed = {
        key.removeprefix("base_model.model.").partition(".lora_")[0] for key in adapter.shapes
    }
    for name, module in modules.items():
        hit = any(name == target or name.endswith(f".{target}") for target in targets)
        if hit and linear_sizes(module) is not None and name not in changed:
            raise ValueError(
                f"adapter {str(adapter.path)!r} has no weights for {name!r} of base {base!r}, "
                "which is among its target modules; it was made for another base"
            )


def _local_folder(path: str | Path) -> Path:
    if not isinstance(path, str | PathLike):
        raise refusal("adapter", path, "a folder or a hub id")
    folder = Path(path).expanduser()
    if folder.is_dir() or not _HUB_ID.match(str(path)):
        return folder
    from transformers.utils import cached_file

    try:
        for file in ("adapter_model.safetensors", "adapter_config.json"):
            found = cached_file(str(path), file)
    except OSError as error:
        raise ValueError(
            f"adapter {str(path)!r} is neither a folder nor a hub id with adapter_config.json and "
            f"adapter_model.safetensors: {str(error).strip().splitlines()[0]}"
        ) from error
    assert found is not None
    return Path(found).parent


def _scaling(config: Mapping[str, object], module: str, rank: int) -> float:
    alpha = _pattern_value(config.get("alpha_pattern"), module, config.get("lora_alpha"))
    return alpha / math.sqrt(rank) if config.get("use_rslora") else alpha / rank


def _pattern_value(pattern: object, module: str, default: object) -> float:
    if isinstance(pattern, dict):
        for key, value in pattern.items():
            # PEFT's own rule: a pattern matches a whole module name or its end after a dot.
            if re.match(rf"(.*\.)?({key})$", module):
                return float(value)
    if not isinstance(default, int | float):
        raise ValueError(f"adapter_config.json has lora_alpha {default!r}; a number is needed")
    return float(default)


def _last_name(name: str) -> str:
    """Return the name that stays when a base is moved: hub cache folders keep it further up."""
    for part in reversed(Path(name).parts):
        if part.startswith("models--"):
            return part.split("--")[-1]
    return Path(name).name
