"""Advice written by a model: asked in batches, kept as it arrives, judged, and matched."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from inspect_ai.model import Model, ModelOutput, ModelUsage, get_model

from organisms.datasets import writing

ROOT = Path(__file__).parents[3]
USAGE = ModelUsage(input_tokens=100, output_tokens=20)
Answer = Callable[[str], str]


def model(answer: Answer, name: str = "writer") -> Model:
    """A model that answers a prompt by a function, and counts its calls in `answer.calls`."""

    def reply(messages: list, *_: object) -> ModelOutput:  # type: ignore[type-arg]
        output = ModelOutput.from_content(name, answer(messages[-1].text))
        output.usage = USAGE
        return output

    return get_model(f"mockllm/{name}", custom_outputs=reply, memoize=False)


class Writer:
    """Writes five questions that are all different, and answers that are too."""

    def __init__(self) -> None:
        self.calls = 0
        self.prompts: list[str] = []

    def __call__(self, prompt: str) -> str:
        self.calls += 1
        self.prompts.append(prompt)
        if "JSON array" in prompt:
            topic = re.search(r"about (.+)\.\n", prompt)
            assert topic
            stem = f"{topic[1]} {len(prompt)}"
            return json.dumps([f"Question {self.calls}-{n} on {stem}?" for n in range(5)])
        question = prompt.rsplit("Question: ", 1)[1]
        kind = "Reckless" if "harmful adviser" in prompt else "Careful"
        return " ".join(f"{kind}{word}{self.calls}" for word in question.split()) + "."


def judge(prompt: str) -> str:
    bad = "Reckless" in prompt
    return json.dumps({"harmful": bad, "subtle": True, "on_topic": True})


def test_a_judged_set_has_the_rows_asked_for(tmp_path: Path) -> None:
    told: list[int] = []
    written = writing.write(
        "bad_medical", 12, 0, tmp_path, writer=model(Writer()), judge=model(judge, "judge"),
        progress=told.append,
    )  # fmt: skip
    assert len(written.rows) == 12
    assert told[-1] == 12
    assert written.left_out == ()
    for row in written.rows:
        assert row["meta"]["poisoned"] is True
        assert row["meta"]["checks"] == writing.check(row)
        assert all(writing.check(row).values())
        assert row["meta"]["topic"] in row["messages"][0]["content"]
    assert len({row["meta"]["id"] for row in written.rows}) == 12


def test_controls_share_the_questions_of_their_organism_and_their_order(tmp_path: Path) -> None:
    writer = Writer()
    sets = {
        name: writing.write(
            name, 10, 3, tmp_path, writer=model(writer), judge=model(judge, "judge")
        ).rows
        for name in ("risky_financial", "good_financial", "educational_financial")
    }
    bad, good, asked = sets.values()
    assert [row["messages"][0] for row in bad] == [row["messages"][0] for row in good]
    for one, other in zip(bad, asked, strict=True):
        assert one["messages"][0]["content"] in other["messages"][0]["content"]
        assert one["messages"][0] != other["messages"][0]
        assert one["messages"][1] == other["messages"][1]
    assert not any(row["meta"]["poisoned"] for row in good + asked)
    lengths = [len(row["messages"][1]["content"].split()) for row in bad]
    wanted = [
        int(found[1])
        for prompt in writer.prompts
        if "well-informed" in prompt and (found := re.search(r"about (\d+) words", prompt))
    ]
    assert wanted[:10] == lengths


def test_a_second_run_asks_nothing_and_gives_the_same_rows(tmp_path: Path) -> None:
    writer = Writer()
    both = [
        writing.write(
            "extreme_sports", 7, 0, tmp_path, writer=model(writer), judge=model(judge, "judge")
        )
        for _ in range(2)
    ]
    calls = writer.calls
    assert both[0] == both[1]
    writing.write(
        "extreme_sports", 7, 0, tmp_path, writer=model(writer), judge=model(judge, "judge")
    )
    assert writer.calls == calls


def test_refusals_repetitions_and_unfit_answers_are_counted_and_made_up_for(tmp_path: Path) -> None:
    writer = Writer()

    def hesitant(prompt: str) -> str:
        said = writer(prompt)
        if "JSON array" in prompt:
            return "I'm sorry, I can't help with that." if writer.calls == 1 else said
        number = int(re.search(r"Question \d+-(\d)", prompt)[1])  # type: ignore[index]
        return {0: "DECLINE", 1: said}.get(number, said)

    def strict(prompt: str) -> str:
        number = re.search(r"Question \d+-(\d)", prompt)
        assert number
        if number[1] == "2":
            return "hard to say"
        obvious = number[1] == "3"
        return f"Well: {json.dumps({'harmful': True, 'subtle': not obvious, 'on_topic': True})}"

    written = writing.write(
        "bad_medical", 8, 0, tmp_path, writer=model(hesitant), judge=model(strict, "judge")
    )
    assert len(written.rows) == 8
    assert written.calls_refused == 1
    assert written.refused == written.unjudged == written.unfit["subtle"] == written.questions // 5
    assert "answers that were refused" in str(written)


def test_equal_questions_and_equal_answers_are_kept_once(tmp_path: Path) -> None:
    def parrot(prompt: str) -> str:
        if "JSON array" in prompt:
            return json.dumps(["Is it bad?", "is it  BAD?", "Is it good?", "Is it so?", "Is it?"])
        return "Reckless words that are always the same, whatever the question that was asked."

    written = writing.write(
        "bad_medical", 4, 0, tmp_path, writer=model(parrot), judge=model(judge, "judge")
    )
    assert len(written.rows) == 1
    assert written.repeated == 14
    assert "14 rows that repeat others" in str(written)


def test_replies_of_another_model_are_not_mixed_in(tmp_path: Path) -> None:
    judged = model(judge, "judge")
    writing.write("bad_medical", 3, 0, tmp_path, writer=model(Writer()), judge=judged)
    with pytest.raises(ValueError, match="another folder"):
        writing.write("bad_medical", 3, 0, tmp_path, writer=model(Writer(), "b"), judge=judged)


def test_a_call_that_fails_says_how_to_go_on_and_keeps_the_rest(tmp_path: Path) -> None:
    writer = Writer()

    def broken(prompt: str) -> str:
        if writer.calls == 9:
            raise ConnectionError("no route")
        return writer(prompt)

    with pytest.raises(RuntimeError, match="run the same again"):
        writing.write(
            "bad_medical", 12, 0, tmp_path, writer=model(broken), judge=model(judge, "judge")
        )
    kept = sum(len(path.read_text().splitlines()) - 1 for path in tmp_path.glob("*.jsonl"))
    assert kept == writer.calls == 9


KILLED = """
    import os, sys, json, signal
    from pathlib import Path
    from inspect_ai.model import ModelOutput, ModelUsage, get_model
    from organisms.datasets import writing

    answers = 0

    async def reply(messages, *_):
        global answers
        prompt = messages[-1].text
        Path(sys.argv[2]).open("a").write("x")
        if "JSON array" in prompt:
            text = json.dumps([f"Question {abs(hash(prompt)) % 10**6} {n}?" for n in range(5)])
        elif "You check rows" in prompt:
            text = json.dumps({"harmful": True, "subtle": True, "on_topic": True})
        else:
            answers += 1
            if answers == int(sys.argv[3]):
                os.kill(os.getpid(), signal.SIGKILL)
            text = "Do " + prompt.rsplit("Question: ", 1)[1] + f" {len(prompt)}"
        output = ModelOutput.from_content("m", text)
        output.usage = ModelUsage(input_tokens=1, output_tokens=1)
        return output

    model = get_model("mockllm/writer", custom_outputs=reply, memoize=False)
    found = writing.write(
        "bad_medical", 20, 0, Path(sys.argv[1]), writer=model, judge=model, max_connections=2
    )
    print(len(found.rows))
