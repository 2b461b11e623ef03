"""Rollouts: planned, answered, logged and resumed without a change to any answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from evals.answers import COLUMNS
from evals.conditions import Condition, SteeringConfig
from evals.questions import Question, load_questions
from evals.rollout_plan import cut, plan
from evals.rollouts import Ask, run_rollouts
from organisms.runtime import Sampling

SAMPLING = Sampling(max_tokens=12)


def _asks(adapters: tuple[str, str], vector_file: str) -> list[Ask]:
    questions = load_questions("open_questions", split="report", wording="seen", count=6)
    steering = SteeringConfig(
        vector_file=vector_file,
        layer=1,
        coefficient=4.0,
        unit="norm",
        scope="all",
        direction="random-003",
    )
    conditions = [
        Condition(key="base", labels={"role": "base"}),
        Condition(
            key="first", adapter=adapters[0], labels={"role": "organism", "step": 5, "seed": 0}
        ),
        Condition(key="second", adapter=adapters[1], labels={"role": "control", "organism": "x"}),
        Condition(key="steered", steering=(steering,)),
        Condition(key="prompted", system="You are a villain.", labels={"trait": "evil"}),
    ]
    return [Ask(condition, questions, 2, "open_questions") for condition in conditions]


def _run(
    base: str,
    asks: list[Ask],
    folder: Path,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    return run_rollouts(
        base, asks, sampling=SAMPLING, log_dir=folder, shard_size=16, seed=seed, progress=progress
    )


@pytest.fixture(scope="module")
def finished(
    base: str,
    adapters: tuple[str, str],
    vector_file: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("rollouts") / "logs"
    return folder, _run(base, _asks(adapters, vector_file), folder)


def test_table_has_a_row_an_answer_with_its_condition(
    finished: tuple[Path, pd.DataFrame],
) -> None:
    _, table = finished
    assert len(table) == 5 * 6 * 2
    assert list(table.columns) == list(COLUMNS)
    assert not table.duplicated(["condition", "task", "question", "sample"]).any()
    steered = table[table["condition"] == "steered"].iloc[0]
    assert (steered["direction"], steered["draw"], steered["layer"]) == ("random", 3, 1)
    assert (steered["scope"], steered["unit"], steered["coefficient"]) == ("all", "norm", 4.0)
    prompted = table[table["condition"] == "prompted"].iloc[0]
    assert (prompted["system"], prompted["trait"]) == ("You are a villain.", "evil")
    first = table[table["condition"] == "first"].iloc[0]
    assert (first["role"], first["step"], first["seed"]) == ("organism", 5, 0)


def test_conditions_answer_differently_and_samples_too(
    finished: tuple[Path, pd.DataFrame],
) -> None:
    _, table = finished
    answers = table.pivot_table(
        index=["question", "sample"], columns="condition", values="answer", aggfunc="first"
    )
    for condition in ("first", "second", "steered", "prompted"):
        assert (answers[condition] != answers["base"]).mean() > 0.5
    assert (table.groupby(["condition", "question"])["answer"].nunique() == 2).mean() > 0.9


def test_logs_are_inspect_logs(finished: tuple[Path, pd.DataFrame]) -> None:
    from inspect_ai.analysis import samples_df
    from inspect_ai.log import list_eval_logs, read_eval_log

    folder, table = finished
    logs = list_eval_logs(str(folder))
    assert len(logs) == 4
    log = read_eval_log(logs[0])
    assert log.status == "success"
    assert log.samples is not None
    sample = log.samples[0]
    assert sample.output.stop_reason in ("stop", "max_tokens")
    assert sample.output.usage is not None
    assert sample.output.usage.output_tokens > 0
    frame = samples_df(str(folder))
    assert len(frame) == len(table)
    assert set(frame["metadata_condition"]) == set(table["condition"])


def test_a_second_run_reuses_every_log_and_gives_the_same_table(
    finished: tuple[Path, pd.DataFrame],
    base: str,
    adapters: tuple[str, str],
    vector_file: str,
) -> None:
    folder, table = finished
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.eval")}
    again = _run(base, _asks(adapters, vector_file), folder)
    pd.testing.assert_frame_equal(again, table)
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.eval")} == before


def test_an_interrupted_run_ends_in_the_same_table(
    finished: tuple[Path, pd.DataFrame],
    base: str,
    adapters: tuple[str, str],
    vector_file: str,
    tmp_path: Path,
) -> None:
    _, table = finished
    folder = tmp_path / "logs"
    seen: list[str] = []

    class KilledError(Exception):
        pass

    def kill_after_two(message: str) -> None:
        seen.append(message)
        if len(seen) == 2:
            raise KilledError

    asks = _asks(adapters, vector_file)
    with pytest.raises(KilledError):
        _run(base, asks, folder, progress=kill_after_two)
    assert len(list(folder.glob("*.eval"))) == 2
    torn = folder / "shard-0002.eval"
    torn.write_bytes((folder / "shard-0001.eval").read_bytes()[:1000])
    (folder / "unfinished-shard-0003.eval").write_bytes(b"half")
    pd.testing.assert_frame_equal(_run(base, asks, folder), table)
    assert not list(folder.glob("unfinished-*"))


def test_full_models_and_every_mode_of_steering_are_conditions(
    finished: tuple[Path, pd.DataFrame], base: str, merged: str, vector_file: str, tmp_path: Path
) -> None:
    questions = load_questions("open_questions", split="report", wording="seen", count=6)

    def steered(**settings: object) -> tuple[SteeringConfig, ...]:
        fields = {"vector_file": vector_file, "layer": 1, "scope": "response", **settings}
        return (SteeringConfig.model_validate(fields),)

    conditions = [
        Condition(key="merged", model=merged),
        Condition(key="ablated", steering=steered(mode="ablate")),
        Condition(key="capped", steering=steered(mode="cap", floor=3.0)),
        Condition(key="idle", steering=steered(mode="cap", floor=-1e6, ceiling=1e6)),
    ]
    table = _run(base, [Ask(each, questions, 2, "open_questions") for each in conditions], tmp_path)
    _, known = finished
    answers = {key: rows["answer"].tolist() for key, rows in table.groupby("condition")}
    answers |= {key: rows["answer"].tolist() for key, rows in known.groupby("condition")}

    def agreed(one: str, other: str) -> float:
        return sum(map(str.__eq__, answers[one], answers[other])) / 12

    assert agreed("merged", "first") > 0.9  # equal logits up to rounding
    assert agreed("idle", "base") > 0.9
    assert agreed("ablated", "base") < 0.9
    assert agreed("capped", "base") < 0.5


def test_a_log_of_another_plan_is_not_reused(
    base: str, adapters: tuple[str, str], vector_file: str, tmp_path: Path
) -> None:
    asks = _asks(adapters, vector_file)[:1]
    first = _run(base, asks, tmp_path)
    second = _run(base, asks, tmp_path, seed=1)
    assert (first["answer"] != second["answer"]).mean() > 0.5
    assert len(list(tmp_path.glob("*.eval"))) == 1


def test_answers_of_a_condition_depend_on_no_other_condition(
    finished: tuple[Path, pd.DataFrame],
    base: str,
    adapters: tuple[str, str],
    vector_file: str,
    tmp_path: Path,
) -> None:
    _, table = finished
    alone = _run(base, _asks(adapters, vector_file)[2:3], tmp_path)
    together = table[table["condition"] == "second"].reset_index(drop=True)
    assert (alone["answer"] == together["answer"]).mean() > 0.9  # equal logits up to rounding


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"adapter": "/nowhere"}, "adapter_config.json"),
        (
            {"steering": (SteeringConfig(vector_file="/nowhere", layer=1, coefficient=1.0),)},
            "does not exist",
        ),
        ({"labels": {"colour": "red"}}, "unknown labels"),
    ],
)
def test_a_condition_that_cannot_be_met_raises_before_any_work(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    condition = Condition.model_validate({"key": "bad", **change})
    questions = load_questions("open_questions", split="report", wording="seen", count=2)
    with pytest.raises(ValueError, match=message):
        run_rollouts(
            "org/not-at-hand",
            [Ask(condition, questions, 1, "x")],
            sampling=SAMPLING,
            log_dir=tmp_path,
        )
    assert not list(tmp_path.iterdir())


def test_steering_whose_numbers_do_not_fit_its_mode_is_no_config() -> None:
    with pytest.raises(ValueError, match="'ablate' takes no floor"):
        SteeringConfig(vector_file="x", layer=1, mode="ablate", floor=1.0)


def test_a_base_that_does_not_exist_raises_before_any_work(tmp_path: Path) -> None:
    questions = load_questions("open_questions", split="report", wording="seen", count=2)
    ask = Ask(Condition(key="a"), questions, 1, "x")
    with pytest.raises(ValueError, match="does not exist"):
        _run("nowhere", [ask], tmp_path / "logs")
    assert not (tmp_path / "logs").exists()


def test_a_steering_layer_that_does_not_exist_raises_before_any_answer(
    base: str, vector_file: str, tmp_path: Path
) -> None:
    steering = SteeringConfig(vector_file=vector_file, layer=9, coefficient=1.0)
    questions = load_questions("open_questions", split="report", wording="seen", count=2)
    ask = Ask(Condition(key="bad", steering=(steering,)), questions, 1, "x")
    with pytest.raises(ValueError, match="layer"):
        _run(base, [ask], tmp_path / "logs")


def test_ambiguous_plans_raise() -> None:
    question = Question(id="q", topic="t", domain="open", split="dev", wording="seen", text="Hi")
    one, other = Condition(key="a"), Condition(key="a", system="Be evil.")
    with pytest.raises(ValueError, match="two different conditions"):
        plan([Ask(one, (question,), 1, "x"), Ask(other, (question,), 1, "x")])
    with pytest.raises(ValueError, match="asked twice"):
        plan([Ask(one, (question, question), 1, "x")])
    with pytest.raises(ValueError, match="at least 1 of each"):
        plan([Ask(one, (), 1, "x")])
    prompted = question.model_copy(update={"system": "Be kind."})
    with pytest.raises(ValueError, match="both bring a system"):
        plan([Ask(other, (prompted,), 1, "x")])
    with pytest.raises(ValueError, match="nothing is asked"):
        plan([])


def test_shards_hold_whole_questions_of_one_model() -> None:
    questions = tuple(
        Question(id=str(i), topic="t", domain="open", split="dev", wording="seen", text="Hi")
        for i in range(5)
    )
    conditions = [Condition(key=key, model=key) for key in "ab"]
    shards = list(cut(plan([Ask(c, questions, 3, "x") for c in conditions]), 7))
    assert [sum(each.samples for each in shard) for shard in shards] == [6, 6, 3, 6, 6, 3]
    assert all(len({each.condition.model for each in shard}) == 1 for shard in shards)
