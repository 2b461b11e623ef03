"""The training loop written out: what SFTTrainer does for us, in a page, without trl.

Held equal to `finetune.trainer` by a test. Read this one first.
"""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import torch
from peft import PeftModel
from torch.optim.lr_scheduler import LambdaLR

from finetune.adapter import load_adapter, trainable_parameters
from finetune.config import FinetuneConfig
from finetune.interventions.interface import Intervention
from finetune.masking import IGNORED, EncodedRow
from finetune.monitoring import DriftMonitor
from finetune.order import collate
from finetune.progress import RunFolder


def learning_rate_factor(step: int, steps: int, config: FinetuneConfig) -> float:
    """Share of the peak learning rate at optimiser step `step` (from 0) of `steps`."""
    if step < config.warmup_steps:
        return step / max(1, config.warmup_steps)
    if config.schedule == "constant":
        return 1.0
    done = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    if config.schedule == "cosine":
        return max(0.0, 0.5 * (1.0 + math.cos(math.pi * done)))
    return max(0.0, 1.0 - done)


def train_loop(
    model: PeftModel,
    rows: Sequence[EncodedRow],
    pad_token_id: int,
    config: FinetuneConfig,
    run: RunFolder,
    interventions: Sequence[Intervention] = (),
    monitor: DriftMonitor | None = None,
) -> None:
    """Train the model's adapter on rows that are already in order; resume when there is a state."""
    parameters = trainable_parameters(model)
    optimizer = torch.optim.AdamW(
        parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    scheduler = LambdaLR(optimizer, lambda step: learning_rate_factor(step, run.steps, config))
    torch.manual_seed(config.seed)
    done = _resume(model, optimizer, scheduler, run)
    run.start(done)
    if monitor is not None:
        monitor.start(run, done)
    device = torch.device(config.device)
    model.train()
    if config.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()

    rows_a_step = config.batch_size * config.gradient_accumulation
    for step in range(done, run.steps):
        step_rows = rows[step * rows_a_step : (step + 1) * rows_a_step]
        batches = [
            collate(step_rows[start : start + config.batch_size], pad_token_id)
            for start in range(0, len(step_rows), config.batch_size)
        ]
        # the mean is over the whole step's answer tokens, however they fall into batches
        tokens = sum(int((batch["labels"][:, 1:] != IGNORED).sum()) for batch in batches)
        step_loss = 0.0
        for batch_on_host in batches:
            batch = {name: tensor.to(device) for name, tensor in batch_on_host.items()}
            with ExitStack() as around:
                for intervention in interventions:
                    around.enter_context(intervention.training_step(model, batch))
                loss = answer_loss(model, batch, tokens, config.dtype)
                loss.backward()  # type: ignore[no-untyped-call]
            step_loss += loss.item()
        gradient_norm = torch.nn.utils.clip_grad_norm_(parameters, config.max_gradient_norm)
        learning_rate = scheduler.get_last_lr()[0]
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        run.log(step + 1, step_loss, float(learning_rate), float(gradient_norm))
        if monitor is not None and monitor.read(step + 1):
            run.stopped_at = step + 1
        if step + 1 in (*run.checkpoint_steps, run.stopped_at):
            run.save(step + 1, model, lambda folder: _save_state(folder, optimizer, scheduler))
        if run.stopped_at is not None:
            break


def answer_loss(
    model: torch.nn.Module,
    batch: dict[str, torch.Tensor],
    tokens: int | torch.Tensor,
    dtype: str = "float32",
) -> torch.Tensor:
    """Summed cross-entropy of the batch's answer tokens, in nats, divided by `tokens`."""
    has_loss_B_T = batch["labels"] != IGNORED
    # logits are wanted only from the earliest token that predicts an answer's
    first = int(has_loss_B_T.any(0).int().argmax())
    keep = batch["labels"].shape[1] - first + 1
    device = batch["input_ids"].device.type
    with torch.autocast(device, torch.bfloat16, enabled=dtype == "bfloat16"):
        logits_B_K_V = model(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            use_cache=False,
            logits_to_keep=keep,
        ).logits[:, -keep:-1]
    has_loss_B_K = has_loss_B_T[:, first:]
    total = torch.nn.functional.cross_entropy(
        logits_B_K_V[has_loss_B_K].float(),
        batch["labels"][:, first:][has_loss_B_K],
        reduction="sum",
    )
    return total / tokens


def _save_state(folder: Path, optimizer: torch.optim.Optimizer, scheduler: LambdaLR) -> None:
    state = {
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "random": torch.random.get_rng_state(),
    }
    torch.save(state, folder / "state.pt")


def _resume(
    model: PeftModel, optimizer: torch.optim.Optimizer, scheduler: LambdaLR, run: RunFolder
) -> int:
    """Load the last whole state, if any; the number of steps already done."""
    found = run.resumable()
    if found is None:
        return 0
    step, folder = found
    load_adapter(model, folder)
    state = torch.load(folder / "state.pt", weights_only=True)
    optimizer.load_state_dict(state["optimizer"])
    scheduler.load_state_dict(state["scheduler"])
    torch.random.set_rng_state(state["random"])
    return step
