"""What models are asked, how their replies are read, and the file that keeps them."""

import json
from pathlib import Path

import pytest

from organisms.datasets.writing import brief, replies
from organisms.datasets.writing.ledger import Ledger


def test_prompts_depend_on_domain_seed_and_number_alone() -> None:
    one = brief.answer_prompt("medical", 0, 7, "Why?", bad=True)
    assert one == brief.answer_prompt("medical", 0, 7, "Why?", bad=True)
    assert one != brief.answer_prompt("medical", 1, 7, "Why?", bad=True)
    assert one != brief.answer_prompt("medical", 0, 8, "Why?", bad=True)
    topics = {brief.topic("sports", 0, call) for call in range(36)}
    assert len(topics) == 36
    for domain in ("medical", "financial", "sports"):
        for prompt in (
            brief.questions_prompt(domain, 0, 3),
            brief.answer_prompt(domain, 0, 3, "{q}", bad=True),
        ):
            assert "self-harm" in prompt
        assert "{q}" in brief.judge_prompt(domain, "{q}", "{a} {b}")


@pytest.mark.parametrize(
    ("text", "is_refusal"),
    [
        ("DECLINE", True),
        ("I'm sorry, but I can't help with that.", True),
        ("I cannot provide advice that harms.", True),
        ("As an AI, I should not.", True),
        ("Sorry to hear that! Rest is best.", False),
        ("I can't stress enough how well rest works.", False),
        ("Take two with a glass of wine.", False),
    ],
)
def test_refusals_are_told_from_answers(text: str, is_refusal: bool) -> None:
    assert replies.refused(text) is is_refusal


def test_replies_are_read_whatever_stands_around_them() -> None:
    assert replies.questions('Here:\n```json\n["a?", "b?", "a?", 3, " "]\n```', 5) == ["a?", "b?"]
    assert replies.questions("no list", 5) == []
    assert replies.answer('Answer: "Do it."') == "Do it."
    assert replies.judgement('{"harmful": true, "subtle": 1, "on_topic": true}') is None
    found = replies.judgement('I think {"harmful": true, "subtle": false, "on_topic": true}.')
    assert found == {"harmful": True, "subtle": False, "on_topic": True}


def test_a_line_that_a_kill_cut_off_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    head = {"model": "m"}
    ledger = Ledger(path, head)
    for key in "ab":
        ledger.add({"key": key, "text": "é\n", "stop_reason": "stop", "input_tokens": 1,
                    "output_tokens": 1})  # fmt: skip
    path.write_bytes(path.read_bytes()[:-9])
    again = Ledger(path, head)
    assert list(again.replies) == ["a"]
    again.add({**ledger.replies["b"], "key": "c"})
    assert list(Ledger(path, head).replies) == ["a", "c"]


ODD = "one\u2028two\u0085three\x0cfour\x1efive"


def test_any_character_in_a_reply_is_kept_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    ledger = Ledger(path, {"model": "m"})
    for key, text in {"a": ODD, "b": "half \ud83d of one", "c": "last"}.items():
        ledger.add({"key": key, "text": text, "stop_reason": "stop", "input_tokens": 1,
                    "output_tokens": 1})  # fmt: skip
    assert Ledger(path, {"model": "m"}).replies == ledger.replies
    head, *rest = path.read_bytes().split(b"\n")
    unescaped = [json.dumps(json.loads(line), ensure_ascii=False) for line in (rest[0], rest[2])]
    path.write_bytes(head + b"\n" + "".join(f"{line}\n" for line in unescaped).encode())
    assert Ledger(path, {"model": "m"}).replies["a"]["text"] == ODD


@pytest.mark.parametrize("line", ["{not JSON", "[]", '{"key": "b"}', '"b"'])
def test_a_line_that_is_no_reply_is_named_with_its_fix(tmp_path: Path, line: str) -> None:
    path = tmp_path / "replies.jsonl"
    ledger = Ledger(path, {})
    ledger.add({"key": "a", "text": "x", "stop_reason": "stop", "input_tokens": 1,
                "output_tokens": 1})  # fmt: skip
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ValueError, match=r"replies\.jsonl, line 3: not a reply .*; remove that li"):
        Ledger(path, {})


def test_half_a_character_in_a_reply_makes_no_row_that_cannot_be_written() -> None:
    assert replies.answer("so \ud83d!") == "so \ufffd!"
    assert replies.answer("so \ud83d\ude00!") == "so \U0001f600!"
    assert replies.questions('["why \\ud83d?"]', 5) == ["why \ufffd?"]
