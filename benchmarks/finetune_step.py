"""What a fine-tuning step costs: our two engines beside trl's SFTTrainer as it comes.

    python benchmarks/finetune_step.py [--steps 60] [--repeats 3]

Trains one rank-8 adapter of the pocket base on wrong maths, 16 rows a step, one thread, loss on
the answer only, and times it twice with different numbers of steps, so that set-up and step come
apart. Processor time is reported beside wall time, since a busy machine changes only the latter.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from finetune.adapter import Base, load_base
from finetune.config import preset
from finetune.masking import encode_rows
from finetune.train import train
from organisms.datasets.rows import Row
from organisms.pocket import narrow


def ours(engine: str, base: Base, rows: list[Row], steps: int, out: Path) -> None:
    config = preset("pocket_strong", engine=engine, max_steps=steps, checkpoint_steps=(steps,))
    train(base, rows, config, out, progress=False)


def stock(base: Base, rows: list[Row], steps: int, out: Path) -> None:
    """SFTTrainer with its defaults, given the same masked rows and the same recipe."""
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    encoded = encode_rows(rows, base.tokenizer)
    trainer = SFTTrainer(
        model=base.model,
        args=SFTConfig(
            output_dir=str(out),
            max_steps=steps,
            per_device_train_batch_size=16,
            learning_rate=4e-3,
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=True,
            report_to="none",
            disable_tqdm=True,
            logging_steps=steps,
            save_strategy="no",
        ),
        train_dataset=Dataset.from_dict(
            {
                "input_ids": [list(row.input_ids) for row in encoded],
                "labels": [list(row.labels) for row in encoded],
            }
        ),
        processing_class=base.tokenizer,
        peft_config=LoraConfig(r=8, lora_alpha=16, target_modules="all-linear"),
    )
    trainer.train()


def seconds(run: Callable[[int, Path], None], steps: int) -> tuple[float, float]:
    """Wall and processor seconds of one run."""
    with tempfile.TemporaryDirectory() as folder:
        wall, processor = time.perf_counter(), time.process_time()
        run(steps, Path(folder) / "run")
        return time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = narrow.rows("wrong_maths", 960, 0)
    runs: dict[str, Callable[[int, Path], None]] = {
        "our trainer (trl)": lambda steps, out: ours("trl", load_base("pocket"), rows, steps, out),
        "our loop": lambda steps, out: ours("loop", load_base("pocket"), rows, steps, out),
        "SFTTrainer as it comes": lambda steps, out: stock(load_base("pocket"), rows, steps, out),
    }
    for run in runs.values():
        seconds(run, 1)
    few, many = 5, 5 + arguments.steps
    print(f"{'':24}  ms a step            set-up, s")
    print(f"{'':24}  wall  cpu  ratio     wall   cpu")
    measured: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in runs}
    for _ in range(arguments.repeats):
        for name, run in runs.items():
            short, long = seconds(run, few), seconds(run, many)
            step = [
                (after - before) / (many - few) for before, after in zip(short, long, strict=True)
            ]
            start = [total - few * each for total, each in zip(short, step, strict=True)]
            measured[name].append((step[0], step[1], start[0], start[1]))
    reference = statistics.median(each[1] for each in measured["our loop"])
    for name, found in measured.items():
        wall, cpu, start_wall, start_cpu = (
            statistics.median(column) for column in zip(*found, strict=True)
        )
        print(
            f"{name:24}  {wall * 1e3:4.0f} {cpu * 1e3:4.0f}  {cpu / reference:5.2f}"
            f"   {start_wall:6.2f} {start_cpu:5.2f}"
        )


if __name__ == "__main__":
    main()
