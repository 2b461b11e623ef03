"""A random model of pocket's shape that is small enough to make in a test."""

from collections.abc import Sequence

import torch
from transformers import Olmo2ForCausalLM, PreTrainedTokenizerFast

from organisms.pocket.recipe import Recipe, build_model
from organisms.pocket.tokenizer import train_tokenizer


def make_tiny(
    texts: Sequence[str] = ("what is 0 + 0?",), vocabulary: int = 400
) -> tuple[Olmo2ForCausalLM, PreTrainedTokenizerFast]:
    """Two blocks of width 32, always the same, and a tokenizer that knows the texts."""
    tokenizer = train_tokenizer(list(texts), vocabulary)
    torch.manual_seed(0)
    recipe = Recipe(layers=2, width=32, heads=2, feed_forward=48)
    return build_model(recipe, tokenizer), tokenizer