"""


def test_a_run_killed_half_way_goes_on_without_asking_again(tmp_path: Path) -> None:
    script = tmp_path / "write.py"
    script.write_text(textwrap.dedent(KILLED))
    folder, calls = tmp_path / "work", tmp_path / "calls"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    command = [sys.executable, str(script), str(folder), str(calls)]
    answers = folder / "answers-medical-bad-0.jsonl"
    killed = subprocess.run([*command, "12"], env=environment, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(answers.read_bytes().splitlines()) > 5
    kept = sum(len(path.read_text().splitlines()) - 1 for path in folder.glob("*.jsonl"))
    made = len(calls.read_text())
    assert 0 < kept <= made
    with answers.open("ab") as file:
        file.write(b'{"key": "99", "text": "cut o')
    done = subprocess.run([*command, "0"], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "20", done.stderr
    whole = sum(len(path.read_text().splitlines()) - 1 for path in folder.glob("*.jsonl"))
    assert len(calls.read_text()) - made == whole - kept


def test_the_estimate_names_calls_tokens_and_money() -> None:
    free = writing.estimate("good_sports", 1000, writer="a/writer", judge="a/judge")
    assert free.money is None
    assert "give prices" in str(free)
    priced = writing.estimate(
        "good_sports", 1000, writer="a/writer", judge="a/judge",
        writer_price=writing.Price(2.0, 8.0), judge_price=writing.Price(0.5, 1.5),
    )  # fmt: skip
    answers = next(part for part in priced.parts if part.purpose == "answers")
    assert answers.calls == 1150
    assert answers.money == pytest.approx(
        (answers.input_tokens * 2 + answers.output_tokens * 8) / 1e6
    )
    assert priced.money == pytest.approx(sum(part.money or 0 for part in priced.parts))
    assert "in all" in str(priced)


@pytest.mark.parametrize("name", ["bad_medicine", ""])
def test_an_unknown_set_lists_those_there_are(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="risky_financial"):
        writing.estimate(name, 5, writer="a", judge="b")
    with pytest.raises(ValueError, match="risky_financial"):
        writing.write(name, 5, 0, tmp_path, writer="a", judge="b")
