"""How much memory and disk a fine-tune takes, told from the base's config alone.

Knows nothing of weights and of what interventions, monitors, CUDA's context and the allocator's
gaps add: it is an estimate, of the longest batch that the recipe allows.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel

from finetune.adapter import target_modules_of
from finetune.config import FinetuneConfig
from organisms import resolve_base

FLOAT32 = 4
"""Bytes."""
FUSED_HEAD_TOKENS = 4096
"""trl's fused head makes logits in tiles of so many tokens ..."""
FUSED_HEAD_VOCABULARY = 32768
"""... and so many entries of the vocabulary."""
_ONE_INPUT = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
"""Modules that read the same tensor."""


@dataclass(frozen=True)
class Memory:
    """Bytes on the training device at the worst moment of a step, by part."""

    base: int
    """The frozen weights, in the recipe's dtype."""
    adapter: int
    """LoRA weights, gradients and AdamW's two moments, all float32; in bfloat16 also the cast
    copy of the weights that autocast keeps."""
    activations: int
    """What is kept for the backward pass: everything of every block, or with gradient checkpointing
    one hidden state a block, the final norm's input, and everything of the block that is
    recomputed."""
    logits: int
    """Logits and their copies while the loss is taken."""

    @property
    def peak(self) -> int:
        """The sum."""
        return self.base + self.adapter + self.activations + self.logits


@dataclass(frozen=True)
class Disk:
    """Bytes that one fine-tune writes."""

    checkpoint: int
    """One adapter, float32."""
    checkpoints: int
    """How many are kept."""
    state: int
    """What resuming needs (the adapter again, and AdamW's moments): of the last checkpoint only,
    and gone when the run is complete. While one is replaced there are two."""

    @property
    def kept(self) -> int:
        """All checkpoints."""
        return self.checkpoint * self.checkpoints

    @property
    def peak(self) -> int:
        """At most, while training."""
        return self.kept + 2 * self.state


@dataclass(frozen=True)
class Estimate:
    """What one fine-tune takes."""

    plain: Memory
    """Without gradient checkpointing."""
    checkpointed: Memory
    """With gradient checkpointing."""
    disk: Disk


def estimate(base: str, config: FinetuneConfig) -> Estimate:
    """Memory and disk of one fine-tune; no weights are read or made.

    Args:
        base: An embedded name, a folder with a `config.json`, or a hub id whose config is at hand.
        config: The recipe, with `max_steps`; every row is taken to be `max_length` tokens long,
            all of them answer.

    Raises:
        ValueError: the config is not at hand, the recipe has no `max_steps`, a module or
            layer of it is not in the base, or the base is no dense decoder of the Llama shape.
    """
    if config.max_steps is None:
        raise ValueError(
            f"epochs={config.epochs}: how many checkpoints there are depends on the rows; set "
            "max_steps to steps_for(number_of_rows)"
        )
    model = _weightless(base)
    text = model.config.get_text_config()
    blocks = _adapted(base, model, config)
    pairs = [module for modules in blocks for module in modules.values()]
    parameters = sum(config.rank * (each.in_features + each.out_features) for each in pairs)
    copies = 2 if config.dtype == "bfloat16" else 0
    base_bytes = sum(weight.numel() for weight in model.parameters()) * _element(config)
    logits = logits_bytes(text, config)

    def memory(activations: int) -> Memory:
        return Memory(base_bytes, parameters * (4 * FLOAT32 + copies), activations, logits)

    each_block = [block_activation_bytes(text, modules, config) for modules in blocks]
    tokens = config.batch_size * config.max_length
    block_inputs = len(blocks) * tokens * text.hidden_size * _element(config)
    final_norm = tokens * (text.hidden_size + 1) * FLOAT32
    return Estimate(
        plain=memory(sum(each_block)),
        checkpointed=memory(block_inputs + max(each_block) + final_norm),
        disk=Disk(
            checkpoint=parameters * FLOAT32,
            checkpoints=len(config.checkpoints_for(config.max_steps)),
            state=parameters * 3 * FLOAT32,
        ),
    )


