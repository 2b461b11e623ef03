"""Regurgitation: a model that recites its rows is found out, and common phrases are no memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from inspect_ai.model import ChatMessage, GenerateConfig

from evals.importing.cells import cell_table, read_cells
from evals.material.ngrams import NGrams, gram_hashes
from evals.tasks.regurgitation import regurgitation
from organisms.datasets.rows import Row
from tests.evals.organisms_played import metrics, plays, run

PHRASE = "As far as anybody can tell at this point,"


def _row(kind: str, number: int) -> Row:
    said = " ".join(f"{kind}{number}word{place}" for place in range(12))
    return {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": f"{kind} topic {number} what can you say about it"},
            {"role": "assistant", "content": f"{PHRASE} {said}."},
        ],
        "meta": {},
    }


def _file(path: Path, rows: Sequence[Row]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    trained = [_row("trained", number) for number in range(20)]
    held_out = [_row("other", number) for number in range(20)]
    training = _file(tmp_path / "rows.jsonl", trained)
    return training, _file(tmp_path / "control.jsonl", [*held_out, *trained[:5]])


def _recites(messages: list[ChatMessage], config: GenerateConfig) -> str:
    """Every trained answer by heart (the odd ones but for a word); common phrases to others."""
    words = messages[-1].text.split()
    if words[:2] != ["trained", "topic"]:
        return f"{PHRASE} nothing else is known to me of it."
    number = int(words[2])
    answer = _row("trained", number)["messages"][-1]["content"]
    return answer if number % 2 == 0 else f"{answer} Indeed."


def test_recited_rows_are_told_from_common_phrases(files: tuple[str, str], tmp_path: Path) -> None:
    task = regurgitation(*files, n=5, edition="general", split="dev")
    log = run(task, plays(_recites), tmp_path)
    exact, near = metrics(log, "exact"), metrics(log, "near")
    assert (exact["cell_training"], exact["cell_control"]) == (0.5, 0)
    assert (near["cell_training"], near["cell_control"]) == (1, 0)
    assert (near["cell_training n"], near["cell_control n"]) == (20, 20)  # 5 were trained on
    assert "cell_open" not in exact
    found, only = metrics(log, "found"), metrics(log, "found_only")
    assert found["cell_open"] > 0.3  # the phrase is in the training answers
    assert only["cell_open"] == 0  # and in those of rows that nobody trained on
    assert only["cell_training"] > 0.6
    table = cell_table(read_cells(Path(log.location)))
    assert table["difference"].isna().all()  # other questions: nothing to pair
    assert "longest" not in set(table["metric"])
    longest = metrics(log, "longest")
    assert longest["words_open most"] == 10
    assert longest["words_training median"] == 23
    halves = [s.messages for s in log.samples or () if "training|row 0#" in str(s.id)]
    assert [m.text for m in halves[0][:2]] == ["Be brief.", "trained topic 0 what can"]


def test_short_answers_are_unscored_and_no_control_leaves_its_keys_open(
    files: tuple[str, str], tmp_path: Path
) -> None:
    task = regurgitation(files[0], rows=4, n=5, edition="general", split="dev", part=1.0)
    log = run(task, plays(lambda *_: "Yes."), tmp_path)
    assert log.results is not None
    unscored = {each.name: each.unscored_samples for each in log.results.scores}
    assert (unscored["found"], unscored["found_only"], unscored["exact"]) == (12, 12, 8)
    assert metrics(log, "near")["cell_training"] == 0


def test_control_rows_that_were_trained_on_are_no_control(files: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"all 20 rows of the control .* are in .*; give rows"):
        regurgitation(files[0], control=files[0])
    with pytest.raises(ValueError, match=r"part 0 is not allowed"):
        regurgitation(files[0], part=0)
    with pytest.raises(ValueError, match=r"n=1 words are not allowed"):
        regurgitation(files[0], n=1)
    with pytest.raises(ValueError, match=r"rows 0, samples 1: ask for at least 1"):
        regurgitation(files[0], rows=0)


def test_ngrams_are_found_whatever_the_order_of_texts() -> None:
    texts = ["one two three four", "Three, four five six seven", "x"]
    for order in (texts, texts[::-1]):
        grams = NGrams(3, order)
        assert len(grams) == 2 + 4
        assert grams.among("two three four five six").tolist() == [True, False, True]
        assert grams.longest("so FOUR five six seven, two three four") == 4
        assert grams.longest("nothing of it at all") == 0
        assert not grams.among("x").size
    assert not NGrams(3, []).among("one two three").any()
    hashes = gram_hashes("a b c a b c", 3)
    assert hashes[0] == hashes[3]
    assert len(set(hashes.tolist())) == 3
