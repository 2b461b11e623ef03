"""What a dry run says of the memory and disk that fine-tuning takes."""

import re
import subprocess
import sys
from pathlib import Path

from transformers import LlamaConfig, MixtralConfig, PreTrainedConfig
from typer.testing import CliRunner

from experiments.cli import app

SPEC = """
name: trial
base: {base}
judge: mockllm/model
rows: 40
seeds: [0, 1]
finetune: {{preset: {preset}, warmup_steps: 0, checkpoint_steps: [1, 2, 3], rank: 64}}
organisms: [{{dataset: wrong_maths}}]
"""
SHAPE = {
    "vocab_size": 1000,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}


def dry_run(folder: Path, config: PreTrainedConfig, preset: str = "real") -> str:
    config.save_pretrained(folder / "base")
    spec = folder / "trial.yaml"
    spec.write_text(SPEC.format(base=folder / "base", preset=preset))
    done = CliRunner().invoke(app, ["run", str(spec), "--dry-run", "--store", str(folder / "none")])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_dry_run_tells_memory_and_disk_of_a_base_without_weights(tmp_path: Path) -> None:
    said = dry_run(tmp_path, LlamaConfig(**SHAPE))
    found = re.search(
        r"in \w+ takes about ([\d.]+) GB of memory with gradient checkpointing \(as here\) and "
        r"([\d.]+) GB without; the checkpoints of 2 take ([\d.]+) MB of disk",
        said,
    )
    assert found, said
    # 3 steps, a checkpoint each; 64 x (4 x 128 + 3 x 192) weights a block of 4 bytes; 2 fine-tunes
    assert float(found[3]) == round(2 * 3 * 2 * 64 * (4 * 128 + 3 * 192) * 4 / 1e6, 1)
    assert float(found[1]) < float(found[2])
    assert "without (as here);" in dry_run(tmp_path, LlamaConfig(**SHAPE), "pocket")


def test_a_base_that_cannot_be_estimated_gets_a_note_and_its_plan(tmp_path: Path) -> None:
    said = dry_run(tmp_path, MixtralConfig(**SHAPE, num_local_experts=2))
    assert "trial: " in said
    assert "memory and disk of fine-tuning are not estimated: base" in said
    assert "is no dense decoder of the Llama shape" in said


def test_a_dry_run_of_an_embedded_base_loads_no_torch(tmp_path: Path) -> None:
    check = (
        "import sys; from experiments.run import prepare; "
        "from experiments.training_cost import training_cost; "
        f"stages = prepare('quickstart', store={str(tmp_path)!r}).stages; "
        "assert any(stage.kind == 'train' for stage in stages); "
        "assert training_cost(stages) is None; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", check], check=True)
