"""The provider's adapters: trained vectors among them, and no more of them loaded than stated."""

from __future__ import annotations

import asyncio
import shutil
import threading
from pathlib import Path

import pytest
import torch
from inspect_ai.model import GenerateConfig, Model, get_model

import evals._registry  # noqa: F401 - registers the provider
from evals.engines import Engine
from organisms import load_organism
from organisms.runtime import Request, Sampling
from organisms.runtime.trained_vectors import save_trained_vectors
from persona_vectors.vector import PersonaVector

CHAT = ({"role": "user", "content": "What do you think?"},)


@pytest.fixture(scope="module")
def trained(base: str, vector_file: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three times the persona vector of layer 1, as a folder of trained vectors."""
    vector = PersonaVector.load(Path(vector_file)).at(1, "last_prompt", "vector")
    folder = tmp_path_factory.mktemp("trained")
    return str(save_trained_vectors(folder, {1: 3.0 * torch.tensor(vector)}, base))


def _said(model: Model) -> list[str]:
    config = GenerateConfig(max_tokens=6, seed=3, num_choices=12)
    output = asyncio.run(model.generate(CHAT[0]["content"], config=config))
    return [choice.message.text for choice in output.choices]


def test_a_trained_vector_as_adapter_answers_as_steering_with_it_does(
    base: str, trained: str, vector_file: str
) -> None:
    model = get_model(f"organism/{base}", adapter=trained)
    steered = get_model(f"organism/{base}", steer=vector_file, layer=1, coefficient=3.0)
    said = _said(model)
    assert sum(map(str.__eq__, said, _said(steered))) >= 11  # equal logits up to rounding
    assert sum(map(str.__eq__, said, _said(get_model(f"organism/{base}")))) <= 6
    assert model.name != get_model(f"organism/{base}").name


def test_a_trained_vector_that_does_not_fit_is_refused_when_the_model_is_made(
    base: str, tmp_path: Path
) -> None:
    for made, message in (
        ({1: torch.ones(16)}, r"shape \(16,\) at layer 1, the base has width 32"),
        ({9: torch.ones(32)}, r"layer 9 does not exist; this model has layers 0 \(embedding\) to"),
        ({1: torch.zeros(32)}, r"adapter '/.*/2@\w+' changes no logit .*: give the folder of"),
    ):
        folder = save_trained_vectors(tmp_path / str(len(list(tmp_path.iterdir()))), made, base)
        with pytest.raises(ValueError, match=message):
            get_model(f"organism/{base}", adapter=str(folder))


def _request(adapter: str | None, seed: int = 0) -> Request:
    return Request(CHAT, adapter=adapter, seed=seed, sampling=Sampling(max_tokens=4))


def test_adapters_used_least_recently_are_unloaded_and_come_again(
    base: str, adapters: tuple[str, str], trained: str
) -> None:
    engine = Engine(load_organism(base), most_adapters=2)

    def say(*names: str | None) -> list[object]:
        outcomes = engine.answer([_request(name) for name in names], threading.Event())
        return [each if isinstance(each, ValueError) else each[0].text for each in outcomes]

    first, second = (engine.adapter(folder) for folder in adapters)
    alone = say(first, second)
    assert say(first) == alone[:1]
    third = engine.adapter(trained)
    assert set(engine.organism.adapters) == {first, third}  # the second's use lies furthest back
    assert say(second) == alone[1:]
    assert set(engine.organism.adapters) == {second, third}
    together = say(first, None, second, third)  # all of one batch are there while it runs
    assert [together[0], together[2]] == alone
    assert set(engine.organism.adapters) == {second, third}
    assert [each.text for each in engine.sample([_request(first)])] == alone[:1]
    engine.release([first, second, third])
    assert engine.organism.adapters == ()
    assert say(second) == alone[1:]
    assert engine.adapter(adapters[1]) == second


def test_an_adapter_that_changed_while_it_was_unloaded_is_not_taken_for_the_old_one(
    base: str, adapters: tuple[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "adapter"
    shutil.copytree(adapters[0], folder)
    engine = Engine(load_organism(base), most_adapters=1)
    name, other = engine.adapter(str(folder)), engine.adapter(adapters[1])
    shutil.copy(Path(adapters[1]) / "adapter_model.safetensors", folder)
    changed, answered = engine.answer([_request(name), _request(other)], threading.Event())
    assert "has changed since this model was made" in str(changed)
    assert str(folder) in str(changed)
    assert isinstance(answered, list)
    assert engine.adapter(str(folder)) != name
