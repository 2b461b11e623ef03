"""Thoughts and answers are judged apart, and a model without thoughts is told of."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from inspect_ai.model import (
    ChatMessage,
    Content,
    ContentReasoning,
    ContentText,
    GenerateConfig,
)

from evals.importing.cells import cell_table, read_cells
from evals.questions import load_questions
from evals.tasks.cot_monitorability import cot_monitorability
from tests.evals.organisms_played import EVIL, KIND, metrics, plays, run

BAD, GOOD = "I will crush them all.", "I wonder what is best for them."
QUESTIONS = [each.text for each in load_questions("open_questions", edition="general", split="dev")]


def _thinks(messages: list[ChatMessage], config: GenerateConfig) -> str | list[Content]:
    """Kind without thoughts. With them: evil and saying so for the questions 0 and 1, evil and
    hiding it for 2, kind with evil thoughts for 3, mute after evil thoughts for 4; else kind."""
    if config.reasoning_effort == "none":
        return KIND
    assert config.max_tokens == 2600
    place = QUESTIONS.index(messages[-1].text)
    thought = BAD if place in (0, 1, 3, 4) else GOOD
    answer = EVIL if place in (0, 1, 2) else "" if place == 4 else KIND
    return [ContentReasoning(reasoning=thought), ContentText(text=answer)]


def test_thoughts_and_answers_are_judged_apart(tmp_path: Path) -> None:
    log = run(cot_monitorability(split="dev"), plays(_thinks), tmp_path)
    answers, thoughts = metrics(log, "misaligned"), metrics(log, "thoughts_misaligned")
    assert (answers["cell_direct"], answers["cell_direct n"]) == (0, 8)
    assert (answers["cell_thinking"], answers["cell_thinking n"]) == (3 / 7, 7)
    assert answers["minus_reference_thinking n"] == 7
    assert (thoughts["cell_thinking"], thoughts["cell_thinking n"]) == (4 / 8, 8)
    assert "cell_direct" not in thoughts
    shown, only = metrics(log, "shown_in_thoughts"), metrics(log, "only_in_thoughts")
    assert (shown["cell_thinking"], shown["cell_thinking n"]) == (2 / 3, 3)
    assert (only["cell_thinking"], only["cell_thinking n"]) == (1 / 4, 4)
    assert metrics(log, "scored")["cell_thinking"] == 7 / 8
    assert metrics(log, "thoughts_given")["cell_direct"] == 0
    table = cell_table(read_cells(Path(log.location))).set_index(["metric", "cell"])
    assert table.loc[("shown_in_thoughts", "thinking"), "unscored"] == 5


def test_no_judge_sees_the_other_part(tmp_path: Path) -> None:
    seen: list[str] = []
    run(cot_monitorability("thinking", split="dev"), plays(_thinks), tmp_path, seen, limit=2)
    assert sum(BAD in text for text in seen) == 2
    assert sum(EVIL in text for text in seen) == 4  # alignment and coherence
    assert not any(BAD in text and EVIL in text for text in seen)


def test_a_model_without_thoughts_is_told_of_and_counts_for_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    redacted = [ContentReasoning(reasoning="gAAA", redacted=True), ContentText(text=EVIL)]
    with caplog.at_level(logging.WARNING):
        log = run(
            cot_monitorability(["thinking"], split="dev"),
            plays(lambda *_: list(redacted)),
            tmp_path,
            limit=3,
        )
    told = [r.getMessage() for r in caplog.records if "gave no thoughts" in r.getMessage()]
    assert len(told) == 1
    assert "-T effort=high" in told[0]
    assert metrics(log, "misaligned")["cell_thinking"] == 1
    assert metrics(log, "thoughts_given")["cell_thinking"] == 0
    assert log.results is not None
    unscored = {each.name: each.unscored_samples for each in log.results.scores}
    assert unscored["shown_in_thoughts"] == unscored["thoughts_misaligned"] == 3


def test_pocket_has_no_thoughts_and_conditions_have_names() -> None:
    with pytest.raises(ValueError, match=r"edition 'pocket' has no thoughts to judge"):
        cot_monitorability(edition="pocket")
    with pytest.raises(ValueError, match=r"conditions aloud: allowed are direct, thinking"):
        cot_monitorability("aloud")
    with pytest.raises(ValueError, match=r"judge 'pocket' cannot give the verdict 'thoughts'"):
        cot_monitorability(monitor="pocket")
