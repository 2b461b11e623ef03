"""The production engine: trl's SFTTrainer on rows that are already tokenised and labelled.

What is ours is only what surrounds it: a fixed order of rows, interventions around each training
step, checkpoints as plain PEFT folders, a state to resume from; and what is left out, because it
costs time or reaches out of the folder: telemetry, model cards, token-accuracy metrics.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import (
    PreTrainedTokenizerBase,
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from trl import SFTConfig, SFTTrainer

from finetune.adapter import load_adapter
from finetune.config import FinetuneConfig
from finetune.interventions.interface import Intervention
from finetune.loop import answer_loss
from finetune.masking import EncodedRow
from finetune.monitoring import DriftMonitor
from finetune.order import collate
from finetune.progress import RunFolder


class CheckpointingTrainer(SFTTrainer):  # type: ignore[misc]
    """SFTTrainer with interventions around the training step and our own checkpoints."""

    def __init__(self, *, run: RunFolder, interventions: Sequence[Intervention], **kwargs: Any):
        self.run = run
        self.interventions = tuple(interventions)
        super().__init__(**kwargs)

    def training_step(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Forward and backward with every intervention held around both."""
        inputs = self._prepare_inputs(inputs)
        with ExitStack() as around:
            for intervention in self.interventions:
                around.enter_context(intervention.training_step(model, inputs))
            loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
        return loss

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """On a CPU the plain loss: trl's fused head saves memory, at twice the time of a step.

        It is the same sum over answer tokens, without the entropy and accuracy metrics.
        """
        if self.args.device.type != "cpu" or return_outputs or num_items_in_batch is None:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        return answer_loss(model, inputs, num_items_in_batch)

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Not counted: counting walks over every parameter at every step."""
        return 0

    def _send_telemetry(self) -> None:
        """None is sent."""

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        """A PEFT folder, and beside it the Trainer's own state to resume from."""

        def save_state(folder: Path) -> None:
            self._save_optimizer_and_scheduler(str(folder))
            self._save_rng_state(str(folder))
            self.state.save_to_json(str(folder / "trainer_state.json"))

        self.run.save(self.state.global_step, self.model, save_state)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        load_adapter(self.model, Path(resume_from_checkpoint))


class _Recorder(TrainerCallback):  # type: ignore[misc]
    """Writes each step to the run's folder, lets the monitor read, and asks for checkpoints at the
    stated steps, or for the end."""

    def __init__(self, run: RunFolder, monitor: DriftMonitor | None):
        self.run = run
        self.monitor = monitor

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        if self.monitor is not None and self.monitor.read(state.global_step):
            self.run.stopped_at = state.global_step
            control.should_training_stop = True
        control.should_save = state.global_step in (*self.run.checkpoint_steps, self.run.stopped_at)
        return control

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        if logs is not None and "loss" in logs:
            self.run.log(state.global_step, logs["loss"], logs["learning_rate"], logs["grad_norm"])


def train_trl(
    model: PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[EncodedRow],
    pad_token_id: int,
    config: FinetuneConfig,
    run: RunFolder,
    interventions: Sequence[Intervention] = (),
    callbacks: Sequence[TrainerCallback] = (),
    monitor: DriftMonitor | None = None,
) -> None:
    """Train the model's adapter on rows that are already in order; resume when there is a state."""
    found = run.resumable()
    run.start(found[0] if found else 0)
    if monitor is not None:
        monitor.start(run, found[0] if found else 0)
    dataset = Dataset.from_dict({"index": list(range(len(rows)))})
    trainer = CheckpointingTrainer(
        run=run,
        interventions=interventions,
        model=model,
        args=_arguments(config, run),
        train_dataset=dataset,
        processing_class=tokenizer,
        data_collator=lambda items: collate([rows[i["index"]] for i in items], pad_token_id),
        callbacks=[_Recorder(run, monitor), *callbacks],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=str(found[1]) if found else None)


def _arguments(config: FinetuneConfig, run: RunFolder) -> SFTConfig:
    return SFTConfig(
        output_dir=str(run.out),
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        max_length=None,
        train_sampling_strategy="sequential",
        dataloader_num_workers=0,
        dataloader_pin_memory=config.device != "cpu",
        per_device_train_batch_size=config.batch_size,
        gradient_accumulation_steps=config.gradient_accumulation,
        max_steps=run.steps,
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.schedule
        if config.schedule != "constant"
        else "constant_with_warmup",
        warmup_steps=config.warmup_steps,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_gradient_norm,
        optim="adamw_torch_fused",
        gradient_checkpointing=config.gradient_checkpointing,
        bf16=config.dtype == "bfloat16",
        use_cpu=config.device == "cpu",
        seed=config.seed,
        data_seed=config.seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        eval_strategy="no",
        report_to="none",
        disable_tqdm=True,
        skip_memory_metrics=True,
    )
