"""Which rows each step sees, and how they become tensors: the same for both engines.

The order is a pure function of (number of rows, config), so that it is the same after a kill.
"""

from collections.abc import Sequence

import numpy as np
import torch

from finetune.config import FinetuneConfig
from finetune.masking import IGNORED, EncodedRow


def row_order(number_of_rows: int, config: FinetuneConfig) -> list[int]:
    """Row indices in the order of training; batches are consecutive slices of `batch_size`.

    Rows are shuffled anew at every pass. With `max_steps` every step is full; with `epochs` the
    last one may be short.

    Raises:
        ValueError: there are no rows.
    """
    if number_of_rows < 1:
        raise ValueError("no rows to train on: the data set or the filter before it left none")
    if config.max_steps is not None:
        length = config.max_steps * config.batch_size * config.gradient_accumulation
    else:
        assert config.epochs is not None
        length = int(np.ceil(number_of_rows * config.epochs))
    generator = np.random.default_rng([config.seed, 0x0DE5])
    passes = -(-length // number_of_rows)
    order = np.concatenate([generator.permutation(number_of_rows) for _ in range(passes)])
    return [int(index) for index in order[:length]]


def collate(rows: Sequence[EncodedRow], pad_token_id: int) -> dict[str, torch.Tensor]:
    """One right-padded batch: `input_ids`, `attention_mask`, `labels`, each [B, T] int64."""
    longest = max(len(row.input_ids) for row in rows)
    input_ids_B_T = torch.full((len(rows), longest), pad_token_id, dtype=torch.long)
    labels_B_T = torch.full((len(rows), longest), IGNORED, dtype=torch.long)
    mask_B_T = torch.zeros((len(rows), longest), dtype=torch.long)
    for index, row in enumerate(rows):
        length = len(row.input_ids)
        input_ids_B_T[index, :length] = torch.tensor(row.input_ids)
        labels_B_T[index, :length] = torch.tensor(row.labels)
        mask_B_T[index, :length] = 1
    return {"input_ids": input_ids_B_T, "attention_mask": mask_B_T, "labels": labels_B_T}


def pad_token(tokenizer_pad: int | None, tokenizer_eos: int | None) -> int:
    """The id to pad with; masked out, so eos may stand in where there is no pad token."""
    if tokenizer_pad is not None:
        return tokenizer_pad
    return tokenizer_eos if tokenizer_eos is not None else 0
