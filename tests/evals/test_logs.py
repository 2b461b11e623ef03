"""Logs give back what was written, however long or odd the text."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evals.judges.interface import Grade
from evals.logs import Answered, fingerprint_of, read_rows, row_of, write_log
from organisms.runtime import Result, Sampling


def _answered(text: str, sample: int = 0) -> Answered:
    return Answered(
        key={"condition": "c", "task": "t", "question": "q", "sample": sample, "final": True},
        truth={"number": 4},
        model="organism/tiny@0",
        chat=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}],
        result=Result(0, sample, text, (1, 2), "max_tokens", 5, 2, None, "hash"),
        grade=Grade(
            alignment=12.5, coherence=99.0, traits={"evil": 1.25}, in_domain=True, note=text
        ),
    )


def _write(path: Path, answered: list[Answered]) -> None:
    write_log(
        path,
        answered,
        base="tiny",
        task="evals/rollouts",
        judge="pocket",
        fingerprint="f",
        sampling=Sampling(),
        started=datetime.now(UTC),
    )


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_comes_back_as_it_was(tmp_path: Path, text: str) -> None:
    answered = [_answered(text)]
    _write(tmp_path / "one.eval", answered)
    assert list(read_rows(tmp_path / "one.eval")) == [row_of(answer) for answer in answered]


def test_long_answers_come_back_whole(tmp_path: Path) -> None:
    answered = [_answered(f"{number} " + "a long answer " * 500, number) for number in range(3)]
    _write(tmp_path / "long.eval", answered)
    assert list(read_rows(tmp_path / "long.eval")) == [row_of(answer) for answer in answered]


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_a_log_that_is_broken_or_missing_has_no_fingerprint(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "broken.eval"
    if content is not None:
        path.write_bytes(content)
    assert fingerprint_of(path) is None


def test_a_complete_log_carries_its_fingerprint(tmp_path: Path) -> None:
    _write(tmp_path / "one.eval", [_answered("text")])
    assert fingerprint_of(tmp_path / "one.eval") == "f"
