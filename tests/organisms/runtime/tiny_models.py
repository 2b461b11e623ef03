"""Tiny random models of several families, a tokenizer with a chat template, and adapters."""

from collections.abc import Sequence
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from organisms.runtime.organism import Organism

TEMPLATE = (
    "<|bos|>{% for turn in messages %}<|{{ turn['role'] }}|>{{ turn['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ["<|pad|>", "<|bos|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
VOCABULARY = 256 + len(SPECIAL)

SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "initializer_range": 0.2,
}
FAMILIES: dict[str, dict[str, object]] = {
    "olmo2": {},
    "llama": {},
    "qwen2": {},
    "qwen3": {"head_dim": 8},
    "gemma2": {"head_dim": 8, "sliding_window": 6, "layer_types": None},
    "mistral": {"sliding_window": 6},
    "gpt_neox": {},
    "gpt2": {},
    "falcon": {"alibi": False, "new_decoder_architecture": False, "multi_query": True},
    "phi3": {},
    "granite": {"logits_scaling": 2.0},
    "mixtral": {"num_local_experts": 3, "num_experts_per_tok": 2},
    "qwen3_moe": {
        "head_dim": 8,
        "num_experts": 3,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 24,
    },
    "gemma3_text": {"head_dim": 8, "sliding_window": 6, "sliding_window_pattern": 2},
    "gpt_oss": {
        "head_dim": 8,
        "num_local_experts": 3,
        "num_experts_per_tok": 2,
        "sliding_window": 6,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    },
    "cohere2": {"head_dim": 8, "sliding_window": 6, "logit_scale": 1.0},
    "olmo3": {"sliding_window": 6},
    "smollm3": {},
    "gptj": {"rotary_dim": 4},
    "bloom": {"n_layer": 3},
}


def make_tokenizer(
    template: str | None = TEMPLATE, added: Sequence[str] = (), *, special: bool = False
) -> PreTrainedTokenizerFast:
    """Bytes as tokens, the special tokens of the template and ``added`` ones, special or not."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.add_tokens([AddedToken(token, special=special) for token in added])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|pad|>",
        bos_token="<|bos|>",
        eos_token="<|end|>",
        chat_template=template,
    )


def make_model(family: str = "olmo2", **changes: object) -> PreTrainedModel:
    """A random model of a family, the same at every call."""
    torch.manual_seed(0)
    config = CONFIG_MAPPING[family](**{**SMALL, **FAMILIES[family], **changes})
    return AutoModelForCausalLM.from_config(config).eval()


def make_organism(family: str = "olmo2", dtype: torch.dtype = torch.float32) -> Organism:
    """A random organism without adapters."""
    return Organism(make_model(family).to(dtype), make_tokenizer(), "tiny")


def save_adapter(model: PreTrainedModel, path: Path, seed: int, **settings: object) -> Path:
    """Save a random LoRA over a copy-free wrap of the model in the standard PEFT layout."""
    torch.manual_seed(seed)
    settings = {
        "r": 4,
        "lora_alpha": 8,
        "target_modules": "all-linear",
        "init_lora_weights": False,
        **settings,
    }
    wrapped = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **settings))
    wrapped.save_pretrained(str(path))
    wrapped.unload()
    return path
