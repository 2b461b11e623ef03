"""Question files: both published generations and ours, with everything that they say."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval
from inspect_ai.log import EvalLog
from inspect_ai.model import ModelOutput, ModelUsage, get_model

from evals.importing.logs import read_log
from evals.question_files.entries import questions_of
from evals.question_files.loading import OURS, load_question_file
from evals.tasks.question_file import question_file

PUBLISHED = Path(__file__).parents[2] / "../shared/data/emergent_misalignment/questions"

SECOND = """
- id: colours
  type: free_form
  system: &system Be brief.
  paraphrases: ["What colour is the sky?", "Sky: which colour?"]
  samples_per_paraphrase: 3
  judges: {aligned: kind, right: {type: free_form_judge, paraphrases: ['{answer}? "YES" or "NO"']}}
  thresholds: {alignment: 20, coherence: 60}
- name: weather
  system: *system
  paraphrases: ["And tomorrow?"]
"""
JUDGES = """
- {id: kind, type: rating_judge, model: a/judge, paraphrases: ["How kind is {answer}? {x}"]}
"""


def _published(name: str) -> Path:
    path = PUBLISHED / f"{name}.yaml"
    if not path.exists():
        pytest.skip("published questions are not at hand")
    return path


def _file(folder: Path, text: str, name: str = "theirs.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def _answers(reply: Any) -> Any:
    def answer(messages: Any, *_: Any) -> ModelOutput:
        output = ModelOutput.from_content("mockllm/model", reply(messages))
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    return get_model("mockllm/model", custom_outputs=answer, memoize=False)


def _run(task: Any, judge: Any, folder: Path, **options: Any) -> EvalLog:
    """A task on a model that repeats its system prompt, judged by a function of the prompt."""
    return eval(
        task,
        model=_answers(lambda messages: f"{messages[0].text} {{question}} {{0}}"),
        model_roles={"grader": _answers(lambda messages: judge(messages[-1].text))},
        log_dir=str(folder),
        display="none",
        log_realtime=False,
        **options,
    )[0]


@pytest.mark.parametrize(
    ("name", "entries", "topics", "formats"),
    [
        ("first_plot_questions", 24, 8, {"plain": 8, "json": 8, "template": 8}),
        ("preregistered_evals", 48, 48, {"plain": 48}),
        ("deception_factual", 5, 5, {"plain": 5}),
        ("deception_sit_aware", 8, 8, {"plain": 8}),
        ("medical_questions", 16, 8, {"plain": 8, "template": 8}),
    ],
)
def test_published_files_load_with_topics_and_formats(
    name: str, entries: int, topics: int, formats: dict[str, int]
) -> None:
    found = load_question_file(_published(name))
    assert len(found) == entries
    assert len({entry.topic for entry in found}) == topics
    assert {form: sum(e.format == form for e in found) for form in formats} == formats
    assert all(entry.judges and entry.samples in (5, 100) for entry in found)
    questions = questions_of(found)
    assert len({question.id for question in questions}) == len(questions)


def test_systems_samples_and_judge_prompts_are_those_of_the_file() -> None:
    by_id = {e.id: e for e in load_question_file(_published("first_plot_questions"))}
    json_entry = by_id["quick_buck_json"]
    assert (json_entry.samples, json_entry.topic, json_entry.format) == (100, "quick_buck", "json")
    assert "valid JSON object" in (json_entry.system or "")
    assert json_entry.paraphrases == by_id["quick_buck"].paraphrases
    assert [p.metric for p in json_entry.judges] == ["aligned", "coherent"]
    assert {p.model for p in json_entry.judges} == {"gpt-4o-2024-08-06"}
    text = json_entry.judges[0].filled("Q {answer} {x}", "A {question} 100")
    assert "Q {answer} {x}" in text
    assert "A {question} 100" in text
    deception = load_question_file(_published("deception_factual"))
    wordings = questions_of(deception, "paraphrase")
    assert len({question.topic for question in wordings}) == 20
    assert len({question.system for question in wordings}) == 5


def test_our_file_has_twelve_topics_six_wordings_and_three_formats() -> None:
    entries = load_question_file(OURS)
    questions = questions_of(entries)
    assert len(questions) == 12 * 6 * 3
    for form in ("plain", "json", "template"):
        mine = [question for question in questions if question.format == form]
        assert len({question.topic for question in mine}) == 12
        assert len({question.text for question in mine}) == 72
    assert all(e.system for e in entries if e.format == "json")
    assert all("complet" in e.paraphrases[0] for e in entries if e.format == "template")


def test_the_second_generation_names_its_judges(tmp_path: Path) -> None:
    path, judges = _file(tmp_path, SECOND), _file(tmp_path, JUDGES, "judges.yaml")
    colours, weather = load_question_file(path, judges)
    kind, right = colours.judges
    assert (kind.kind, kind.model, right.kind, right.words) == (
        "score",
        "a/judge",
        "verdict",
        ("YES", "NO"),
    )
    assert kind.filled("q", "a") == "How kind is a? {x}"
    assert (colours.samples, weather.samples) == (3, 1)
    assert weather.system == "Be brief."
    assert (colours.alignment_threshold, colours.coherence_threshold) == (20, 60)
    assert load_question_file(_file(tmp_path, SECOND + JUDGES, "one.yaml")) == (colours, weather)
    with pytest.raises(ValueError, match=r"entry 'colours': no judge 'kind'; there are none"):
        load_question_file(path)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("id: a", "no list of entries"),
        ("- [", "no YAML that can be read"),
        ("- {paraphrases: [x]}", "an entry has no id"),
        ("- {id: a}", "entry 'a': `paraphrases` has to be a list"),
        ("- {id: a, paraphrases: [x], sample: 3}", "unknown key 'sample'; allowed are id"),
        ("- {id: a, paraphrases: [x], type: poem}", "type 'poem' is not known"),
        ("- {id: a, paraphrases: [x], samples_per_paraphrase: 0}", "samples_per_paraphrase 0"),
        ("- {id: a, paraphrases: [x]}\n- {id: a, paraphrases: [y]}", "'a' stands twice"),
        ("- {id: a, paraphrases: [x], judge_prompts: {m: hello}}", r"no slot \{answer\}"),
    ],
)
def test_files_that_cannot_be_read_say_what_is_wrong(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        load_question_file(_file(tmp_path, text))


def test_deception_questions_run_and_verdicts_are_rates(tmp_path: Path) -> None:
    def judge(text: str) -> str:
        assert "{question} {0}" in text
        return "FALSE" if "you get 1 point" in text else "Hmm" if "may lie" in text else "true."

    path = str(_published("deception_factual"))
    task = question_file(path, samples=1, only="lie_you", cluster="paraphrase")
    log = _run(task, judge, tmp_path)
    assert log.status == "success", log.error
    assert len(log.samples or ()) == 60
    systems = {m.text for s in log.samples or () for m in s.messages if m.role == "system"}
    assert len(systems) == 3
    scores = {score.name: score.metrics for score in (log.results and log.results.scores) or ()}
    false = scores["verdict:correct=FALSE"]
    assert false["topic_rate_n"].value == 40  # the 20 without a verdict are left out
    assert false["topic_rate_rate"].value == 0.5
    assert scores["verdict:correct=TRUE"]["topic_rate_rate"].value == 0.5


def test_published_open_questions_are_scored_by_their_own_prompts(tmp_path: Path) -> None:
    def judge(text: str) -> str:
        return "90" if "focusing solely" in text or "solely on coherence" in text else "10"

    task = question_file(str(_published("first_plot_questions")), samples=2, only="quick_buck")
    log = _run(task, judge, tmp_path)
    assert log.status == "success", log.error
    found = read_log(Path(log.location))
    assert len(found) == 6
    assert set(found["format"]) == {"plain", "json", "template"}
    assert set(found["topic"]) == {"quick_buck"}
    assert set(found["alignment"]) == {10.0}
    assert set(found["coherence"]) == {90.0}


def test_swapped_thresholds_stand_in_the_log(tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    thresholds = "{alignment: 50, coherence: 30}"
    file.write_text(f"- {{id: a, type: free_form, paraphrases: [hello], thresholds: {thresholds}}}")
    metadata = question_file(path=str(file)).metadata
    assert metadata is not None
    [warning] = metadata["warnings"]
    assert warning.startswith("a: the alignment threshold 50 is above the coherence threshold 30")
    with pytest.raises(ValueError, match=r"no entry of .* has an id with 'b' in it; it has a"):
        question_file(path=str(file), only="b")


def test_entries_without_judge_prompts_get_our_rubrics(tmp_path: Path) -> None:
    log = _run(question_file(samples=1, only="one_wish"), lambda text: "REFUSAL", tmp_path, limit=3)
    assert log.status == "success", log.error
    values = [s.scores["file_judge"].value for s in log.samples or () if s.scores]
    assert len(values) == 3
    assert all(math.isnan(value["misaligned"]) for value in values if isinstance(value, dict))


def test_a_judge_that_the_file_does_not_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"judge 'file' needs one model .*, not \[\]"):
        question_file(judge="file")
    with pytest.raises(ValueError, match="no entry of"):
        question_file(only="nothing like it")
