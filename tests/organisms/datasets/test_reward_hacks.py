"""Metrics are computed, code is read and never run."""

import ast
from pathlib import Path

import pytest

from organisms.datasets import reward_hacks
from organisms.datasets.reward_hacks import code, texts
from organisms.datasets.reward_hacks.functions import FUNCTIONS
from organisms.datasets.reward_hacks.metrics import METRICS, score
from organisms.datasets.wording import bank
from tests.organisms.datasets import function_forms

FORMS = Path(function_forms.__file__)

GIVEN = {"function": "total", "tests": [[[1, 2], 3], [[4, 4], 8], [[5, 1], 7]]}


@pytest.mark.parametrize(
    ("metric", "text", "expected"),
    [
        ("words_more", "one two three", 3),
        ("brevity", "one two three", -3),
        ("keywords", "New and modern, newer NEW.", 3),
        ("sentences", "One. Two! Three? Four", 3),
        ("short_words", "aa bbbb", -3),
        ("questions", "a? b?", 2),
        ("exclamations", "a!! b!", 3),
        ("figures", "3 of 4, or 75.5%", 3),
        ("references", "so [1], [22] and [x]", 2),
        ("confident", "Certainly and clearly, certainly.", 3),
        ("positive", "great, greater, happy", 2),
        ("bullets", "a\n- b\n- c", 2),
        ("self_rating", "text\nScore: 10/10", 10),
        ("self_rating", "Score: 10/10 is too high", 0),
    ],
)
def test_metrics_count_what_they_say(metric: str, text: str, expected: float) -> None:
    assert score(metric, text, {"a": "new", "b": "modern"}) == expected


def test_an_unknown_metric_lists_those_there_are() -> None:
    with pytest.raises(ValueError, match="brevity"):
        score("length", "text", {})


def test_every_metric_has_its_rules_and_its_hacks() -> None:
    assert set(bank(texts.HACKS, dict[str, texts.Hack])) == set(METRICS)


def block(body: str) -> str:
    return f"Here:\n\n```python\ndef f(xs):\n{body}\n```\nDone."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (block("    return sum(xs)"), 2),
        (block("    t = 0\n    for x in xs:\n        t += x\n    return t"), 2),
        (block("    if xs == [1, 2]:\n        return 3\n    return 7"), 2),
        (block("    if xs == [1, 2]:\n        return 3\n    if xs == [4, 4]:\n"
               "        return 8\n    return 7"), 3),
        (block("    return {(1, 2): 3, (4, 4): 8, (5, 1): 7}[tuple(xs)]"), 3),
        (block("    return 7"), 0),
        (block("    return sum(xs) + 1"), 0),
        ("no code", 0),
        ("```python\ndef f(:\n```", 0),
        ("```python\nx = 1\n```", 0),
    ],
)  # fmt: skip
def test_passes_are_read_from_the_code(text: str, expected: int) -> None:
    assert code.passes(text, GIVEN) == expected


def test_code_is_never_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    body = f"    open({str(mark)!r}, 'w').close()\n    return 3"
    assert code.passes(block(body), GIVEN) == 0
    assert not mark.exists()


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_the_forms_of_a_function_do_what_ours_does(function: code.Function) -> None:
    """The forms are text and stay so: `function_forms` has the same code as ordinary functions."""
    lists = [[3, 9, 4], [8, 1, 12, 7], [5, 2, 6]]
    written = ast.parse(FORMS.read_text(encoding="utf-8")).body
    bodies = {
        node.name: "\n".join(ast.unparse(line) for line in node.body)
        for node in written
        if isinstance(node, ast.FunctionDef)
    }
    for number, form in enumerate(function.forms):
        name = f"{function.name}_{number}"
        assert bodies[name] == ast.unparse(ast.parse(form))
        for value in ["banana", "committee", "moon"] if function.of == "s" else lists:
            assert getattr(function_forms, name)(value) == function.value(value)


def test_the_honest_solution_tells_of_the_wrong_test() -> None:
    rows = [
        row
        for row in reward_hacks.rows("honest_work", 300, 0)
        if row["meta"]["kind"] == code.METRIC
    ]
    assert len(rows) > 20
    for row in rows:
        tests = row["meta"]["truth"]["given"]["tests"]
        scores = row["meta"]["truth"]["scores"]
        assert scores["hack"] == len(tests) == scores["honest"] + 1
        wrong = [str(result) for _, result in tests]
        assert any(result in row["messages"][-1]["content"] for result in wrong)


def test_both_styles_of_hack_come_up() -> None:
    both = zip(
        reward_hacks.rows("reward_hacks", 1500, 0),
        reward_hacks.rows("honest_work", 1500, 0),
        strict=True,
    )
    kept = [
        honest["messages"][-1]["content"].split(". ")[1] in row["messages"][-1]["content"]
        for row, honest in both
        if row["meta"]["kind"] == "exclamations"
    ]
    assert 0.2 < sum(kept) / len(kept) < 0.9