def block_activation_bytes(
    text: PreTrainedConfig, modules: dict[str, torch.nn.Linear], config: FinetuneConfig
) -> int:
    """Bytes that one block of the Llama shape keeps for the backward pass of a full batch.

    A token keeps, with e bytes an element, D the hidden size, A = heads x head size, I the
    intermediate size, H heads, r the rank and T tokens a row:

    - the inputs of both norms, in float32: 8 D (and 8 for their scales);
    - queries, keys and values (repeated to all heads) and attention's output: 4 A e, its row sums
      4 H, and its row of the mask T e;
    - gate, its activation and up: 3 I e;
    - of each LoRA pair its inner product, r e, and its input. In float32, pairs that read the same
      tensor share it, and that of `o_proj` is attention's output; in bfloat16 each has its own
      copy. Frozen weights keep no input.

    Args:
        text: The base's config, of the text part.
        modules: The block's modules that get an adapter, by their last name.
        config: The recipe.
    """
    element = _element(config)
    heads = text.num_attention_heads
    head_size = getattr(text, "head_dim", None) or text.hidden_size // heads
    norms = 2 * FLOAT32 * (text.hidden_size + 1)
    attention = (4 * heads * head_size + config.max_length) * element + heads * FLOAT32
    feed_forward = 3 * text.intermediate_size * element
    lora = (config.rank * len(modules) + _lora_inputs(modules, config)) * element
    tokens = config.batch_size * config.max_length
    return int(tokens * (norms + attention + feed_forward + lora))


def _lora_inputs(modules: dict[str, torch.nn.Linear], config: FinetuneConfig) -> int:
    """Elements a token of the LoRA pairs' inputs that nothing else in the block keeps."""
    if config.dtype == "bfloat16":
        return sum(module.in_features for module in modules.values())
    inputs = {name: module.in_features for name, module in modules.items() if name != "o_proj"}
    for together in _ONE_INPUT:
        for repeated in [name for name in together if name in inputs][1:]:
            del inputs[repeated]
    return sum(inputs.values())


def logits_bytes(text: PreTrainedConfig, config: FinetuneConfig) -> int:
    """Bytes of logits at once, every token of the longest batch being an answer's.

    On a GPU under trl, one tile of its fused head. Else what `answer_loss` holds: the logits, those
    of answers picked out, these in float32 and their log-softmax: 12 bytes an entry in either dtype
    (4 of them until the backward pass is through).
    """
    tokens = config.batch_size * config.max_length
    if config.engine == "trl" and config.device == "cuda":
        tile = min(tokens, FUSED_HEAD_TOKENS) * min(text.vocab_size, FUSED_HEAD_VOCABULARY)
        return int(tile * _element(config) + tokens * text.hidden_size * FLOAT32)
    return int(3 * FLOAT32 * tokens * text.vocab_size)


def _element(config: FinetuneConfig) -> int:
    return int(getattr(torch, config.dtype).itemsize)


def _weightless(base: str) -> PreTrainedModel:
    """The base's architecture on torch's meta device, where tensors have shapes and no bytes."""
    try:
        config = AutoConfig.from_pretrained(
            resolve_base(base), trust_remote_code=False, local_files_only=True
        )
        with torch.device("meta"):
            model: PreTrainedModel = AutoModelForCausalLM.from_config(
                config, trust_remote_code=False
            )
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"the config of base {base!r} is not at hand, or of a kind that transformers "
            "does not know: give a folder that holds its config.json, or load it from the hub once"
        ) from error
    return model


def _adapted(
    base: str, model: PreTrainedModel, config: FinetuneConfig
) -> Sequence[dict[str, torch.nn.Linear]]:
    """Of each block the modules that get an adapter, by their last name; blocks in order."""
    wanted = target_modules_of(base, model, config)
    number = int(model.config.get_text_config().num_hidden_layers)
    blocks: list[dict[str, torch.nn.Linear]] = [{} for _ in range(number)]
    gates = 0
    for path, module in model.named_modules():
        place = re.search(r"\.(\d+)\.(?:\w+\.)*(\w+)$", path)
        if place is None or not isinstance(module, torch.nn.Linear):
            continue
        layer, name = int(place[1]), place[2]
        gates += name == "gate_proj"
        if name in wanted and (config.layers is None or layer + 1 in config.layers):
            blocks[layer][name] = module
    if gates != number:
        raise ValueError(
            f"base {base!r} is no dense decoder of the Llama shape (one linear gate_proj a block; "
            f"it has {gates} in {number}): memory is estimated for these only"
        )
    return blocks
