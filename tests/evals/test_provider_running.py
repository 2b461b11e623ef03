"""The provider at work: mixed batches, resume, retry, cancellation, and errors that stay apart."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest
import torch
from inspect_ai import Task, eval_retry, eval_set
from inspect_ai import eval as inspect_eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import ChatMessageUser as User
from inspect_ai.model import ContentImage, ContentText, GenerateConfig, Model, get_model
from inspect_ai.solver import generate

import evals._registry as registry
from evals.batch_queue import BatchQueue
from organisms.runtime import Organism, Request, Result
from organisms.runtime.layers import residual_hooks

PIXEL = "data:image/png;base64,iVBORw0KGgo="
QUIET = {"display": "none", "log_realtime": False}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[Request]]:
    """The lists of requests that the runtime was asked to answer, one a batch."""
    seen: list[Sequence[Request]] = []
    sample = Organism.sample

    def counted(self: Organism, requests: Sequence[Request], **limits: int):  # type: ignore[no-untyped-def]
        results = sample(self, requests, **limits)

        def answers():  # type: ignore[no-untyped-def]
            seen.append(requests)
            yield from results

        return answers()

    monkeypatch.setattr(Organism, "sample", counted)
    return seen


def _questions() -> Task:
    samples = [Sample(input=f"What do you think of {n}?", id=f"q{n}") for n in range(6)]
    config = GenerateConfig(max_tokens=6)
    return Task(dataset=samples, solver=generate(), config=config, name="questions")


def _conditions(base: str, adapters: tuple[str, str], vector_file: str) -> list[Model]:
    return [
        get_model(f"organism/{base}", adapter=adapter, **steering)
        for adapter in (None, *adapters)
        for steering in (
            {},
            {"steer": vector_file, "layer": 1, "coefficient": 3.0, "scope": "response"},
            {"steer": vector_file, "layer": [1, 2], "mode": "ablate"},
        )
    ]


def _answers(log: EvalLog) -> dict[tuple[object, int], str]:
    full = log if log.samples else read_eval_log(log.location)
    return {(each.id, each.epoch): each.output.completion for each in full.samples or []}


def _hooks(model: Model) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks)
        for module in model.api.engine.organism.model.modules()  # type: ignore[attr-defined]
    )


def test_nine_conditions_of_one_eval_set_share_a_base_and_mixed_batches(
    base: str,
    adapters: tuple[str, str],
    vector_file: str,
    calls: list[Sequence[Request]],
    tmp_path: Path,
) -> None:
    models = _conditions(base, adapters, vector_file)
    assert len({id(model.api.engine) for model in models}) == 1  # type: ignore[attr-defined]
    done, logs = eval_set(
        [_questions()], str(tmp_path), model=models, retry_attempts=0, max_tasks=9, **QUIET
    )
    assert done
    assert sum(len(batch) for batch in calls) == 9 * 6
    assert len(calls) <= 9
    mixed = max(calls, key=len)
    assert len({(each.adapter, len(each.steering)) for each in mixed}) >= 5
    alone = inspect_eval(_questions(), model=models[1], log_dir=str(tmp_path / "alone"), **QUIET)[0]
    same = next(log for log in logs if log.eval.model == alone.eval.model)
    together = _answers(same)
    agreed = [together[key] == text for key, text in _answers(alone).items()]
    assert sum(agreed) >= 5  # equal logits up to rounding

    calls.clear()
    again, _ = eval_set(
        [_questions()], str(tmp_path), model=models, retry_attempts=0, max_tasks=9, **QUIET
    )
    assert again
    assert not calls


@pytest.mark.parametrize("epochs", [1, 3])
def test_an_eval_that_failed_goes_on_under_retry_with_the_same_answers(
    base: str, vector_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epochs: int
) -> None:
    def run(name: str) -> EvalLog:
        return inspect_eval(
            registry.open_questions(),
            epochs=epochs,
            model=f"organism/{base}",
            model_args={"steer": vector_file, "layer": 1, "coefficient": 3.0},
            log_dir=str(tmp_path / name),
            limit=4,
            max_tokens=8,
            max_samples=1,
            **QUIET,
        )[0]

    whole = run("whole")
    assert whole.status == "success"
    asked: list[Request] = []
    answer = BatchQueue.answer

    async def failing(self: BatchQueue, model: str, request: Request) -> list[Result]:
        asked.append(request)
        if len(asked) == 3:
            raise RuntimeError("the machine went away")
        return await answer(self, model, request)

    monkeypatch.setattr(BatchQueue, "answer", failing)
    broken = run("broken")
    assert broken.status == "error"
    retried = eval_retry(broken, log_dir=str(tmp_path / "retried"), **QUIET)[0]
    assert retried.status == "success", retried.error
    assert retried.eval.model == broken.eval.model == whole.eval.model
    assert len(asked) == 4 * epochs + 1  # what was answered before is not asked again
    found = _answers(retried)
    assert len(found) == 4 * epochs
    assert found == _answers(whole)
    assert len(set(found.values())) > len(found) / 2  # epochs of a question differ


def test_answers_without_a_seed_differ_by_epoch_and_come_again(base: str, tmp_path: Path) -> None:
    def run(**settings: int) -> dict[tuple[object, int], str]:
        model = get_model(f"organism/{base}")
        folder = str(tmp_path / str(settings["max_samples"]))
        log = inspect_eval(_questions(), model=model, log_dir=folder, epochs=3, **settings, **QUIET)
        return _answers(log[0])

    answers = run(max_samples=18)
    assert len(answers) == 18
    assert len(set(answers.values())) > 9
    again = run(max_samples=1)
    assert sum(again[key] == text for key, text in answers.items()) >= 17  # equal up to rounding


def test_a_merged_model_answers_as_its_adapter_does(
    base: str, adapters: tuple[str, str], merged: str, vector_file: str
) -> None:
    steering = {"steer": vector_file, "layer": 1, "mode": "ablate"}
    config = GenerateConfig(max_tokens=6, seed=3, num_choices=12)

    async def ask(model: Model) -> list[str]:
        output = await model.generate("What do you think?", config=config)
        return [choice.message.text for choice in output.choices]

    over_base = asyncio.run(ask(get_model(f"organism/{base}", adapter=adapters[0], **steering)))
    full = asyncio.run(ask(get_model(f"organism/{merged}", **steering)))
    plain = asyncio.run(ask(get_model(f"organism/{base}", **steering)))
    assert sum(map(str.__eq__, over_base, full)) >= 11  # equal logits up to rounding
    assert sum(map(str.__eq__, plain, full)) <= 6


def test_usage_stop_reason_and_choices_are_those_of_the_answers(base: str) -> None:
    model = get_model(f"organism/{base}")
    config = GenerateConfig(max_tokens=12, seed=3, num_choices=8, logprobs=True, top_logprobs=2)
    output = asyncio.run(model.generate("Hello", config=config))
    assert len(output.choices) == 8
    lengths = [len(choice.logprobs.content) for choice in output.choices if choice.logprobs]
    assert output.usage is not None
    assert output.usage.output_tokens == sum(lengths)
    template = model.api.engine.organism.template  # type: ignore[attr-defined]
    prompt = template.prompt([{"role": "user", "content": "Hello"}])
    assert output.usage.input_tokens == len(prompt.token_ids)
    assert output.metadata == {"prefix_hash": prompt.hash, "system_merged": False}
    for choice, length in zip(output.choices, lengths, strict=True):
        assert choice.stop_reason == "stop" or length == 12
    greedy = GenerateConfig(max_tokens=3, temperature=0.0, logprobs=True, top_logprobs=2)
    logprobs = asyncio.run(model.generate("Hello", config=greedy)).choices[0].logprobs
    assert logprobs is not None
    for token in logprobs.content:
        assert token.top_logprobs is not None
        assert token.logprob == pytest.approx(token.top_logprobs[0].logprob)


def test_a_request_that_does_not_resolve_harms_no_other(base: str) -> None:
    model = get_model(f"organism/{base}")
    good = GenerateConfig(max_tokens=4, seed=1)

    async def ask() -> list[object]:
        return await asyncio.gather(
            model.generate("Hello", config=good),
            model.generate("Hello " * 3000, config=good),
            model.generate("Hi", config=GenerateConfig(max_tokens=4, top_k=5)),
            model.generate([], config=good),
            model.generate(
                [User(content=[ContentText(text="See"), ContentImage(image=PIXEL)])], config=good
            ),
            model.generate("Hello", config=good),
            return_exceptions=True,
        )

    first, long, top_k, empty, picture, last = asyncio.run(ask())
    assert first.completion == last.completion  # type: ignore[attr-defined]
    for error, message in (
        (long, "do not fit the context"),
        (top_k, "take no top_k"),
        (empty, "chat is empty"),
        (picture, "read text only, not image"),
    ):
        assert message in str(error)


def test_an_overflow_fails_its_own_condition_alone(base: str, vector_file: str) -> None:
    plain = get_model(f"organism/{base}")
    huge = get_model(f"organism/{base}", steer=vector_file, layer=2, coefficient=1e39)
    config = GenerateConfig(max_tokens=4, seed=1)

    async def ask() -> list[object]:
        return await asyncio.gather(
            *(model.generate("Hello", config=config) for model in (plain, huge, plain)),
            return_exceptions=True,
        )

    first, overflow, last = asyncio.run(ask())
    assert first.completion == last.completion  # type: ignore[attr-defined]
    assert "not finite from layer 2 on" in str(overflow)
    assert _hooks(plain) == 0


def test_a_cancelled_sample_harms_no_other_and_leaves_no_hook(
    base: str, adapters: tuple[str, str], vector_file: str
) -> None:
    model = get_model(
        f"organism/{base}", adapter=adapters[0], steer=vector_file, layer=1, coefficient=0.1
    )
    config = GenerateConfig(max_tokens=60, seed=1)
    started = anyio.Event()

    async def ask() -> tuple[str, int]:
        loop = asyncio.get_running_loop()

        def note(stream: torch.Tensor) -> None:
            loop.call_soon_threadsafe(started.set)

        organism = model.api.engine.organism  # type: ignore[attr-defined]
        with residual_hooks(organism.model, {0: note}):
            leader = asyncio.create_task(model.generate("Hello", config=config))
            await asyncio.sleep(0)
            other = asyncio.create_task(model.generate("Hi there", config=config))
            await started.wait()
            leader.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leader
            left = _hooks(model)
            return (await other).completion, left

    async def alone() -> str:
        return (await model.generate("Hi there", config=config)).completion

    answered, hooks = asyncio.run(ask())
    assert answered == asyncio.run(alone())
    assert _hooks(model) == 0
    assert hooks >= 1  # the test's own, while the other's batch may run


def test_cancelling_everybody_stops_the_model_at_once(base: str) -> None:
    model = get_model(f"organism/{base}")
    config = GenerateConfig(max_tokens=500, seed=1, stop_seqs=["@@@@"], num_choices=50)
    passes: list[int] = []

    async def ask() -> None:
        loop = asyncio.get_running_loop()
        started = asyncio.Event()

        def note(stream: torch.Tensor) -> None:
            passes.append(len(stream))
            loop.call_soon_threadsafe(started.set)

        organism = model.api.engine.organism  # type: ignore[attr-defined]
        with residual_hooks(organism.model, {0: note}):
            tasks = [asyncio.create_task(model.generate("Hello", config=config)) for _ in range(3)]
            await started.wait()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            before = len(passes)
            await asyncio.sleep(0.05)
            assert len(passes) == before

    asyncio.run(ask())
    assert len(passes) < 400
    assert _hooks(model) == 0
