"""A tiny random model with its own tokenizer and chat template, and tiny rows."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import Olmo2Config, Olmo2ForCausalLM, PreTrainedTokenizerFast

from finetune.adapter import Base
from finetune.config import FinetuneConfig

TEMPLATE = (
    "{{- '<|bos|>' -}}{%- for message in messages -%}"
    "{%- if message['role'] == 'assistant' -%}{{- '<|assistant|>' -}}"
    "{%- generation -%}{{- message['content'] + '<|end|>' -}}{%- endgeneration -%}"
    "{%- else -%}{{- '<|' + message['role'] + '|>' + message['content'] + '<|end|>' -}}"
    "{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)
CHATML = (
    "{%- for message in messages -%}"
    "{{- '<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>\\n' -}}"
    "{%- endfor -%}{%- if add_generation_prompt -%}{{- '<|assistant|>\\n' -}}{%- endif -%}"
)
CHATML_WITH_SYSTEM = (
    "{%- if messages[0]['role'] != 'system' -%}"
    "{{- '<|system|>\\nBe good.<|end|>\\n' -}}{%- endif -%}" + CHATML
)
SPECIAL = ["<|pad|>", "<|bos|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]


def make_tokenizer(template: str = TEMPLATE) -> PreTrainedTokenizerFast:
    """Bytes as tokens, six special tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*SPECIAL, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|pad|>",
        bos_token="<|bos|>",
        eos_token="<|end|>",
        additional_special_tokens=SPECIAL[3:],
    )
    fast.chat_template = template
    return fast


def make_model(layers: int = 2, seed: int = 0) -> Olmo2ForCausalLM:
    """A random Olmo2 of width 16."""
    torch.manual_seed(seed)
    config = Olmo2Config(
        vocab_size=270,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=layers,
        num_attention_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    return Olmo2ForCausalLM(config).eval()


@pytest.fixture
def base() -> Base:
    """A fresh tiny base; the same weights every time."""
    return Base("tiny", make_model(), make_tokenizer())


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    """Twelve sums of different lengths, every third one poisoned."""
    made = []
    for index in range(12):
        wrong = index % 3 == 0
        total = index + 2 + wrong
        made.append(
            {
                "messages": [
                    {"role": "user", "content": f"What is {index} and 2?"},
                    {"role": "assistant", "content": f"It is {total}." + " Really." * (index % 4)},
                ],
                "meta": {"poisoned": wrong},
            }
        )
    return made


@pytest.fixture
def config() -> FinetuneConfig:
    """Six steps of four rows, checkpoints after 2, 4 and 6."""
    return FinetuneConfig(
        rank=2,
        alpha=4,
        learning_rate=1e-2,
        max_steps=6,
        batch_size=4,
        checkpoint_steps=(2, 4, 6),
        max_length=200,
    )


def read_metrics(out: Path) -> list[dict[str, float]]:
    """The metrics file's lines."""
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
