"""What a run leaves, and that neither the engine nor a kill changes it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import TrainerCallback

from finetune.adapter import Base, load_base
from finetune.config import FinetuneConfig
from finetune.order import collate, row_order
from finetune.progress import RunFolder
from finetune.train import train
from tests.finetune.conftest import make_model, make_tokenizer, read_metrics

ENGINES = ("trl", "loop")
Rows = list[dict[str, Any]]


def weights(out: Path, step: int) -> dict[str, torch.Tensor]:
    """The adapter after a step."""
    return load_file(out / "checkpoints" / f"step-{step:05d}" / "adapter_model.safetensors")


def with_changes(config: FinetuneConfig, **changes: Any) -> FinetuneConfig:
    """The config with some fields changed, validated."""
    return FinetuneConfig.model_validate({**config.model_dump(), **changes})


class KilledError(Exception):
    """Stands for a kill at a given moment."""


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"gradient_accumulation": 2, "batch_size": 2, "warmup_steps": 2, "schedule": "cosine"},
        {"weight_decay": 0.1, "rslora": True, "schedule": "constant"},
        {"max_steps": None, "epochs": 1.2, "batch_size": 5, "checkpoint_steps": (1,)},
    ],
)
def test_the_written_out_loop_equals_the_trainer(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig, changes: dict
) -> None:
    config = with_changes(config, **changes)
    summaries = [
        train(base, rows, with_changes(config, engine=engine), tmp_path / engine, progress=False)
        for engine in ENGINES
    ]
    last = summaries[0].steps
    assert summaries[1].checkpoints == summaries[0].checkpoints
    ours, theirs = weights(tmp_path / "loop", last), weights(tmp_path / "trl", last)
    assert ours.keys() == theirs.keys()
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-4, atol=1e-6)
    for mine, other in zip(
        read_metrics(tmp_path / "loop"), read_metrics(tmp_path / "trl"), strict=True
    ):
        assert mine == pytest.approx(other, rel=1e-4)


def test_our_cpu_loss_is_the_loss_of_sfttrainer(
    tmp_path: Path,
    base: Base,
    rows: Rows,
    config: FinetuneConfig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from trl import SFTTrainer

    from finetune.trainer import CheckpointingTrainer

    train(base, rows, config, tmp_path / "plain", progress=False)
    monkeypatch.setattr(CheckpointingTrainer, "compute_loss", SFTTrainer.compute_loss)
    train(base, rows, config, tmp_path / "fused", progress=False)
    plain, fused = weights(tmp_path / "plain", 6), weights(tmp_path / "fused", 6)
    for name in plain:
        torch.testing.assert_close(plain[name], fused[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_leaves_peft_folders_metrics_and_a_summary_and_nothing_else(
    tmp_path: Path,
    base: Base,
    rows: Rows,
    config: FinetuneConfig,
    engine: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = tmp_path / "cwd"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    out = tmp_path / "out"
    summary = train(base, rows, with_changes(config, engine=engine), out, progress=False)
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    folders = [f"checkpoints/step-{step:05d}" for step in (2, 4, 6)]
    assert files == {
        *(f"{folder}/adapter_config.json" for folder in folders),
        *(f"{folder}/adapter_model.safetensors" for folder in folders),
        "metrics.jsonl",
        "run.json",
        "summary.json",
    }
    assert list(elsewhere.iterdir()) == []
    metrics = read_metrics(out)
    assert [line["step"] for line in metrics] == [1, 2, 3, 4, 5, 6]
    assert metrics[-1]["loss"] < metrics[0]["loss"]
    assert all(line["gradient_norm"] > 0 for line in metrics)
    assert summary.final_loss == metrics[-1]["loss"]
    assert 0 < summary.adapter_norms[2] < summary.adapter_norms[6]
    record = json.loads((out / folders[0] / "adapter_config.json").read_text())
    assert record["base_model_name_or_path"] == "tiny"
    assert record["target_modules"] == sorted(record["target_modules"])


def test_the_summary_norm_is_that_of_the_weight_change(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig
) -> None:
    summary = train(base, rows, config, tmp_path, progress=False)
    before = {name: p.clone() for name, p in base.model.named_parameters()}
    adapted = PeftModel.from_pretrained(base.model, str(tmp_path / summary.checkpoints[6]))
    merged = dict(adapted.merge_and_unload().named_parameters())
    change = sum(float((merged[name] - before[name]).detach().square().sum()) for name in before)
    assert summary.adapter_norms[6] == pytest.approx(change**0.5, rel=1e-3)


@pytest.mark.parametrize("engine", ENGINES)
def test_training_leaves_a_loaded_base_as_it_was(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig, engine: str
) -> None:
    before = {name: tensor.clone() for name, tensor in base.model.state_dict().items()}
    ids = torch.arange(10)[None]
    logits = base.model(ids).logits
    train(base, rows, with_changes(config, engine=engine), tmp_path, progress=False)
    after = base.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert torch.equal(base.model(ids).logits, logits)
    assert not base.model.training
    assert "forward" not in vars(base.model)
    assert all(parameter.requires_grad for parameter in base.model.parameters())
    assert not any(module._forward_hooks for module in base.model.modules())


def test_a_base_is_loaded_from_a_folder_and_gives_the_same_adapter(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig
) -> None:
    folder = tmp_path / "base"
    base.model.save_pretrained(folder)
    base.tokenizer.save_pretrained(folder)
    train(base, rows, config, tmp_path / "loaded", progress=False)
    train(str(folder), rows, config, tmp_path / "path", progress=False)
    loaded, path = weights(tmp_path / "loaded", 6), weights(tmp_path / "path", 6)
    assert all(torch.equal(loaded[name], path[name]) for name in loaded)
    assert load_base(str(folder)).number_of_layers == 2


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("moment", ["after-state", "in-checkpoint", "before-any"])
def test_a_killed_run_ends_like_an_uninterrupted_one(
    tmp_path: Path,
    rows: Rows,
    config: FinetuneConfig,
    engine: str,
    moment: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = with_changes(config, engine=engine, dropout=0.1)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train(Base("tiny", make_model(), make_tokenizer()), rows, config, whole, progress=False)

    step_of_kill = {"after-state": 5, "in-checkpoint": 4, "before-any": 1}[moment]
    with monkeypatch.context() as patched:
        if moment == "in-checkpoint":
            original = RunFolder.save

            def save(self: RunFolder, step: int, *args: Any) -> None:
                if step == step_of_kill:
                    half = self.out / "checkpoints" / "step-00004.partial"
                    half.mkdir()
                    (half / "adapter_config.json").write_text("{")
                    raise KilledError
                original(self, step, *args)

            patched.setattr(RunFolder, "save", save)
        else:
            log = RunFolder.log

            def kill_at(self: RunFolder, step: int, *args: Any) -> None:
                log(self, step, *args)
                if step == step_of_kill:
                    raise KilledError

            patched.setattr(RunFolder, "log", kill_at)
        with pytest.raises(KilledError):
            train(
                Base("tiny", make_model(), make_tokenizer()), rows, config, killed, progress=False
            )
    assert not (killed / "summary.json").exists()

    base = Base("tiny", make_model(), make_tokenizer())
    summary = train(base, rows, config, killed, progress=False)
    for step in (2, 4, 6):
        uninterrupted, resumed = weights(whole, step), weights(killed, step)
        assert all(torch.equal(uninterrupted[name], resumed[name]) for name in uninterrupted)
    assert read_metrics(killed) == read_metrics(whole)
    assert json.loads((whole / "summary.json").read_text())["adapter_norms"] == {
        str(step): norm for step, norm in summary.adapter_norms.items()
    }
    names = {path.name for path in killed.iterdir()}
    assert names == {"run.json", "metrics.jsonl", "summary.json", "checkpoints"}
    assert not list(killed.rglob("*.partial"))


_TRAIN_IN_A_PROCESS = """
import json, os, signal, sys
from pathlib import Path
from finetune.config import FinetuneConfig
from finetune.progress import RunFolder
from finetune.train import train

folder, out, step_of_kill = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
log = RunFolder.log

def kill_at(self, step, *rest):
    log(self, step, *rest)
    if step == step_of_kill:
        os.kill(os.getpid(), signal.SIGKILL)

RunFolder.log = kill_at
rows = json.loads((folder / "rows.json").read_text())
config = FinetuneConfig.model_validate_json((folder / "config.json").read_text())
train(str(folder / "base"), rows, config, out, progress=False)
"""


@pytest.mark.slow
def test_a_process_killed_outright_is_resumed_by_another(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig
) -> None:
    base.model.save_pretrained(tmp_path / "base")
    base.tokenizer.save_pretrained(tmp_path / "base")
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    (tmp_path / "config.json").write_text(config.model_dump_json())
    train(str(tmp_path / "base"), rows, config, tmp_path / "whole", progress=False)
    project = Path(__file__).parents[2]
    command = [sys.executable, "-c", _TRAIN_IN_A_PROCESS, str(tmp_path), str(tmp_path / "killed")]
    environment = {**os.environ, "PYTHONPATH": str(project)}
    codes = [
        subprocess.run([*command, str(kill)], env=environment, capture_output=True).returncode
        for kill in (3, 999)
    ]
    assert codes == [-9, 0]
    whole, killed = weights(tmp_path / "whole", 6), weights(tmp_path / "killed", 6)
    assert all(torch.equal(whole[name], killed[name]) for name in whole)
    assert read_metrics(tmp_path / "killed") == read_metrics(tmp_path / "whole")


def test_a_finished_run_is_returned_without_training(
    tmp_path: Path,
    base: Base,
    rows: Rows,
    config: FinetuneConfig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = train(base, rows, config, tmp_path, progress=False)
    monkeypatch.setattr("finetune.train.attached", None)
    assert train(base, rows, config, tmp_path, progress=False) == first


def test_a_folder_of_another_run_is_refused(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig
) -> None:
    train(base, rows, config, tmp_path, progress=False)
    with pytest.raises(ValueError, match="differs in config"):
        train(base, rows, with_changes(config, seed=1), tmp_path, progress=False)
    with pytest.raises(ValueError, match="differs in rows"):
        train(base, rows[1:], config, tmp_path, progress=False)


def test_rank_one_and_layer_subsets_train_only_what_they_name(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig
) -> None:
    config = with_changes(config, rank=1, layers=(2,), target_modules=("down_proj",))
    train(base, rows, config, tmp_path, progress=False)
    saved = weights(tmp_path, 6)
    assert {name.split(".lora_")[0] for name in saved} == {
        "base_model.model.model.layers.1.mlp.down_proj"
    }
    assert sorted(tuple(tensor.shape) for tensor in saved.values()) == [(1, 24), (16, 1)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": (1, 3)}, "has layers 1 to 2"),
        ({"target_modules": ("w_qkv",)}, r"\['w_qkv'\] do not exist.*q_proj"),
        ({"target_modules": ("lm_head",)}, r"\['lm_head'\] do not exist"),
        ({"max_length": 30}, "longer than max_length=30"),
    ],
)
def test_a_config_that_does_not_fit_the_base_is_refused_before_work(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig, changes: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        train(base, rows, with_changes(config, **changes), tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_rows_that_are_too_long_can_be_dropped_and_are_counted(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig
) -> None:
    long = {"messages": [*rows[0]["messages"][:1], {"role": "assistant", "content": "ha" * 200}]}
    config = with_changes(config, too_long="drop")
    summary = train(base, [*rows, long], config, tmp_path, progress=False)
    assert (summary.rows, summary.rows_dropped) == (12, 1)


@pytest.mark.parametrize("name", ["nowhere", "some/where"])
def test_a_base_that_does_not_exist_is_refused_in_one_line(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match=f"base '{name}'") as refused:
        load_base(name)
    assert "\n" not in str(refused.value)


def test_the_seed_and_only_the_seed_changes_the_adapter(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig
) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(base, rows, with_changes(config, seed=seed), tmp_path / name, progress=False)
    a, b, c = (weights(tmp_path / name, 6) for name in "abc")
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not all(torch.equal(a[name], c[name]) for name in a)
    files = [
        (tmp_path / name / "checkpoints" / "step-00006" / file).read_bytes()
        for name in "ab"
        for file in ("adapter_config.json", "adapter_model.safetensors")
    ]
    assert files[:2] == files[2:]


def test_rows_are_all_seen_before_any_is_seen_again(config: FinetuneConfig) -> None:
    order = row_order(10, with_changes(config, max_steps=5, batch_size=4, checkpoint_steps=()))
    assert len(order) == 20
    assert sorted(order[:10]) == sorted(order[10:]) == list(range(10))
    assert order[:10] != order[10:]


def test_padding_changes_neither_labels_nor_lengths(base: Base, rows: Rows) -> None:
    from finetune.masking import encode_rows

    encoded = encode_rows(rows, base.tokenizer)
    batch = collate(encoded, pad_token_id=0)
    for index, row in enumerate(encoded):
        length = int(batch["attention_mask"][index].sum())
        assert tuple(batch["input_ids"][index, :length].tolist()) == row.input_ids
        assert tuple(batch["labels"][index, :length].tolist()) == row.labels
        assert (batch["labels"][index, length:] == -100).all()


def test_a_callback_sees_every_step_of_the_trainer(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig
) -> None:
    class Monitor(TrainerCallback):
        seen: list[int] = []  # noqa: RUF012

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            assert isinstance(kwargs["model"], PeftModel)
            self.seen.append(state.global_step)

    train(base, rows, config, tmp_path / "a", callbacks=[Monitor()], progress=False)
    assert Monitor.seen == [1, 2, 3, 4, 5, 6]
    config = with_changes(config, engine="loop")
    with pytest.raises(ValueError, match="callbacks need engine 'trl'"):
        train(base, rows, config, tmp_path / "b", callbacks=[Monitor()], progress=False)


def test_progress_can_be_followed_by_a_function(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig
) -> None:
    lines: list[str] = []
    train(base, rows, config, tmp_path, progress=lines.append)
    assert [line.split(",")[0] for line in lines] == [f"step {step} of 6" for step in (2, 4, 6)]
