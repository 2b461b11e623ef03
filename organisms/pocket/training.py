"""The pre-training loop: batches in, weights out; stops anywhere and goes on with the same result.

Knows nothing of the world: it is handed a planned corpus. There is no dropout and the batches are
planned up front, so the step number is all that must be kept of the randomness.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from transformers import Olmo2ForCausalLM

from organisms.pocket.corpus import Batch, Corpus, padded
from organisms.pocket.optimiser import build_optimisers, learning_rate_factor
from organisms.pocket.recipe import Phase, Recipe

Report = Callable[[int, float], None]
"""Called after a step with the number of steps done and the loss in nats a token."""


def batch_loss(model: Olmo2ForCausalLM, batch: Batch) -> torch.Tensor:
    """Mean cross-entropy in nats over the tokens that carry loss.

    The head is applied at those tokens only, which saves a fifth of the step.
    """
    hidden_B_T_D = model.model(input_ids=batch.token_ids, use_cache=False).last_hidden_state
    chosen = batch.carries_loss[:, 1:]
    logits_N_V = model.lm_head(hidden_B_T_D[:, :-1][chosen])
    return functional.cross_entropy(logits_N_V, batch.token_ids[:, 1:][chosen])


def train(
    model: Olmo2ForCausalLM,
    corpus: Corpus,
    plan: Sequence[np.ndarray],
    recipe: Recipe,
    phase: Phase,
    checkpoint: Path,
    *,
    checkpoint_every: int = 300,
    report: Report = lambda step, loss: None,
) -> None:
    """Train the model in place, going on from `checkpoint` if it exists.

    Args:
        model: Fresh weights on the device to train on.
        corpus: Encoded documents.
        plan: Document indices of every batch, `phase.steps` of them.
        recipe: Warm-up, weight decay, clipping.
        phase: Steps and learning rates.
        checkpoint: File that holds weights, optimiser state and step.
        checkpoint_every: Steps between writes.
        report: Told of every step.

    Raises:
        ValueError: The checkpoint was made by another phase or from other documents, or the
            loss is not finite.
    """
    device = next(model.parameters()).device
    pad_id = int(model.config.pad_token_id)
    optimisers = build_optimisers(
        model, phase.muon_learning_rate, phase.adamw_learning_rate, recipe.weight_decay
    )
    peaks = [[group["lr"] for group in optimiser.param_groups] for optimiser in optimisers]
    origin = {"phase": phase.model_dump_json(), "corpus": corpus.digest()}
    first = _restore(checkpoint, model, optimisers, origin) if checkpoint.exists() else 0
    model.train()
    for step in range(first, phase.steps):
        factor = learning_rate_factor(step, phase.steps, recipe.warmup_steps)
        for optimiser, peak in zip(optimisers, peaks, strict=True):
            for group, rate in zip(optimiser.param_groups, peak, strict=True):
                group["lr"] = rate * factor
        batch = padded(corpus, plan[step], pad_id)
        batch = Batch(batch.token_ids.to(device), batch.carries_loss.to(device))
        loss = batch_loss(model, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
        value = loss.item()
        if not np.isfinite(value):
            raise ValueError(f"loss {value} at step {step}: lower the learning rates")
        done = step + 1
        if done % checkpoint_every == 0 and done < phase.steps:
            _save(checkpoint, model, optimisers, origin, done)
        report(done, value)
    model.eval()


def _save(
    checkpoint: Path,
    model: Olmo2ForCausalLM,
    optimisers: Sequence[torch.optim.Optimizer],
    origin: dict[str, str],
    step: int,
) -> None:
    scratch = checkpoint.with_suffix(".writing")
    torch.save(
        {
            "model": model.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in optimisers],
            "origin": origin,
            "step": step,
        },
        scratch,
    )
    os.replace(scratch, checkpoint)


def _restore(
    checkpoint: Path,
    model: Olmo2ForCausalLM,
    optimisers: Sequence[torch.optim.Optimizer],
    origin: dict[str, str],
) -> int:
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")
    if state["origin"] != origin:
        raise ValueError(
            f"{checkpoint} was made by another phase or from other documents "
            f"({state['origin']}): remove {checkpoint.parent} to start anew, or give the same "
            "options"
        )
    model.load_state_dict(state["model"])
    for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(saved)
    return int(state["step"])
