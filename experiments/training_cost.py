"""What a run's fine-tunes will take of memory and disk, said before anything is made.

Knows nothing of embedded bases: they take next to nothing, and a dry run of them loads no torch.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from experiments.stage import Stage
from organisms import EMBEDDED


def training_cost(stages: Sequence[Stage]) -> str | None:
    """One line: peak memory with and without gradient checkpointing, and disk, all estimated.

    Memory is that of the recipe that takes most; disk is of all fine-tunes together, those that are
    done included. None without fine-tunes of a base that is not embedded; where there is no
    estimate, the line says why.
    """
    trained = [
        stage for stage in stages if stage.kind == "train" and stage.config["base"] not in EMBEDDED
    ]
    if not trained:
        return None
    from finetune.config import FinetuneConfig
    from finetune.estimate import Estimate, estimate

    estimates: dict[str, Estimate] = {}
    base = str(trained[0].config["base"])
    configs = [FinetuneConfig.model_validate(stage.config["finetune"]) for stage in trained]
    kept = 0
    try:
        for config in configs:
            recipe = json.dumps(config.model_dump(mode="json", exclude={"seed"}))
            if recipe not in estimates:
                estimates[recipe] = estimate(base, config)
            kept += estimates[recipe].disk.kept
    except ValueError as error:
        return f"memory and disk of fine-tuning are not estimated: {error}"
    largest = max(estimates.values(), key=lambda each: each.plain.peak)
    recomputes = configs[0].gradient_checkpointing
    return (
        f"a fine-tune of {base} in {configs[0].dtype} takes about "
        f"{_gigabytes(largest.checkpointed.peak)} of memory with gradient checkpointing"
        f"{' (as here)' if recomputes else ''} and {_gigabytes(largest.plain.peak)} without"
        f"{'' if recomputes else ' (as here)'}; the checkpoints of {len(trained)} take "
        f"{_gigabytes(kept)} of disk, and while training "
        f"{_gigabytes(largest.disk.peak - largest.disk.kept)} more for each at work "
        "(estimated, not measured)"
    )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 5e7 else f"{size / 1e6:,.1f} MB"
