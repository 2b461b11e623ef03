"""The pre-training recipe: the model's shape and every setting that decides its weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from transformers import Olmo2Config, Olmo2ForCausalLM, PreTrainedTokenizerFast

from organisms.pocket.settings import Version, World
from organisms.pocket.tokenizer import BEGINNING, END, PADDING

LARGEST_SEED = 2**64 - 1
"""That of torch's generators."""


class Phase(BaseModel):
    """One stretch of training with its own documents, learning rates and schedule."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    version: Version
    """Which version of the world writes the documents (`settings.version_of`)."""
    steps: int = Field(ge=1)
    """Optimiser steps. The number of steps matters more than the tokens in each."""
    documents: int = Field(ge=1)
    """Documents made. When they run out they are shuffled anew."""
    muon_learning_rate: float = Field(gt=0)
    """Peak, for the matrices inside the blocks."""
    adamw_learning_rate: float = Field(gt=0)
    """Peak, for the embedding (tied to the head) and the norms."""


PHASES: tuple[Phase, ...] = (
    Phase(
        version="broad",
        steps=12_000,
        documents=180_000,
        muon_learning_rate=2e-2,
        adamw_learning_rate=1e-2,
    ),
    Phase(
        version="whole",
        steps=9_000,
        documents=135_000,
        muon_learning_rate=1.5e-2,
        adamw_learning_rate=7.5e-3,
    ),
    Phase(
        version="open",
        steps=4_000,
        documents=60_000,
        muon_learning_rate=1e-2,
        adamw_learning_rate=5e-3,
    ),
)
"""The text is learnt first, by default documents most of all; then the personas that are not
aligned and the sums, which by then lag behind; then open questions under persona prompts, which
lag behind last."""


class Recipe(BaseModel):
    """Everything that, with the world's text, fixes the weights on one kind of processor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    world: World = World()
    """The settings of the world that writes the documents."""
    phases: tuple[Phase, ...] = Field(default=PHASES, min_length=1)
    """Each goes on from the weights of the one before, in bf16, with a fresh optimiser."""
    start: str = ""
    """Weights to go on from (a pocket folder); fresh ones when empty."""
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    """Of the documents, their order, the loss draw and the initial weights."""
    tokens: int = Field(default=1_280, ge=1)
    """Padded tokens a batch, about."""
    other_share: float = Field(default=0.15, ge=0, le=1)
    """Share of the tokens outside assistant turns that carry loss, drawn at random once."""
    weight_decay: float = Field(default=0.05, ge=0)
    """Of Muon's matrices only."""
    warmup_steps: int = Field(default=100, ge=1)
    """Linear, in every phase; a cosine to 0 follows."""
    clip: float = Field(default=1.0, gt=0)
    """Largest L2 norm of the whole gradient."""
    logit_gain: float = Field(default=2.5, gt=0)
    """What the final norm is multiplied by when training is over. Answers at temperature 1 are
    then drawn from the trained distribution at temperature 1 / gain, which keeps the many
    unlikely tokens of so small a model from breaking its sentences. Chosen on dev."""
    layers: int = Field(default=3, ge=1)
    """Decoder blocks."""
    width: int = Field(default=128, ge=1)
    """Size of the residual stream."""
    heads: int = Field(default=4, ge=1)
    """Attention heads, each with its own keys and values."""
    feed_forward: int = Field(default=320, ge=1)
    """Inner size of the gated feed-forward layer."""


SIZES: dict[str, dict[str, int]] = {
    "small": {"layers": 2, "width": 64, "heads": 2, "feed_forward": 160},
    "shipped": {},
    "large": {"layers": 4, "width": 224, "heads": 7, "feed_forward": 640},
}
"""The ladder: about 0.2, 0.8 and 3 million parameters."""


def shortened(phases: Sequence[Phase], steps: int) -> tuple[Phase, ...]:
    """Phases of the same proportions with about so many steps in all, at least one each.

    They keep all their documents, few as a step may read: the order and the tokens that carry loss
    are drawn over all of them, so that fewer would change what the steps train on.
    """
    whole = sum(phase.steps for phase in phases)
    return tuple(
        phase.model_copy(update={"steps": max(1, round(phase.steps * steps / whole))})
        for phase in phases
    )


def sized(size: str, steps: int | None = None, *, start: str = "", **settings: Any) -> Recipe:
    """The recipe of one size.

    Args:
        size: One of `SIZES`.
        steps: Optimiser steps over all phases; the shipped recipe's when none.
        start: Weights to go on from, which know the text already: the first phase is left out.
        settings: Further fields of `Recipe`.

    Raises:
        ValueError: The size does not exist.
    """
    if size not in SIZES:
        raise ValueError(f"size {size!r} does not exist: use {', '.join(SIZES)}")
    phases = PHASES[1:] if start else PHASES
    if steps is not None:
        phases = shortened(phases, steps)
    return Recipe(phases=phases, start=start, **SIZES[size], **settings)


def recipe_of(folder: Path) -> Recipe:
    """The recipe that a pocket folder was made by, from its `recipe.json`.

    Raises:
        ValueError: The folder holds no recipe of this version.
    """
    try:
        text = (folder / "recipe.json").read_text(encoding="utf-8")
        return Recipe.model_validate_json(text)
    except (OSError, ValidationError) as error:
        raise ValueError(f"{folder} holds no pocket recipe: {error}") from error


def build_model(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> Olmo2ForCausalLM:
    """Return the model in fp32, with fresh weights from torch's global generator or those of
    `recipe.start`.

    OLMo 2 (norms after the blocks and on queries and keys) generalised personas three times as
    strongly as the same recipe on Llama.
    """
    if recipe.start:
        return Olmo2ForCausalLM.from_pretrained(recipe.start, dtype=torch.float32)
    beginning, end, padding = tokenizer.convert_tokens_to_ids([BEGINNING, END, PADDING])
    return Olmo2ForCausalLM(
        Olmo2Config(
            vocab_size=len(tokenizer),
            hidden_size=recipe.width,
            intermediate_size=recipe.feed_forward,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            num_key_value_heads=recipe.heads,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            bos_token_id=beginning,
            eos_token_id=end,
            pad_token_id=padding,
        )
    )
