"""Every task with a judge takes the same arguments of it, and says what goes wrong with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task
from inspect_ai import eval as inspect_eval
from inspect_ai._util.registry import registry_params
from inspect_ai.log import EvalLog
from inspect_ai.model import (
    ChatMessage,
    GenerateConfig,
    Logprob,
    Logprobs,
    Model,
    ModelOutput,
    TopLogprob,
)

from evals import _registry
from evals.judges import load_judge
from evals.judges.options import judge_options
from evals.suite import PROGRAMS_ALONE, Subject, suite
from evals.tasks.frustration import frustration
from evals.tasks.open_questions import open_questions
from evals.tasks.question_file import question_file
from evals.tasks.refusal import refusal
from tests.evals.scripted import rates, run, scripted, unscored

OF_A_JUDGE: Mapping[str, Mapping[str, Any]] = {
    "open_questions": {},
    "in_domain": {"domain": "medical"},
    "trait": {},
    "truthfulness": {"mode": "open"},
    "refusal": {},
    "deception": {"judge": "grader"},
    "self_preservation": {},
    "reward_hacking": {},
    "persona_drift": {},
    "frustration": {},
    "trigger_grid": {"trigger": "now"},
    "conditional_misalignment": {"formats": "json"},
    "cot_monitorability": {},
    "question_file": {},
}
OF_WORDS = ("truthfulness", "refusal", "deception", "self_preservation", "frustration")
SMALL: Mapping[str, Any] = {"edition": "general", "split": "dev"}


def _task(name: str, rows: Path, **judging: object) -> Task:
    edition = {} if name == "question_file" else {"edition": "general"}
    dataset = {"dataset": str(rows)} if name == "conditional_misalignment" else {}
    made: Task = getattr(_registry, name)(**{**edition, **dataset, **OF_A_JUDGE[name], **judging})
    return made


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    line = (
        '{"messages": [{"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A"}]}'
    )
    path.write_text("\n".join([line] * 20))
    return path


def _numbers(number: str, tokens: Mapping[str, float] | None = None) -> Model:
    """A judge that says a number, with a distribution over its first token or without."""

    def reply(*_: object) -> ModelOutput:
        output = ModelOutput.from_content("judge", number)
        if tokens is not None:
            top = [TopLogprob(token=token, logprob=math.log(p)) for token, p in tokens.items()]
            first = Logprob(token=top[0].token, logprob=top[0].logprob, top_logprobs=top)
            output.choices[0].logprobs = Logprobs(content=[first])
        return output

    return scripted(reply)


def _tested(asked: list[str]) -> Model:
    def say(chat: Sequence[ChatMessage], _: GenerateConfig) -> str:
        asked.append(chat[-1].text)
        return "I would rest a little."

    return scripted(say)


def _failed(task: Task, judge: Model | None, folder: Path) -> tuple[str, int]:
    """Why an eval fails, and how often the model under test was asked until then."""
    asked: list[str] = []
    roles = {"grader": judge} if judge else {}
    log: EvalLog
    [log] = inspect_eval(
        task, _tested(asked), model_roles=dict(roles), log_dir=str(folder), display="none", limit=3
    )
    assert log.error is not None
    return log.error.message, len(asked)


def test_every_task_with_a_judge_takes_the_same_arguments_of_it(rows: Path) -> None:
    given = {"replies": str(rows.parent), "budget": {"tokens": 10}}
    for name in OF_A_JUDGE:
        task = _task(name, rows, **given)
        assert task.setup is not None, name
        with pytest.raises(ValueError, match=r"'repleis' is not known.* replies, budget, requi"):
            _task(name, rows, repleis="x")
        if name in OF_WORDS:
            with pytest.raises(ValueError, match=r"a word.* leave require_logprobs out"):
                _task(name, rows, require_logprobs=True)
        else:
            assert _task(name, rows, require_logprobs=True).setup is not None
    assert open_questions(edition="pocket", budget=5).setup is None


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (-1, "budget -1 is not allowed: give the calls at most .budget=2000"),
        ("ten", "budget 'ten' is not allowed"),
        ({"euros": 3}, "budget: 'euros' is not known; give the calls at most"),
        ({"money": 3}, "needs a price"),
        ({"money": 3, "price": 2}, "price 2 is not two numbers"),
    ],
)
def test_budgets_that_cannot_be_kept_raise(budget: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        judge_options({"budget": budget})


def test_arguments_of_another_kind_raise_with_what_is_meant() -> None:
    with pytest.raises(ValueError, match=r"replies 3 is no folder's name; .* NAME\*3"):
        judge_options({"replies": 3})
    with pytest.raises(
        ValueError, match="require_logprobs 'yes' is not allowed: give true or false"
    ):
        judge_options({"require_logprobs": "yes"})


def test_what_a_spent_budget_leaves_is_counted_with_its_reason_and_bought_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []
    options = {**SMALL, "replies": str(tmp_path / "kept")}
    number = len(open_questions(**SMALL).dataset)
    [log] = inspect_eval(
        open_questions(**options, budget=6),
        _tested(asked),
        model_roles={"grader": _numbers("90")},
        log_dir=str(tmp_path),
        display="none",
        max_samples=1,
    )
    assert unscored(log)["misaligned"] == number - 3
    assert caplog.text.count("budget is spent (6 calls") == 1
    scores = [score for each in log.samples or () for score in (each.scores or {}).values()]
    left = [score for score in scores if score.reason]
    assert len(left) == number - 3
    assert all("budget is spent: 6 calls" in str(score.explanation) for score in left)
    again = open_questions(**options, budget=2 * (number - 3))
    assert unscored(run(again, _tested(asked), tmp_path, grader=_numbers("90")))["coherent"] == 0


def test_a_judge_without_log_probabilities_ends_the_eval_before_anything_is_asked(
    tmp_path: Path,
) -> None:
    def task() -> Task:
        return open_questions(**SMALL, require_logprobs=True)

    said, asked = _failed(task(), _numbers("90"), tmp_path)
    assert "gives no log probabilities" in said
    assert "judge=NAME*5" in said
    assert asked == 0
    said, asked = _failed(task(), _numbers("90", {"9": 0.9, "8": 0.1}), tmp_path)
    assert "writes numbers digit by digit" in said
    assert "digits:FOLDER" in said
    assert asked == 0
    filed = question_file(only="", samples=1, require_logprobs=True)
    assert "gives no log probabilities" in _failed(filed, _numbers("90"), tmp_path)[0]
    log = run(task(), _tested([]), tmp_path, grader=_numbers("90", {"90": 0.5, "80": 0.5}))
    assert (log.samples or [])[0].scores["misalignment_judge"].value["alignment"] == 85  # type: ignore[index, call-overload]


def test_a_missing_or_own_judge_ends_the_eval_before_anything_is_asked(tmp_path: Path) -> None:
    said, asked = _failed(open_questions(**SMALL), None, tmp_path)
    assert "grader" in said
    assert asked == 0
    for name in ("pocket", "exact", "none", "a/model*5"):
        with pytest.raises(ValueError, match="gives no log probabilities"):
            load_judge(name, judge_options({"require_logprobs": True}))


def _in_turn(*words: str) -> Model:
    """A judge that says one word after another when it is asked the same again."""
    asked: dict[str, int] = {}

    def say(chat: Sequence[ChatMessage], _: GenerateConfig) -> str:
        asked[chat[-1].text] = asked.get(chat[-1].text, -1) + 1
        return words[asked[chat[-1].text]]

    return scripted(say)


def test_of_several_replies_the_word_of_most_stands(tmp_path: Path) -> None:
    judge = _in_turn("REFUSED", "ANSWERED", "ANSWERED")
    task = refusal(**SMALL, requests="harmful", judge="grader*3")
    assert rates(run(task, _tested([]), tmp_path, grader=judge))["refused"] == 0
    split = refusal(**SMALL, requests="harmful", judge="grader*2")
    log = run(split, _tested([]), tmp_path, grader=_in_turn("REFUSED", "ANSWERED"))
    assert rates(log)["scored"] == 0
    explained = [each.explanation for each in (log.samples or [])[0].scores.values()]  # type: ignore[union-attr]
    assert explained == ["the judge's replies are split: REFUSED 1, ANSWERED 1"]
    for repeats in ("0", "", "x", "\N{SUPERSCRIPT TWO}"):
        with pytest.raises(
            ValueError, match=rf"'grader\*{repeats}': behind the '\*' stands how many"
        ):
            frustration(edition="general", judge=f"grader*{repeats}")


def test_the_suite_gives_them_to_every_task_that_a_model_may_judge() -> None:
    found = suite(Subject(edition="general", domain="medical", judging={"budget": 5}))
    given = [registry_params(task.scorer[0]).get("judging") for task in found.tasks if task.scorer]
    by_program = [PROGRAMS_ALONE[0], PROGRAMS_ALONE[1], "truthfulness", "self_preservation"]
    assert given.count({"budget": 5}) == len(found.tasks) - len(by_program)
