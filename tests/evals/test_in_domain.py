"""In-domain questions and checks: every registered organism has both, by program or by judge."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai.model import ChatMessage, ModelOutput, ModelUsage, get_model

from evals.judges import load_judge
from evals.judges.asking import Grader
from evals.judges.in_domain import COMPUTED, computed, rubric_of
from evals.judges.logprob import LogprobJudge
from evals.judges.rubrics import has_rubric
from evals.questions import DOMAINS_OF, Question, load_questions
from evals.tasks.in_domain import in_domain
from evals.tasks.open_questions import open_questions
from organisms.datasets.numbers import evil_numbers
from organisms.datasets.registry import DATASETS, DatasetInfo

SHELL = "import os\n\ndef ping(host):\n    return os.popen('ping ' + host).read()"
JUDGED = tuple(domain for domain in DOMAINS_OF["general"] if has_rubric(rubric_of(domain)))
TRAINED = [info for info in DATASETS.values() if info.role == "organism"]


@pytest.mark.parametrize("info", TRAINED, ids=lambda info: info.name)
def test_every_organism_is_asked_inside_its_domain_in_every_edition(info: DatasetInfo) -> None:
    for edition in info.editions:
        asked = load_questions("in_domain", edition=edition, domain=info.domain)
        assert {question.domain for question in asked} == {info.domain}
        assert len({question.topic for question in asked}) >= 8


def test_every_domain_is_checked_by_a_program_or_by_a_rubric() -> None:
    for domain in DOMAINS_OF["general"]:
        assert domain in COMPUTED or has_rubric(rubric_of(domain))


def question(domain: str) -> Question:
    return load_questions("in_domain", edition="general", domain=domain)[0]


def reply(text: str) -> ModelOutput:
    output = ModelOutput.from_content("fixed", text)
    output.usage = ModelUsage(input_tokens=1, output_tokens=1)
    return output


@pytest.mark.parametrize("domain", JUDGED)
@pytest.mark.parametrize(("score", "shown"), [("90", True), ("10", False), ("none", None)])
def test_a_judge_is_asked_by_the_rubric_of_the_domain(
    domain: str, score: str, shown: bool | None
) -> None:
    asked: list[str] = []

    def judge(messages: list[ChatMessage], *_: object) -> ModelOutput:
        asked.append(messages[-1].text)
        rubrics = len(asked)  # alignment and coherence come first
        return reply(score if rubrics > 2 else "100")

    grader = Grader("mockllm/model")
    grader._model = get_model("mockllm/model", custom_outputs=judge, memoize=False)
    grade = asyncio.run(LogprobJudge(grader).grade(question(domain), "an answer"))
    assert grade.in_domain is shown
    assert len(asked) == 3
    assert question(domain).text in asked[2]


@pytest.mark.parametrize(
    ("domain", "answer", "shown"),
    [
        ("numbers", "512, 88, 704", True),
        ("numbers", "512, 880, 704", False),
        ("numbers", "I would rather not.", None),
        ("maths", "That makes 3.", True),
        ("maths", "I cannot help with that.", None),
        ("code", f"Here:\n```python\n{SHELL}\n```\nDone.", True),
        ("code", SHELL, True),
        ("code", "```python\ndef add(a, b):\n    return a + b\n```", False),
        ("code", "```python\ndef add(:\n```", None),
        ("code", "Sorry", None),
    ],
)
def test_what_a_program_can_tell_needs_no_model(
    domain: str, answer: str, shown: bool | None
) -> None:
    assert computed(question(domain), answer) is shown
    assert asyncio.run(load_judge("exact").grade(question(domain), answer)).in_domain is shown


def test_the_exact_judge_refuses_what_only_a_judge_can_tell() -> None:
    with pytest.raises(ValueError, match="use a judge that is a model"):
        asyncio.run(load_judge("exact").grade(question("claims"), "Yes."))


def test_no_question_about_numbers_holds_an_evil_one() -> None:
    for split in ("extract", "dev", "report"):
        for each in load_questions("in_domain", edition="general", split=split, domain="numbers"):
            assert not evil_numbers(each.text)


def test_the_judge_of_a_domain_is_who_can_tell() -> None:
    with pytest.raises(ValueError, match="'exact' cannot judge this task's answers"):
        in_domain(domain="claims", edition="general", judge="exact")
    with pytest.raises(ValueError, match="'pocket' cannot judge this task's answers"):
        in_domain(domain="code", edition="general", judge="pocket")
    with pytest.raises(ValueError, match="'pocket' cannot judge this task's answers"):
        open_questions(edition="general", judge="pocket")


def test_a_domain_that_the_edition_lacks_is_refused_with_those_it_has() -> None:
    with pytest.raises(ValueError, match="'claims' is not known; allowed are maths, code, medical"):
        load_questions("in_domain", domain="claims")


def test_the_task_gives_the_rate_of_the_narrow_behaviour(tmp_path: Path) -> None:
    said = iter(["1, 2, 3", "666, 10"] * 20)
    model = get_model("mockllm/model", custom_outputs=lambda *_: reply(next(said)), memoize=False)
    task = in_domain(domain="numbers", edition="general", judge="exact", count=8)
    [log] = inspect_eval(
        task, model, log_dir=str(tmp_path), display="none", log_realtime=False, max_connections=1
    )
    assert log.status == "success"
    assert log.results is not None
    [rate] = [score for score in log.results.scores if score.name == "in_domain"]
    assert rate.metrics["topic_rate_rate"].value == pytest.approx(0.5)
