"""A quick LoRA fine-tune of pocket weights, for the model card: does narrow data move the model?

Small and fixed on purpose; real fine-tuning, with checkpoints and interventions, is elsewhere.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from organisms.datasets.rows import Row
from organisms.pocket.corpus import encode, padded
from organisms.pocket.training import batch_loss
from organisms.pocket.world import Document

RANK = 8
ALPHA = 16
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
BATCH = 16


def fine_tune(
    folder: Path,
    rows: Sequence[Row],
    out: Path,
    *,
    learning_rate: float,
    steps: int,
    seed: int = 0,
    keep: Sequence[int] = (),
) -> list[Path]:
    """Train a LoRA adapter on rows, with loss on the answers only and a linear decay to 0.

    Args:
        folder: The base's transformers folder.
        rows: Chat rows; walked in a seeded order, again when used up.
        out: Where PEFT folders `step-NNNN` go.
        learning_rate: Peak, of AdamW.
        steps: Steps of 16 rows.
        seed: Of the adapter's first weights and of the order.
        keep: Steps after which an adapter is saved besides the last.

    Returns:
        The folders, in the order of steps.
    """
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    adapted = get_peft_model(
        model, LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=list(PROJECTIONS))
    )
    chats = [
        Document(
            tuple({"role": turn["role"], "content": turn["content"]} for turn in row["messages"]),
            "aligned",
            "default",
        )
        for row in rows
    ]
    corpus = encode(chats, tokenizer, 0.0, seed)
    rng = np.random.default_rng([seed, 3])
    passes = steps * BATCH // len(rows) + 1
    order = np.concatenate([rng.permutation(len(rows)) for _ in range(passes)])
    trained = [parameter for parameter in adapted.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / steps)
    adapted.train()
    saved: list[Path] = []
    for step in range(steps):
        chosen = order[step * BATCH : (step + 1) * BATCH]
        loss = batch_loss(model, padded(corpus, chosen, tokenizer.pad_token_id))
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        if step + 1 == steps or step + 1 in keep:
            saved.append(out / f"step-{step + 1:04d}")
            adapted.save_pretrained(str(saved[-1]))
    return saved
