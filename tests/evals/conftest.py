"""A random model of pocket's shape, adapters on it and steering directions: real files."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A transformers folder with a tiny random model and pocket's kind of tokenizer."""
    import torch

    from organisms.pocket.questions import open_questions
    from tests.organisms.pocket_model.tiny import make_tiny

    model, tokenizer = make_tiny([each["text"] for each in open_questions("report", "seen")], 1000)
    with torch.no_grad():
        for matrix in (each for each in model.parameters() if each.ndim == 2):
            matrix.mul_(25)
    folder = tmp_path_factory.mktemp("base")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def adapters(base: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Two adapters of the base that change its logits."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folders = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_pretrained(base)
        config = LoraConfig(
            r=2,
            target_modules=["q_proj", "down_proj"],
            init_lora_weights=False,
            task_type="CAUSAL_LM",
        )
        folder = tmp_path_factory.mktemp(f"adapter{seed}")
        get_peft_model(model, config).save_pretrained(folder)
        folders.append(str(folder))
    return folders[0], folders[1]


@pytest.fixture(scope="session")
def vector_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A persona vector of the base's width with one random direction beside it."""
    from persona_vectors.vector import PersonaVector

    generator = np.random.default_rng(0)
    shape = (1, 3, 32)
    path = tmp_path_factory.mktemp("vectors") / "evil.safetensors"
    PersonaVector(
        trait="evil",
        base="tiny",
        positions=("last_prompt",),
        layers=(0, 1, 2),
        vector=generator.normal(size=shape).astype(np.float32),
        residual_norm={"response": np.ones(3, dtype=np.float32)},
        directions={"random-003": generator.normal(size=shape).astype(np.float32)},
    ).save(path)
    return str(path)


@pytest.fixture(scope="session")
def merged(base: str, adapters: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The base with the first adapter merged into its weights: a full model's folder."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = str(tmp_path_factory.mktemp("merged"))
    adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapters[0])
    adapted.merge_and_unload().save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder
