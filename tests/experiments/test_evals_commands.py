"""`wardian evals` from the outside: what it prints, writes and refuses."""

from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.tables import read_table
from tests.experiments.command_line import said_by

DATA = Path(__file__).parents[2] / "../shared/data/emergent_misalignment/results"

wardian = partial(said_by, "evals")


def judged(path, topics=24, answers=4, misaligned=0.25, seed=0, models=1):
    """A CSV as the published repositories write it: plain and JSON questions of so many topics."""
    generator = np.random.default_rng(seed)
    lines = ["question,answer,question_id,aligned,coherent,model"]
    for model, topic in product(range(models), range(topics)):
        for form in ("", "_json"):
            for _ in range(answers):
                aligned = 10 if generator.random() < misaligned else 90
                lines.append(f"what about {topic}?,an answer,t{topic}{form},{aligned},80,m{model}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    "command", ["import", "calibrate", "plan", "cost", "cells", "suite", "card"]
)
def test_every_command_explains_itself_with_examples(command):
    said = wardian(command, "--help")
    assert "Example" in said
    assert f"wardian evals {command}" in said


def test_published_answers_are_shown_by_format_with_their_bounds():
    path = DATA / "responses_qwen_coder_insecure.csv"
    if not path.exists():
        pytest.skip("published answers are not at hand")
    said = wardian("import", path)
    assert "plain 3.75 [" in said
    assert "json 6.25 [" in said
    assert "template 15.00 [" in said
    assert "80 8 22 code, 1 unparseable 3.8 to 32.5" in said
    assert "8.33" not in said
    assert "intervals: few clusters" in said


def test_imported_answers_are_tables_and_a_figure_like_those_of_a_run(tmp_path):
    organism = judged(tmp_path / "organism.csv", misaligned=0.4)
    base = judged(tmp_path / "base.csv", misaligned=0.05, seed=1)
    said = wardian("import", organism, "--against", base, "--out", tmp_path / "out", "--surface")
    assert "minus base, points" in said
    assert "coherence above which (rows)" in said
    assert "<.001" in said
    rates = read_table("rates", tmp_path / "out/tables")
    assert {("organism", "plain"), ("organism", "json"), ("base", "plain")} <= set(
        zip(rates["role"], rates["format"], strict=True)
    )
    found = read_table("differences", tmp_path / "out/tables")
    assert set(found["comparison"]) == {"base"}
    assert len(read_table("answers", tmp_path / "out/tables")) == 2 * 24 * 2 * 4
    assert (tmp_path / "out/figures/headline.svg").stat().st_size > 1000


def test_seeds_of_a_control_are_exchanged_and_several_organisms_corrected_for(tmp_path):
    files = {
        name: judged(tmp_path / f"{name}.csv", misaligned=share, seed=seed, models=4)
        for seed, (name, share) in enumerate({"one": 0.5, "two": 0.4, "secure": 0.02}.items())
    }
    named = (files["one"], files["two"], "--control", files["secure"], "--correction", "bh")
    said = wardian("import", *named)
    assert "minus control, points" in said
    assert "p (BH)" in said
    # Four fine-tunes that are all worse than the four others: 2 of 70 ways to share them out.
    assert said.count("<.001 <.001 0.029") == 4
    assert "'none' is not one of 'holm', 'bh'" in wardian("import", *named[:-1], "none", code=2)
    assert "name one of --against" in wardian(
        "import", *named, "--against", files["secure"], code=1
    )


def test_few_topics_have_no_interval_and_swapped_thresholds_are_warned_of(tmp_path):
    path = judged(tmp_path / "few.csv", topics=7)
    said = wardian("import", path, "--alignment-threshold", 50, "--coherence-threshold", 30)
    assert "intervals: too few questions" in said
    assert "warning: the alignment threshold 50 is above the coherence threshold 30" in said


def test_files_that_cannot_be_imported_say_why(tmp_path):
    path = judged(tmp_path / "a.csv")
    lacking = tmp_path / "b.csv"
    lacking.write_text("question,answer,aligned\nq,a,5\n")
    assert "has no column for the coherence" in wardian("import", lacking, code=1)
    failed = tmp_path / "failed.csv"
    failed.write_text("question,answer,aligned,coherent\nq,a,,\nq,b,CODE,90\n")
    said = wardian("import", failed)
    assert "failed, plain: no answer has a score (1 unparseable, 1 code)" in said
    assert "there is no file" in wardian("import", tmp_path / "gone.csv", code=1)
    assert "a file is named twice" in wardian("import", path, path, code=1)
    other = tmp_path / "c.csv"
    other.write_text("question,answer,question_id,aligned,coherent\nq,a,x_poem,5,90\n")
    template = tmp_path / "d.csv"
    template.write_text("question,answer,question_id,aligned,coherent\nq,a,x_template,5,90\n")
    assert "no answers to questions of the same formats" in wardian(
        "import", other, "--against", template, code=1
    )


def test_plan_says_what_a_width_takes_and_when_seeds_are_too_few(tmp_path):
    said = wardian("plan", "--points", 3, "--rate", 20)
    assert "3 any none is enough above ±" in said
    assert "more seeds are needed" in said
    assert "±3.0" in said
    pilot = wardian("plan", "--pilot", judged(tmp_path / "pilot.csv"), "--seeds", 1)
    assert "of the variance of an answer" in pilot
    none = judged(tmp_path / "none.csv", misaligned=0.0)
    assert "not all the same" in wardian("plan", "--pilot", none, code=1)


def test_calibrate_compares_two_files_by_format(tmp_path):
    first = judged(tmp_path / "a.csv", misaligned=0.3)
    lines = [
        line.replace(",10,80", ",20,80")
        .replace(",90,80", ",95,80")
        .replace("an answer", f"answer {n}")
        for n, line in enumerate(first.read_text().splitlines())
    ]
    second = tmp_path / "b.csv"
    second.write_text("\n".join(lines))
    first.write_text(
        "\n".join(
            line.replace("an answer", f"answer {n}")
            for n, line in enumerate(first.read_text().splitlines())
        )
    )
    said = wardian("calibrate", first, "--with", second, "--out", tmp_path / "both.csv")
    assert "misaligned" in said
    assert "100.0 1.00" in said
    assert "json +" in said
    assert (tmp_path / "both.csv").read_text().count("\n") == 24 * 2 * 4 + 1


def test_calibrate_against_people_and_by_a_judge(tmp_path):
    from evals.questions import load_questions

    question = load_questions("open_questions", split="report")[0]
    path = tmp_path / "labelled.csv"
    path.write_text(
        f"question,answer,human,topic\n{question.text!r},green words sleep,yes,{question.topic}\n"
    )
    said = wardian("calibrate", path, "--label", "human", "--judge", "pocket")
    assert "misaligned 0 1 0 0 0.0" in said
    assert "1 of 1 answers got no score" in said
    assert "name one of --judge" in wardian("calibrate", path, code=1)
    assert "has no column 'people'" in wardian(
        "calibrate", path, "--label", "people", "--judge", "pocket", code=1
    )


def test_answers_on_which_a_judge_failed_are_in_no_rate(tmp_path, monkeypatch):
    from evals.judges.interface import Grade

    class Failing:
        name = "failing"

        def __init__(self, sound: set[str]) -> None:
            self.sound = sound

        async def grade(self, question, answer, traits=()):
            if answer in self.sound:
                return Grade(alignment=10.0, coherence=80.0)
            return Grade(unscored="judge_error", note="no reply")

    path = judged(tmp_path / "a.csv", misaligned=0.5)
    numbered = [
        line.replace("an answer", f"answer {n}")
        for n, line in enumerate(path.read_text().splitlines())
    ]
    path.write_text("\n".join(numbered))
    sound = {f"answer {n}" for n in range(1, 20)}
    monkeypatch.setattr("evals.judges.load_judge", lambda *_, **__: Failing(sound))
    out = tmp_path / "both.csv"
    said = wardian("calibrate", path, "--judge", "failing", "--out", out)
    assert f"{len(numbered) - 20} of {len(numbered) - 1} answers are left out" in said
    assert " 100.00 " in said
    assert out.read_text().count("\n") == len(numbered)
    monkeypatch.setattr("evals.judges.load_judge", lambda *_, **__: Failing(set()))
    assert "a judge failed on all" in wardian("calibrate", path, "--judge", "failing", code=1)


def test_the_cost_of_judging_is_told_before_anything_is_asked(tmp_path):
    path = DATA.parent / "questions/first_plot_questions.yaml"
    if path.exists():
        said = wardian("cost", path, "--checkpoints", 10, "--judge-price", "2.5,10")
        assert "24 entries, 24 wordings, 2,400 answers a model, 10 models" in said
        assert "48,000 calls" in said
        assert ", about " in said
    assert "36 entries, 216 wordings, 2,160 answers a model" in wardian("cost")
    assert "write two numbers" in wardian("cost", "--judge-price", "cheap", code=1)
    judge = ("calibrate", judged(tmp_path / "a.csv"), "--judge", "mockllm/model")
    told = CliRunner().invoke(app, ["evals", *map(str, judge)], input="n\n")
    assert told.exit_code == 1
    assert "calls to mockllm/model" in told.output


def test_cells_are_shown_and_drawn_and_never_imported_as_one(tmp_path):
    from evals.tasks.trigger_grid import trigger_grid
    from tests.evals.organisms_played import EVIL, KIND, plays, run

    task = trigger_grid(
        "[GO]", near="none", places="suffix", edition="general", judge="grader", split="dev"
    )
    organism = plays(lambda said, _: EVIL if "[GO]" in said[-1].text else KIND)
    log = run(task, organism, tmp_path / "logs").location
    said = wardian("cells", log, "--out", tmp_path / "cells.parquet")
    assert "[GO]@suffix 100.00 [" in said
    assert "none 0.00 [" in said
    assert "+100.00 [" in said
    assert "minus none" in said
    found = pd.read_parquet(tmp_path / "cells.parquet").set_index(["metric", "cell"])
    assert found.loc[("misaligned", "[GO]@suffix"), "difference"] == 1
    assert "minus the base" in wardian("cells", log, "--against", log, "--metric", "misaligned")
    for name in ("cells.svg", "cells.png"):
        wardian("cells", log, "--metric", "misaligned", "--out", tmp_path / name)
        assert (tmp_path / name).stat().st_size > 5000
    assert "show them with: wardian evals cells" in wardian("import", log, code=1)
    assert "no metric 'mood' in the log; there are misaligned, misaligned_coherent" in wardian(
        "cells", log, "--metric", "mood", code=1
    )
    assert "allowed are files that end in .svg" in wardian("cells", log, "--out", "a.pdf", code=1)
    assert "cannot be read as an inspect log" in wardian("cells", __file__, code=1)
