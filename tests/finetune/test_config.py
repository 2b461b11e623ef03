"""Configs that cannot be meant are refused before work, with the fix."""

import pytest
from pydantic import ValidationError

from finetune.config import PRESETS, FinetuneConfig, preset, resolve


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"max_steps": 10, "checkpoint_steps": (5, 20)}, "step 20 is beyond the last step, 10"),
        ({"max_steps": 10, "checkpoint_steps": (0, 5)}, "steps count from 1"),
        ({"max_steps": 10, "checkpoint_steps": (5, 2)}, r"write \[2, 5\]"),
        ({"max_steps": 10, "epochs": 1}, "exactly one"),
        ({}, "exactly one"),
        ({"max_steps": 10, "warmup_steps": 11}, "warmup_steps=11"),
        ({"max_steps": 10, "layers": (0, 1)}, "counted from 1"),
        ({"max_steps": 10, "target_modules": ()}, "target_modules is empty"),
        ({"max_steps": 10, "lr": 1}, "lr"),
    ],
)
def test_bad_fields_are_refused_with_the_fix(fields: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FinetuneConfig(**fields)


def test_a_checkpoint_beyond_the_epochs_is_refused_once_the_rows_are_known() -> None:
    config = FinetuneConfig(epochs=1, batch_size=4, checkpoint_steps=(2, 9))
    assert config.steps_for(36) == 9
    with pytest.raises(ValueError, match="step 9 is beyond the last step, 8"):
        config.steps_for(32)


def test_the_last_step_is_always_a_checkpoint() -> None:
    config = FinetuneConfig(max_steps=10, checkpoint_steps=(1,), checkpoint_every=4)
    assert config.checkpoints_for(10) == (1, 4, 8, 10)


def test_presets_are_the_stated_recipes() -> None:
    gentle, strong, real = preset("pocket"), preset("pocket_strong"), preset("real")
    assert (strong.learning_rate, strong.max_steps) == (2e-3, 60)
    assert (strong.rank, strong.alpha, strong.batch_size) == (8, 16, 16)
    assert gentle.learning_rate < strong.learning_rate
    assert (real.rank, real.alpha, real.rslora, real.learning_rate) == (32, 64, True, 1e-5)
    assert (real.epochs, real.batch_size, real.gradient_accumulation) == (1, 2, 8)
    assert real.warmup_steps == 5
    assert all(FinetuneConfig.model_validate(p.model_dump()) == p for p in PRESETS.values())


def test_resolve_takes_a_preset_with_changes() -> None:
    gentle = preset("pocket")
    assert resolve("pocket") == gentle
    changed = resolve({"preset": "pocket", "max_steps": 20, "rank": 1})
    assert (changed.max_steps, changed.rank) == (20, 1)
    assert changed.checkpoint_steps == tuple(s for s in gentle.checkpoint_steps if s <= 20)
    assert resolve({"preset": "real", "max_steps": 3}).epochs is None
    with pytest.raises(ValueError, match="unknown fine-tuning preset 'pokcet': choose from"):
        resolve("pokcet")
