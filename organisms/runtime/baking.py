"""Steering that is part of the weights: a vector baked into a plain transformers folder.

Layer 0 goes into the embedding matrix. The vector of a later layer k becomes the bias of the output
projection of block k's MLP, where the family's config has such a bias. Where it has none, or where
the block normalises what its MLP gives, a block is inserted after block k whose only effect is a
constant, from a bias of its attention; layers after it count one more. Knows no traits and no
vector files.
"""

import copy
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from organisms.runtime import layers as residual_layers
from organisms.runtime.forward import ForwardPass
from organisms.runtime.loading import load_model, no_progress_bars
from organisms.runtime.steering import Steering, steered
from organisms.runtime.texts import PROBE

Way = Literal["embedding", "bias", "block"]
Tensors = dict[str, torch.Tensor]

TOLERANCE: Mapping[str, float] = {"float32": 1e-4, "float64": 1e-9}
"""Largest difference of a logit that the written folder may show, as a share of the largest logit;
`_COARSE` for half precision."""
_COARSE = 0.05
_OUTPUT_NORM = "post_feedforward_layernorm"
_OTHER_OUTPUT_NORMS = ("post_mlp_layernorm", "post_feedforward_norm", "post_mlp_norm")


@dataclass(frozen=True)
class Baked:
    """What was written.

    Attributes:
        folder: the transformers folder.
        ways: layer k of the base -> where its vector went.
        difference: largest difference of a logit between the folder, loaded again, and the steered
            base, over every token of a probe.
        effect: largest change of a logit there that the steering makes.
    """

    folder: Path
    ways: Mapping[int, Way]
    difference: float
    effect: float


def bake(
    base: str,
    steerings: Sequence[Steering],
    out: str | Path,
    *,
    name: str = "",
    note: str = "",
    dtype: str = "float32",
    device: str = "cpu",
) -> Baked:
    """Write a base with steering in its weights, load it again and prove that it does the same.

    Args:
        base: A transformers folder or a hub id.
        steerings: Additions (mode ``add``) with scope ``all``; several at one layer add up.
        out: Folder to write: it must not exist.
        name: What the base is called in the folder's README; else as it is loaded.
        note: What that README says of the vectors.
        dtype: Number format that is read and written; half precision rounds vector and logits.
        device: Where the proof runs.

    Raises:
        ValueError: before anything is written, that a steering is no constant addition, does not
            fit the base, or cannot be part of its family's weights; or that what was written does
            not do what steering does: nothing is left of it.
    """
    folder = Path(out).expanduser()
    if folder.exists():
        raise ValueError(f"{folder} exists; name a new folder")
    model, tokenizer = load_model(base, dtype=dtype, device=device)
    additions = _additions(model, steerings)
    ways = {layer: _way(model, layer) for layer in sorted(additions)}
    tokens = tokenizer(PROBE, return_tensors="pt")["input_ids"].to(model.device)
    plain, expected = _logits(model, tokens, {}), _logits(model, tokens, additions)
    with tempfile.TemporaryDirectory(dir=_parent(folder), prefix=f".{folder.name}.") as place:
        made = Path(place) / folder.name
        _write(model, tokenizer, additions, ways, made)
        del model
        baked, _ = load_model(str(made), dtype=dtype, device=device)
        difference = float((_logits(baked, tokens, {}) - expected).abs().max())
        if not difference <= TOLERANCE.get(dtype, _COARSE) * (1 + float(expected.abs().max())):
            raise ValueError(
                f"the vector cannot be baked into {name or base!r} ({baked.config.model_type}): "
                f"written as {', '.join(ways.values())}, logits differ from those of steering by "
                f"{difference:.3g}; steer while answering instead"
            )
        _card(made, name or base, ways, note)
        made.rename(folder)
    return Baked(folder, ways, difference, float((expected - plain).abs().max()))


def _parent(folder: Path) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder.parent


def _additions(model: PreTrainedModel, steerings: Sequence[Steering]) -> dict[int, torch.Tensor]:
    """What is added at each layer: float64 [D]."""
    if not steerings:
        raise ValueError("nothing to bake; give at least one steering")
    number, width = residual_layers.number_of_layers(model), residual_layers.width(model)
    additions: dict[int, torch.Tensor] = {}
    for each in steerings:
        if each.mode != "add" or each.scope != "all":
            raise ValueError(
                f"steering with mode {each.mode!r} and scope {each.scope!r} cannot be baked: a "
                "weight acts on every token alike; use mode 'add' and scope 'all'"
            )
        each.check(number, width)
        additions[each.layer] = additions.get(each.layer, 0) + each.addition()
    return additions


def _way(model: PreTrainedModel, layer: int) -> Way:
    """Where a layer's vector can go.

    Raises:
        ValueError: Nowhere: the message says what the family lacks.
    """
    if layer == 0:
        return "embedding"
    block = residual_layers.decoder_blocks(model)[layer - 1]
    family = str(model.config.model_type)
    other = [norm for norm in _OTHER_OUTPUT_NORMS if hasattr(block, norm)]
    normed = hasattr(block, _OUTPUT_NORM) or bool(other)
    output = _output_projection(block)
    text = model.config.get_text_config()
    if not normed and output is not None and (output.bias is not None or hasattr(text, "mlp_bias")):
        return "bias"
    attention = getattr(block, "self_attn", None)
    projections = [getattr(attention, part, None) for part in ("v_proj", "o_proj")]
    has_bias = any(isinstance(p, nn.Linear) and p.bias is not None for p in projections)
    linear = not other and all(isinstance(part, nn.Linear) for part in projections)
    if linear and (has_bias or hasattr(text, "attention_bias")):
        return "block"
    reason = "normalises a block's output" if normed else "has no bias at a block's output"
    raise ValueError(
        f"a vector at layer {layer} cannot be baked into a {family} model: the family {reason}, "
        "and no bias of its attention can stand in; bake it at layer 0, or steer while answering"
    )


def _output_projection(block: nn.Module) -> nn.Linear | None:
    """The projection by which a dense MLP ends; None where there is none (experts)."""
    found = [
        module
        for name, module in block.named_modules()
        if type(module).__name__ in ("Linear", "Conv1D") and "att" not in name.lower()
    ]
    return found[-1] if found else None


def _write(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    additions: Mapping[int, torch.Tensor],
    ways: Mapping[int, Way],
    folder: Path,
) -> None:
    """Save config, weights and tokenizer of the steered model."""
    inserted = [layer for layer in sorted(ways) if ways[layer] == "block"]
    target = _empty(_config(model, ways, inserted))
    tensors, prefix = _moved(model, target, inserted)
    for layer, way in ways.items():
        addition = additions[layer]
        at = layer + sum(other < layer for other in inserted)
        if way == "embedding":
            key = _name_of(target, target.get_input_embeddings()) + ".weight"
            tensors[key] = tensors[key] + addition.to(tensors[key])
        elif way == "bias":
            block = residual_layers.decoder_blocks(target)[at - 1]
            key = _name_of(target, _output_projection(block)) + ".bias"
            scale = float(getattr(model.config.get_text_config(), "residual_multiplier", 1.0))
            tensors[key] = tensors[key] + (addition / scale).to(tensors[key])
        else:
            _fill(tensors, f"{prefix}.{at}.", addition, model)
    target.load_state_dict(tensors, strict=True, assign=True)
    target.tie_weights()
    target.generation_config = model.generation_config
    with no_progress_bars():
        target.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _config(model: PreTrainedModel, ways: Mapping[int, Way], inserted: Sequence[int]) -> Any:
    """The base's config with the biases, the blocks and the untied head that are needed."""
    values = copy.deepcopy(model.config.to_dict())
    text_config = model.config.get_text_config()
    nested = text_config is not model.config
    text = values["text_config"] if nested else values
    number = int(text_config.num_hidden_layers)
    output = _output_projection(residual_layers.decoder_blocks(model)[0])
    if "bias" in ways.values() and output is not None and output.bias is None:
        text["mlp_bias"] = True
    if inserted:
        for value in text.values():
            if isinstance(value, list) and len(value) == number:
                # Such as layer_types: which kind the constant block is of plays no part.
                for layer in reversed(inserted):
                    value.insert(layer, value[min(layer, number - 1)])
        text["num_hidden_layers"] = number + len(inserted)
        if hasattr(text_config, "attention_bias"):
            text["attention_bias"] = True
    if "embedding" in ways.values():
        values["tie_word_embeddings"] = text["tie_word_embeddings"] = False
    return type(model.config).from_dict(values)


