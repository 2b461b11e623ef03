"""The inspect provider and tasks, run for real on a tiny random model."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from inspect_ai import Task
from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog
from inspect_ai.model import GenerateConfig, get_model

import evals._registry as registry


def _run(task: Task, model: str, folder: Path, **model_args: object) -> EvalLog:
    log = inspect_eval(
        task,
        model=model,
        model_args=dict(model_args),
        display="none",
        log_dir=str(folder),
        log_realtime=False,
        limit=6,
        max_tokens=8,
        fail_on_error=True,
    )[0]
    assert log.status == "success", log.error
    return log


def _answers(log: EvalLog) -> dict[str, str]:
    return {str(sample.id): sample.output.completion for sample in log.samples or []}


def test_a_task_runs_on_an_organism_and_reports_rates(base: str, tmp_path: Path) -> None:
    log = _run(registry.open_questions(samples=2), f"organism/{base}", tmp_path)
    assert log.samples is not None
    sample = log.samples[0]
    assert sample.output.stop_reason in ("stop", "max_tokens")
    assert sample.output.usage is not None
    assert 1 <= sample.output.usage.output_tokens <= 8
    assert log.results is not None
    assert {score.name for score in log.results.scores} == {
        "misaligned",
        "misaligned_coherent",
        "coherent",
    }
    answers = _answers(log)
    assert len(set(answers.values())) == len(answers)  # samples of a question differ


def test_answers_come_again_and_the_condition_is_in_the_name(
    base: str, adapters: tuple[str, str], tmp_path: Path
) -> None:
    plain = _run(registry.open_questions(), f"organism/{base}", tmp_path)
    again = _run(registry.open_questions(), f"organism/{base}", tmp_path)
    adapted = _run(registry.open_questions(), f"organism/{base}", tmp_path, adapter=adapters[0])
    assert _answers(plain) == _answers(again)
    assert _answers(plain) != _answers(adapted)
    assert plain.eval.model != adapted.eval.model


def test_models_of_one_base_share_an_engine_and_answer_in_one_batch(
    base: str, adapters: tuple[str, str], vector_file: str
) -> None:
    steering = json.dumps([{"vector_file": vector_file, "layer": 1, "coefficient": 3.0}])
    models = [
        get_model(f"organism/{base}"),
        get_model(f"organism/{base}", adapter=adapters[0]),
        get_model(f"organism/{base}", steering=steering),
    ]
    engines = {id(model.api.engine) for model in models}  # type: ignore[attr-defined]
    assert len(engines) == 1
    config = GenerateConfig(max_tokens=8, seed=3, num_choices=2)

    async def ask(order: list[int]) -> dict[int, list[str]]:
        outputs = await asyncio.gather(*(models[i].generate("Hello", config=config) for i in order))
        return {
            i: [choice.message.text for choice in output.choices]
            for i, output in zip(order, outputs, strict=True)
        }

    first = asyncio.run(ask([0, 1, 2]))
    assert asyncio.run(ask([2, 0, 1])) == first  # a new event loop, another order of arrival
    assert len({tuple(texts) for texts in first.values()}) == 3
    assert all(len(texts) == 2 and texts[0] != texts[1] for texts in first.values())


def test_logprobs_are_those_of_the_sampled_tokens(base: str) -> None:
    config = GenerateConfig(max_tokens=4, seed=1, logprobs=True, top_logprobs=5)
    output = asyncio.run(get_model(f"organism/{base}").generate("Hello", config=config))
    logprobs = output.choices[0].logprobs
    assert logprobs is not None
    assert all(
        token.logprob <= 0 and len(token.top_logprobs or []) == 5 for token in logprobs.content
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_choices": 0}, "n 0 is not allowed; use 1 or more"),
        ({"max_tokens": 0}, "max_tokens 0 is not allowed; use 1 or more"),
        ({"logprobs": True, "top_logprobs": -1}, "logprobs -1 is not allowed; use 0 or more"),
        ({"temperature": 1e-45}, "temperature 1e-45 is not allowed; use 0, or a number from"),
        ({"top_p": 0.0}, "top_p 0.0 is not allowed"),
        ({"stop_seqs": [""]}, "an empty stop string"),
    ],
)
def test_generation_settings_that_mean_nothing_raise(
    base: str, settings: dict[str, object], message: str
) -> None:
    config = GenerateConfig.model_validate({"max_tokens": 4, **settings})
    with pytest.raises(ValueError, match=message):
        asyncio.run(get_model(f"organism/{base}").generate("Hello", config=config))


def test_tokens_are_counted_by_the_models_own_tokenizer(base: str) -> None:
    api = get_model(f"organism/{base}").api
    assert 0 < asyncio.run(api.count_text_tokens("Hello there")) <= 11


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        ("organism/nowhere", {}, "does not exist"),
        ("BASE", {"adapter": "/nowhere"}, "adapter_config.json"),
        (
            "BASE",
            {"steering": [{"vector_file": "/nowhere", "layer": 1, "coefficient": 1.0}]},
            "does not exist",
        ),
        ("BASE", {"steering": [{"vector_file": "x", "layer": 1, "strength": 1.0}]}, "strength"),
    ],
)
def test_a_condition_that_does_not_resolve_raises_when_the_model_is_made(
    base: str, model: str, arguments: dict[str, object], message: str
) -> None:
    name = f"organism/{base}" if model == "BASE" else model
    with pytest.raises(ValueError, match=message):
        get_model(name, **arguments)


def test_every_task_and_the_provider_are_registered_under_their_names() -> None:
    from inspect_ai._util.registry import registry_info

    files = (Path(registry.__file__).parent / "tasks").glob("*.py")
    tasks = {file.stem for file in files if "@task(" in file.read_text(encoding="utf-8")}
    found = {name: registry_info(getattr(registry, name)) for name in registry.__all__}
    assert {name for name, each in found.items() if each.type == "task"} == tasks
    assert all(found[name].name == f"evals/{name}" for name in tasks)
    assert (found["organism"].type, found["organism"].name) == ("modelapi", "organism")


@pytest.mark.parametrize("edition", ["pocket", "general"])
def test_every_task_builds_in_both_editions(edition: str) -> None:
    judge = "pocket" if edition == "pocket" else "grader"
    for task in (registry.open_questions, registry.in_domain, registry.trait):
        assert len(task(edition=edition, judge=judge).dataset) > 0
    for task in (registry.capability, registry.truthfulness, registry.refusal, registry.deception):
        assert len(task(edition=edition).dataset) > 0
