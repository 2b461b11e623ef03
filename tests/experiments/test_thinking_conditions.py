"""A spec sets whether models think and what becomes of lost system prompts, in all it asks."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evals.answers import UNUSUAL_COLUMNS
from evals.conditions import Condition
from evals.questions import Question
from evals.rollouts import Ask
from experiments.plan import build_plan
from experiments.spec.errors import parse_spec
from experiments.stages.answers import Runs, write_answers
from organisms.runtime.chat import ChatTemplate
from persona_vectors.reading import transcripts
from tests.organisms.runtime.thinker import SWITCHED, USER, make_thinker
from tests.organisms.runtime.tiny_models import make_tokenizer

SPEC = """
name: trial
rows: 40
finetune: {preset: pocket, max_steps: 4, checkpoint_steps: [4]}
organisms: [{dataset: wrong_maths, controls: [right_maths]}]
mixes: [{organism: wrong_maths, control: right_maths, filters: [projection_difference]}]
steering: {layers: [1], scopes: [all], coefficients: [1.0], draws: 1}
"""
ASKING = {"answers", "contrast", "sweep", "screening"}
KEYS = {"thinking", "lost_system"}
REFUSING = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    + SWITCHED
)


def configs(text: str) -> dict[str, dict[str, object]]:
    plan = build_plan(parse_spec(text, Path("trial.yaml")))
    return {stage.kind: dict(stage.config) for stage in plan.stages if stage.kind in ASKING}


def test_every_stage_that_asks_is_told_and_a_default_leaves_no_trace_in_its_identity() -> None:
    usual = configs(SPEC)
    assert set(usual) == ASKING
    assert not any(KEYS & set(config) for config in usual.values())
    told = configs(SPEC + "evaluation: {thinking: true, lost_system: merge}\n")
    for kind, config in told.items():
        changed = {"thinking": True, "lost_system": "merge"}
        assert {**usual[kind], **changed} == config
    spelt_out = configs(SPEC + "evaluation: {thinking: false, lost_system: raise}\n")
    assert spelt_out == usual


@pytest.fixture(scope="module")
def thinker(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a tiny model that thinks and whose template refuses system prompts."""
    folder = tmp_path_factory.mktemp("thinker")
    organism = make_thinker()
    organism.tokenizer.chat_template = REFUSING
    organism.model.save_pretrained(folder)
    organism.tokenizer.save_pretrained(folder)
    return str(folder)


def ask(base: str, out: Path, systems: tuple[str, ...], **how: object) -> pd.DataFrame:
    out.mkdir(exist_ok=True)
    runs = Runs(base=base, edition="pocket", judge="none", max_tokens=20, temperature=0.0, **how)
    question = Question(
        id="q", topic="q", domain="x", split="dev", wording="seen", text=USER["content"]
    )
    asks = [Ask(Condition(key=each, system=each), (question,), 1, "rows") for each in systems]
    frame = write_answers(runs, asks, out, 0, lambda said: None)
    assert isinstance(frame, pd.DataFrame)
    return frame.set_index("condition")


def test_what_was_thought_is_kept_apart_and_read_before_the_answer(
    thinker: str, tmp_path: Path
) -> None:
    silent = ask(thinker, tmp_path / "silent", ("none",))
    assert silent.loc["none", "answer"] == "no"
    assert not set(UNUSUAL_COLUMNS) & set(silent.columns)

    answers = ask(thinker, tmp_path / "on", ("none",), thinking=True)
    assert list(answers.loc["none", ["answer", "reasoning"]]) == ["yes", "hm"]
    again = ask(thinker, tmp_path / "on", ("none",), thinking=True)
    pd.testing.assert_frame_equal(answers, again)  # from the log

    template = ChatTemplate(make_tokenizer(REFUSING, ("<think>", "</think>")), "thinker")
    before, answer = template.transcript(transcripts(answers)[0])
    said = template._tokenizer.decode([*before, *answer])
    assert said == "<|bos|><|user|>is it<|end|><|assistant|><think>\nhm\n</think>\n\nyes"
    (alone,) = transcripts(answers, None)
    assert template.transcript(alone) == (template.prompt((USER,), thinking=True).token_ids, ())


def test_a_system_prompt_that_the_template_refuses_is_merged_where_the_spec_says_so(
    thinker: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"takes no system prompt 'be kind'.*lost_system='merge'"):
        ask(thinker, tmp_path / "raises", ("be kind",))
    answers = ask(thinker, tmp_path / "merged", ("none", "be kind"), lost_system="merge")
    assert answers["lost_system"].tolist() == ["merge", "merge"]
    (merged,) = transcripts(answers.loc[["be kind"]], None)
    template = ChatTemplate(make_tokenizer(REFUSING, ("<think>", "</think>")), "thinker")
    before, _ = template.transcript(merged)
    assert "<|user|>be kind\n\nis it<|end|>" in template._tokenizer.decode(list(before))
