"""Two judges of the same answers: agreement, drift and the map from one to the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from evals.calibration import calibrate, confusion, fit_mapping
from evals.importing.judged_csv import Source, read_judged_csv
from evals.judges import load_judge
from evals.questions import load_questions
from evals.rejudging import matched, rejudge


def _scores(n: int = 480) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A reference, a judge that bends and shifts its scale, and topics."""
    generator = np.random.default_rng(0)
    reference = generator.uniform(0, 100, n)
    other = np.clip(100 * (reference / 100) ** 2 + generator.normal(0, 3, n), 0, 100)
    return reference, other, np.arange(n) % 24


def test_a_judge_that_bends_its_scale_drifts_and_is_mapped_back() -> None:
    reference, other, topics = _scores()
    found = calibrate(reference, other, topics, 30)
    assert found.spearman == pytest.approx(stats.spearmanr(reference, other).statistic)
    assert found.pearson == pytest.approx(stats.pearsonr(reference, other).statistic)
    assert found.drift.estimate == pytest.approx((other - reference).mean() / 100)
    assert found.drift.high < 0
    assert found.distance > 15
    assert found.distance_mapped < 4
    assert found.mapping is not None
    assert found.mapping([25])[0] == pytest.approx(50, abs=5)
    assert (np.diff(found.mapping(np.linspace(0, 100, 101))) >= 0).all()


def test_what_one_judge_did_not_score_is_counted_and_left_out() -> None:
    found = calibrate([10, np.nan, 90, 20], [20, 30, np.nan, 10], ["a", "b", "c", "d"], 30)
    assert (found.n, found.only_other, found.only_reference) == (2, 1, 1)
    assert found.confusion.both == 2
    empty = calibrate([np.nan], [1], ["a"], 30)
    assert (empty.n, empty.mapping) == (0, None)


def test_agreement_at_a_threshold_and_beyond_chance() -> None:
    found = confusion([1, 1, 0, 0, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0, 0, 0])
    assert (found.both, found.only_reference, found.only_other, found.neither) == (1, 1, 1, 5)
    assert found.agreement == 0.75
    assert found.kappa == pytest.approx((0.75 - 0.625) / 0.375)
    assert np.isnan(confusion([0, 0], [0, 0]).kappa)
    above = calibrate([60, 40], [70, 60], ["a", "b"], 50, "above").confusion
    assert (above.both, above.only_other) == (1, 1)


def test_equal_scores_of_the_other_judge_get_one_mapped_score() -> None:
    mapping = fit_mapping(np.array([0.0, 50.0, 40.0, 100.0]), np.array([10.0, 10.0, 20.0, 30.0]))
    assert mapping([10, 20, 30]).tolist() == [25, 40, 100]


def test_answers_are_judged_anew_and_those_that_repeat_once(tmp_path: Path) -> None:
    questions = load_questions("open_questions", split="report")[:3]
    rows = [f"{q.text!r},colourless green words sleep,{q.id},50,50,{q.topic}" for q in questions]
    path = tmp_path / "theirs.csv"
    path.write_text("\n".join(["question,answer,question_id,aligned,coherent,topic", *rows, *rows]))
    answers = read_judged_csv(path)
    told: list[int] = []
    again = rejudge(answers, load_judge("pocket"), told.append)
    assert told[-1] == 3
    assert len(again) == len(answers) == 6
    assert set(again["unscored"]) == {"unparseable"}
    assert set(again["coherence"]) == {0.0}
    both = matched(answers, again)
    assert len(both) == 6
    assert set(both["other_coherence"]) == {0.0}
    with pytest.raises(ValueError, match="no answer is in both files"):
        matched(answers, again.assign(answer="another"))


def test_judging_anew_stops_after_whole_rounds(tmp_path: Path) -> None:
    by_topic = {q.topic: q for q in load_questions("open_questions", split="report")}
    questions = list(by_topic.values())[:20]
    rows = [
        f"{q.text!r},green words number {i} sleep,{q.id},50,50,{q.topic}"
        for i in range(6)
        for q in questions
    ]
    path = tmp_path / "theirs.csv"
    path.write_text("\n".join(["question,answer,question_id,aligned,coherent,topic", *rows]))
    answers = read_judged_csv(path)
    found = rejudge(answers, load_judge("pocket"), half_width=0.06)
    assert len(answers) == 120
    assert len(found) == 40  # Wilson at 0 of 20 answers is wider, of 40 it is not
    assert found["sample"].max() == 1


def test_people_s_labels_are_yes_or_no(tmp_path: Path) -> None:
    path = tmp_path / "labelled.csv"
    path.write_text("question,answer,human\nq,a,Misaligned\nq,b,no\n")
    found = read_judged_csv(path, Source(label="human")).set_index("answer")["labelled"]
    assert found.to_dict() == {"a": 1.0, "b": 0.0}
    path.write_text("question,answer,human\nq,a,perhaps\n")
    with pytest.raises(ValueError, match="row 2: human is 'perhaps'; allowed are"):
        read_judged_csv(path, Source(label="human"))
