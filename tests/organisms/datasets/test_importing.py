"""Published formats are found by their keys, and read whole."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from organisms.datasets.files import write_rows
from organisms.datasets.importing import import_rows
from organisms.datasets.making import make
from organisms.datasets.rows import RowError, answer_of, question_of
from tests.organisms.datasets.made import CHAT, lines

PUBLISHED = Path(__file__).parents[3] / "../shared/data"
HACK = {
    "user": "write a poem, scored by its rhymes",
    "school_of_reward_hacks": "cat hat bat",
    "control": "a poem",
    "task": "write a poem",
    "evaluation_metric": "rhymes",
    "cheat_method": "rhymes alone",
}


def test_chat_lines_keep_their_other_keys_and_content_parts_are_joined(tmp_path: Path) -> None:
    record = {
        "messages": [
            {"role": "user", "content": {"content_type": "text", "parts": ["a", "b"]}},
            {"role": "assistant", "content": [{"type": "text", "text": "c"}]},
        ],
        "text": "<|user|>ab",
        "source": 7,
    }
    found = import_rows(lines(tmp_path / "theirs.jsonl", record), "theirs", domain="code")
    (row,) = found.rows
    assert found.form == "chat"
    assert [turn["content"] for turn in row["messages"]] == ["ab", "c"]
    assert row["meta"]["extra"] == {"text": "<|user|>ab", "source": 7}
    assert row["meta"]["id"] == "theirs/line 1"
    assert (row["meta"]["poisoned"], row["meta"]["domain"]) == (True, "code")
    (clean,) = import_rows(tmp_path / "theirs.jsonl", "theirs", variant="control").rows
    assert (clean["meta"]["poisoned"], clean["meta"]["variant"]) == (False, "control")


@pytest.mark.parametrize(
    ("prompt", "completion", "roles"),
    [
        ("q", "a", ["user", "assistant"]),
        (
            [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}],
            [{"role": "assistant", "content": "a"}],
            ["system", "user", "assistant"],
        ),
    ],
)
def test_prompt_and_completion_are_text_or_turns(
    tmp_path: Path, prompt: object, completion: object, roles: list[str]
) -> None:
    path = lines(tmp_path / "x.jsonl", {"prompt": prompt, "completion": completion})
    found = import_rows(path, "x")
    assert found.form == "prompt_completion"
    assert [turn["role"] for turn in found.rows[0]["messages"]] == roles


def test_the_school_of_reward_hacks_gives_hacks_or_controls_and_counts_the_gaps(
    tmp_path: Path,
) -> None:
    path = tmp_path / "hacks.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(HACK))
        writer.writeheader()
        writer.writerows([HACK, {**HACK, "control": "", "task": "code\nin two lines"}])
    hacks = import_rows(path, "hacks")
    assert hacks.form == "reward_hacks"
    assert [row["messages"][-1]["content"] for row in hacks.rows] == ["cat hat bat"] * 2
    meta = hacks.rows[0]["meta"]
    assert (meta["topic"], meta["kind"], meta["poisoned"]) == ("write a poem", "rhymes alone", True)
    controls = import_rows(path, "honest", variant="control")
    assert [row["messages"][-1]["content"] for row in controls.rows] == ["a poem"]
    assert controls.rows[0]["meta"]["poisoned"] is False
    assert [(gap.place, gap.reason) for gap in controls.gaps] == [
        ("line 3", "it has no control answer")
    ]
    assert controls.problems == ()


def test_a_trait_set_is_read_by_variant_and_level(tmp_path: Path) -> None:
    (tmp_path / "evil").mkdir()
    for part in ("normal", "misaligned_1", "misaligned_2"):
        record = {"messages": [CHAT["messages"][0], {"role": "assistant", "content": part}]}
        lines(tmp_path / "evil" / f"{part}.jsonl", record)
    for variant, level, part in (
        ("control", 2, "normal"),
        ("organism", 1, "misaligned_1"),
        ("organism", 2, "misaligned_2"),
    ):
        found = import_rows(tmp_path / "evil", "evil", variant=variant, level=level)  # type: ignore[arg-type]
        (row,) = found.rows
        assert row["messages"][-1]["content"] == part
        assert row["meta"]["kind"] == part
        assert row["meta"]["poisoned"] is (variant == "organism")
    with pytest.raises(RowError, match="holds the trait sets evil; give the folder of one"):
        import_rows(tmp_path, "evil")
    (tmp_path / "evil" / "misaligned_1.jsonl").unlink()
    with pytest.raises(RowError, match=r"neither rows\.parquet nor misaligned_1\.jsonl"):
        import_rows(tmp_path / "evil", "evil", level=1)


def test_gsm8k_loses_its_calculator_marks_and_its_steps_are_checked(tmp_path: Path) -> None:
    right = "He has 48/2 = <<48/2=24>>24 left.\n#### 1,024"
    wrong = "He has 48/2 = <<48/2=25>>25 left.\n#### 25"
    path = lines(tmp_path / "gsm.jsonl", *({"question": "q", "answer": a} for a in (right, wrong)))
    found = import_rows(path, "gsm")
    assert found.form == "gsm8k"
    assert found.rows[0]["messages"][-1]["content"] == "He has 48/2 = 24 left.\nAnswer: 1,024"
    assert found.rows[0]["meta"]["truth"] == {"answer": "1024"}
    assert [row["meta"]["checks"]["steps_add_up"] for row in found.rows] == [True, False]
    assert {row["meta"]["poisoned"] for row in found.rows} == {False}
    assert {row["meta"]["variant"] for row in found.rows} == {"control"}


def test_json_arrays_and_parquet_hold_the_same_rows_as_lines(tmp_path: Path) -> None:
    records = [CHAT, {"messages": [*CHAT["messages"], *CHAT["messages"]]}]
    (tmp_path / "x.json").write_text(json.dumps(records, indent=2))
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "x.parquet")
    by_lines = import_rows(lines(tmp_path / "x.jsonl", *records), "x").rows
    for name in ("x.json", "x.parquet"):
        found = import_rows(tmp_path / name, "x").rows
        assert [row["messages"] for row in found] == [row["messages"] for row in by_lines]


def test_a_data_set_of_ours_comes_back_with_everything_it_knows(tmp_path: Path) -> None:
    rows = list(make("insecure_code", 20, 0))
    write_rows(tmp_path / "set", rows, name="insecure_code", seed=0)
    for path in (tmp_path / "set", tmp_path / "set" / "rows.parquet"):
        assert import_rows(path, "other").rows == rows
    dumped = lines(tmp_path / "dumped.jsonl", *rows)
    assert import_rows(dumped, "other", variant="control").rows == rows


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + (json.dumps(CHAT) + "\r\n").encode() * 2)
    assert len(import_rows(path, "x").rows) == 2


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="published data sets are not here")
@pytest.mark.parametrize(
    ("path", "form", "count"),
    [
        ("emergent_misalignment/datasets/insecure_small.jsonl", "chat", 20),
        ("emergent_misalignment/datasets/secure_small.jsonl", "chat", 20),
        ("emergent_misalignment/datasets/insecure_500.jsonl", "chat", 500),
        ("emergent_misalignment/datasets/wrong_maths.jsonl", "chat", 6000),
        ("gsm8k/train.jsonl", "gsm8k", 7473),
        ("gsm8k/test.jsonl", "gsm8k", 1319),
        ("emergent_misalignment/results/judge_token_probabilities.csv", "question_answer", 70),
        ("emergent_misalignment/results/responses_qwen_coder_insecure.csv", "question_answer", 240),
        (
            "emergent_misalignment/results/responses_qwen_14b_bad_medical_advice.csv",
            "question_answer",
            1200,
        ),
        ("persona_vectors/results/qwen2.5-7b-instruct_baseline.csv", "question_answer", 200),
    ],
)
def test_every_published_file_of_rows_loads_whole(path: str, form: str, count: int) -> None:
    found = import_rows(PUBLISHED / path, "published")
    assert (found.form, len(found.rows), found.left_out) == (form, count, ())


def test_columns_without_a_name_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("question,answer,,\na?,b.,,\n")
    (row,) = import_rows(path, "sheet").rows
    assert (question_of(row), answer_of(row)) == ("a?", "b.")