def _empty(config: Any) -> PreTrainedModel:
    """A model of a config without memory for weights."""
    with torch.device("meta"):
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    return model


def _moved(
    model: PreTrainedModel, target: PreTrainedModel, inserted: Sequence[int]
) -> tuple[Tensors, str]:
    """The base's weights under their names in the target, zero where it has new ones; and the
    blocks' name."""
    prefix = _name_of(model, residual_layers.decoder_blocks(model))
    tensors: Tensors = {}
    for key, value in model.state_dict().items():
        if key.startswith(f"{prefix}."):
            number, _, rest = key.removeprefix(f"{prefix}.").partition(".")
            moved = int(number) + sum(layer <= int(number) for layer in inserted)
            key = f"{prefix}.{moved}.{rest}"
        tensors[key] = value
    for key, empty in target.state_dict().items():
        if key not in tensors:
            tensors[key] = torch.zeros(empty.shape, dtype=model.dtype, device=model.device)
    return tensors, prefix


def _fill(tensors: Tensors, block: str, addition: torch.Tensor, model: PreTrainedModel) -> None:
    """Make a block of zeros add a constant to the stream.

    Its attention's output is the bias of `o_proj`, or, where only `v_proj` has one, a bias of 1 in
    the first place of the first head, which attention leaves as it is and `o_proj` maps to the
    constant. A norm after the attention gives its own weights times a vector of ones.
    """
    first = residual_layers.decoder_blocks(model)[0]
    bias, weight = f"{block}self_attn.o_proj.bias", f"{block}self_attn.o_proj.weight"
    if hasattr(first, _OUTPUT_NORM):
        key = f"{block}post_attention_layernorm.weight"
        tensors[bias] = torch.ones_like(tensors[bias])
        tensors[key] = _norm_weight(first.post_attention_layernorm, addition).to(tensors[key])
    elif bias in tensors:
        tensors[bias] = addition.to(tensors[bias])
    else:
        value = f"{block}self_attn.v_proj.bias"
        tensors[value] = torch.zeros_like(tensors[value])
        tensors[value][0] = 1.0
        tensors[weight] = torch.zeros_like(tensors[weight])
        tensors[weight][:, 0] = addition.to(tensors[weight])


@torch.no_grad()
def _norm_weight(norm: Any, addition: torch.Tensor) -> torch.Tensor:
    """The weights with which a norm turns ones into `addition`: families scale by w or 1 + w."""
    probe = copy.deepcopy(norm).to("cpu", torch.float32)
    ones = torch.ones(len(addition))
    outputs = []
    for value in (0.0, 1.0):
        probe.weight.fill_(value)
        outputs.append(probe(ones).double())
    weight: torch.Tensor = (addition - outputs[0]) / (outputs[1] - outputs[0])
    return weight


def _name_of(model: nn.Module, module: nn.Module | None) -> str:
    names: dict[int, str] = {id(each): name for name, each in model.named_modules()}
    return names[id(module)]


@torch.no_grad()
def _logits(
    model: PreTrainedModel, tokens: torch.Tensor, additions: Mapping[int, torch.Tensor]
) -> torch.Tensor:
    """Logits [T, V] of every token of a text, on the CPU."""
    length = tokens.shape[1]
    positions = torch.arange(length, device=tokens.device)[None]
    with steered(model, additions):
        logits = ForwardPass(model).logits(
            tokens, torch.ones_like(tokens).bool(), positions, keep=length
        )
    return logits[0].double().cpu()


def _card(folder: Path, base: str, ways: Mapping[int, Way], note: str) -> None:
    said = {
        "embedding": "added to every row of the embedding matrix (and the head untied from it)",
        "bias": "the bias of the block's output projection",
        "block": "an inserted block that adds a constant; layers after it count one more",
    }
    places = "\n".join(f"- layer {layer}: {said[way]}" for layer, way in ways.items())
    text = (
        f"# {base}, steered in its weights\n\nA model that was changed on purpose, for research: "
        f"{base} with a steering vector added to every token.\n\n{note}\n\n{places}\n"
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
