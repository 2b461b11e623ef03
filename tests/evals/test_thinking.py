"""Under inspect, thinking is part of the condition, and reasoning never counts as the answer."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import read_eval_log
from inspect_ai.model import ContentReasoning, ContentText, GenerateConfig, ModelOutput, get_model

import evals._registry  # noqa: F401 - registers the provider
from evals.conditions import Condition
from evals.judges.interface import Grade
from evals.logs import Answered, read_rows, reasoning_of, write_log
from organisms.runtime import Result, Sampling
from tests.organisms.runtime.thinker import USER, make_thinker


@pytest.fixture(scope="module")
def thinker(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a tiny model that thinks."""
    folder = tmp_path_factory.mktemp("thinker")
    organism = make_thinker()
    organism.model.save_pretrained(folder)
    organism.tokenizer.save_pretrained(folder)
    return str(folder)


def _ask(model: str, thinking: bool) -> ModelOutput:
    config = GenerateConfig(max_tokens=20, temperature=0.0)
    return asyncio.run(
        get_model(f"organism/{model}", thinking=thinking).generate(USER["content"], config=config)
    )


def test_reasoning_is_content_of_its_own(thinker: str) -> None:
    output = _ask(thinker, True)
    content = output.choices[0].message.content
    assert content == [ContentReasoning(reasoning="hm"), ContentText(text="yes")]
    assert output.completion == "yes"
    assert output.usage is not None
    assert output.usage.reasoning_tokens == 8


@pytest.mark.parametrize("made_to_think", [True, False])
def test_an_effort_of_reasoning_goes_before_the_models_argument(
    thinker: str, made_to_think: bool
) -> None:
    model = get_model(f"organism/{thinker}", thinking=made_to_think)
    said = [
        asyncio.run(
            model.generate(
                USER["content"],
                config=GenerateConfig(max_tokens=20, temperature=0.0, reasoning_effort=effort),
            )
        )
        for effort in ("none", "low")
    ]
    assert [output.completion for output in said] == ["no", "yes"]
    assert [reasoning_of(output) for output in said] == ["", "hm"]


def test_thinking_is_part_of_the_models_name(thinker: str) -> None:
    on, off = _ask(thinker, True), _ask(thinker, False)
    assert off.completion == "no"
    assert off.usage is not None
    assert off.usage.reasoning_tokens is None
    assert on.model != off.model
    assert on.metadata is not None
    assert off.metadata is not None
    assert on.metadata["prefix_hash"] != off.metadata["prefix_hash"]


def test_what_a_lost_system_prompt_does_is_part_of_the_digest() -> None:
    plain = Condition(key="one", system="be kind")
    digests = {
        plain.digest(),
        plain.model_copy(update={"lost_system": "merge"}).digest(),
        plain.model_copy(update={"thinking": True}).digest(),
    }
    assert len(digests) == 3


def test_a_log_keeps_reasoning_beside_the_answer(tmp_path: Path) -> None:
    result = replace(
        Result(0, 0, "yes", (1, 2), "stop", 5, 3, None, "hash"), reasoning="hm", reasoning_tokens=2
    )
    answered = Answered(
        key={"condition": "c", "task": "t", "question": "q", "sample": 0, "final": True},
        truth={},
        model="organism/thinker@0",
        chat=[USER],
        result=result,
        grade=Grade(alignment=12.5, coherence=99.0),
    )
    path = tmp_path / "one.eval"
    write_log(
        path,
        [answered],
        base="thinker",
        task="evals/rollouts",
        judge="pocket",
        fingerprint="f",
        sampling=Sampling(),
        started=datetime.now(UTC),
    )
    assert [row["answer"] for row in read_rows(path)] == ["yes"]
    sample = (read_eval_log(str(path)).samples or [])[0]
    assert sample.output.choices[0].message.content == [
        ContentReasoning(reasoning="hm"),
        ContentText(text="yes"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"thinking": "deeply"}, "thinking='deeply': Input should be a valid boolean"),
        ({"lost_system": "drop"}, "lost_system='drop': Input should be 'raise' or 'merge'"),
        ({"thinking": True}, "has no thinking mode .*use thinking=False"),
        ({"system": "be kind"}, "takes no system prompt 'be kind'.*use lost_system='merge'"),
    ],
)
def test_what_the_template_cannot_do_is_refused_when_the_model_is_made(
    base: str, tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    refusing = tmp_path / "refusing"
    shutil.copytree(base, refusing)
    template = refusing / "chat_template.jinja"
    refusal = "{{ raise_exception('no system role') if messages[0]['role'] == 'system' }}"
    template.write_text(refusal + template.read_text())
    with pytest.raises(ValueError, match=message):
        get_model(f"organism/{refusing}", **arguments)
    merged = get_model(f"organism/{refusing}", system="be kind", lost_system="merge")
    output = asyncio.run(merged.generate("hello", config=GenerateConfig(max_tokens=2)))
    assert output.metadata is not None
    assert output.metadata["system_merged"]
