"""The estimate of memory and disk against what autograd keeps and what is written."""

import json
from pathlib import Path

import pytest
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MixtralConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from finetune.adapter import Base, attached, save_adapter, trainable_parameters
from finetune.config import FinetuneConfig, preset
from finetune.estimate import estimate
from finetune.loop import answer_loss
from tests.finetune.conftest import make_tokenizer

SHAPE = {
    "vocab_size": 500,
    "hidden_size": 96,
    "intermediate_size": 248,
    "num_hidden_layers": 4,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "tie_word_embeddings": False,
}
MOMENTS = ("exp_avg", "exp_avg_sq")
FAMILIES = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
}


def recipe(**changes: object) -> FinetuneConfig:
    fields = {"rank": 16, "max_steps": 20, "batch_size": 3, "max_length": 80}
    return FinetuneConfig.model_validate(fields | changes)


def kept_for_backward(model: PreTrainedModel, config: FinetuneConfig) -> tuple[int, int]:
    """Bytes of a full batch's step: what the loss keeps over the vocabulary, and all the rest."""
    model = model.to(getattr(torch, config.dtype))
    with attached(Base("tiny", model, make_tokenizer()), config) as trained:
        trained.train()
        if config.gradient_checkpointing:
            trained.gradient_checkpointing_enable({"use_reentrant": False})
            trained.enable_input_require_grads()
        weights = {weight.untyped_storage().data_ptr() for weight in trained.parameters()}
        kept: dict[int, torch.Tensor] = {}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            if tensor.untyped_storage().data_ptr() not in weights:
                kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
            return tensor

        ids = torch.arange(config.batch_size * config.max_length).reshape(config.batch_size, -1)
        labels = ids.clone()
        labels[:, 0] = -100
        mask = torch.ones_like(ids)
        mask[0, -1] = 0
        batch = {"input_ids": ids, "labels": labels, "attention_mask": mask}
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            answer_loss(trained, batch, 1, config.dtype)
    over_vocabulary = [each for each in kept.values() if each.shape[-1:] == (500,)]
    rest = [each for each in kept.values() if each.shape[-1:] != (500,)]
    sizes = [
        sum(each.untyped_storage().nbytes() for each in part) for part in (over_vocabulary, rest)
    ]
    return sizes[0], sizes[1]


def saved(model: PreTrainedModel, folder: Path) -> str:
    """A folder that holds the model's config.json and nothing else."""
    model.config.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize(
    ("family", "dtype", "targets"),
    [
        ("llama", "float32", "all-linear-projections"),
        ("qwen2", "bfloat16", "all-linear-projections"),
        ("qwen2", "float32", ("q_proj", "down_proj")),
        ("llama", "bfloat16", ("v_proj", "o_proj", "up_proj")),
    ],
)
def test_activations_are_what_autograd_keeps(
    tmp_path: Path, family: str, dtype: str, targets: object
) -> None:
    make_config, make_model = FAMILIES[family]
    model = make_model(make_config(**SHAPE))
    config = recipe(dtype=dtype, target_modules=targets)
    told = estimate(saved(model, tmp_path), config)
    over_vocabulary, kept = kept_for_backward(model, config)
    assert told.plain.activations == pytest.approx(kept, rel=0.1)
    # the other two thirds are gone before the backward pass
    assert told.plain.logits / 3 == pytest.approx(over_vocabulary, rel=0.05)
    checkpointed = config.model_copy(update={"gradient_checkpointing": True})
    _, kept_inputs = kept_for_backward(model, checkpointed)
    recomputed = kept / SHAPE["num_hidden_layers"]
    assert told.checkpointed.activations == pytest.approx(kept_inputs + recomputed, rel=0.1)


def test_weights_adapter_and_disk_are_what_is_there(tmp_path: Path) -> None:
    model = LlamaForCausalLM(LlamaConfig(**{**SHAPE, "tie_word_embeddings": True}))
    config = recipe(rank=128, layers=(2, 3), checkpoint_steps=(5, 10))
    told = estimate(saved(model, tmp_path), config)
    assert told.plain.base == sum(weight.numel() * 4 for weight in model.parameters())
    with attached(Base("tiny", model, make_tokenizer()), config) as trained:
        parameters = trainable_parameters(trained)
        save_adapter(trained, tmp_path / "adapter")
        optimizer = torch.optim.AdamW(parameters)
        for weight in parameters:
            weight.grad = torch.zeros_like(weight)
        optimizer.step()
        moments = [state[key] for state in optimizer.state.values() for key in MOMENTS]
        held = [*parameters, *(weight.grad for weight in parameters), *moments]
        assert told.plain.adapter == sum(each.nbytes for each in held if each is not None)
        torch.save(optimizer.state_dict(), tmp_path / "state.pt")
    file = (tmp_path / "adapter" / "adapter_model.safetensors").stat().st_size
    assert told.disk.checkpoint == pytest.approx(file, rel=0.01)
    assert told.disk.checkpoints == 3
    state = file + (tmp_path / "state.pt").stat().st_size
    assert told.disk.state == pytest.approx(state, rel=0.02)


def test_a_7b_is_told_from_its_config_alone(tmp_path: Path) -> None:
    seven = {
        "model_type": "qwen2",
        "architectures": ["Qwen2ForCausalLM"],
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "vocab_size": 152064,
        "tie_word_embeddings": False,
    }
    (tmp_path / "config.json").write_text(json.dumps(seven))
    told = estimate(str(tmp_path), preset("real", max_steps=94))
    assert told.plain.base == 2 * 7_615_616_512
    assert told.disk.checkpoint == 4 * 80_740_352
    assert told.checkpointed.activations < told.plain.activations / 10
    in_full = estimate(str(tmp_path), preset("real", max_steps=94, engine="loop"))
    assert in_full.plain.logits == 12 * 2 * 2048 * 152064 > 10 * told.plain.logits


def test_what_cannot_be_estimated_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"epochs=1.0: .* set max_steps to steps_for"):
        estimate("pocket", preset("real"))
    with pytest.raises(ValueError, match="config of base 'org/absent' is not at hand"):
        estimate("org/absent", recipe())
    experts = MixtralConfig(**{**SHAPE, "num_local_experts": 2})
    experts.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"no dense decoder of the Llama shape .* it has 0 in 4"):
        estimate(str(tmp_path), recipe())
