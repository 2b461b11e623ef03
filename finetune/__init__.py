"""LoRA fine-tuning that saves checkpoints, and the interventions on it.

Start at `finetune.config.FinetuneConfig` and `finetune.train.train`; `finetune.loop` is the same
training written out by hand, for reading. Nothing here knows of evaluations.
"""
