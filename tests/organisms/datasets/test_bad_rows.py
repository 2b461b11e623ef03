"""What cannot be used of a file is told with its place, the reason and the fix, never dropped."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from organisms.datasets.importing import BadRowsError, import_rows
from organisms.datasets.importing.records import MAX_BYTES
from organisms.datasets.rows import RowError
from tests.organisms.datasets.made import CHAT, lines

BROKEN = [
    (b'{"messages": [{"role": "user", "content": "a"}, {"role"', "the file ends within it"),
    (b"[1]\n", "a list; write an object"),
    (b'{"messages": [}\n', "not JSON"),
    (b"[" * 100_000 + b"\n", "not JSON"),
    ('{"messages": "café"}\n'.encode("latin-1"), "not UTF-8 (byte 0xe9 at 17); save the file as"),
    (b'{"messages": [{"content": "a"}, {"role": "assistant", "content": "b"}]}\n', "has no role"),
    (
        b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": ""}]}\n',
        "turn 2 is an empty answer; an answer needs text: remove the row",
    ),
    (
        b'{"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "s"}, '
        b'{"role": "assistant", "content": "b"}]}\n',
        "turn 2 is a system turn; move it to the front, or remove it",
    ),
    (
        b'{"messages": [{"role": "user", "content": "%s"}]}\n' % (b"x" * (10 * MAX_BYTES)),
        "10,000,048 bytes in one row, more than 1,000,000",
    ),
    (b'{"turns": []}\n', "no 'messages' among turns"),
]


@pytest.mark.parametrize(("line", "said"), BROKEN, ids=[said[:30] for _, said in BROKEN])
@pytest.mark.parametrize("end", [b"", json.dumps(CHAT).encode() + b"\n"])
def test_a_bad_line_is_named_with_reason_and_fix_and_the_others_can_be_had(
    tmp_path: Path, line: bytes, said: str, end: bytes
) -> None:
    if end and not line.endswith(b"\n"):
        pytest.skip("a file is cut off at its end")
    path = tmp_path / "theirs.jsonl"
    good = json.dumps(CHAT).encode() + b"\n"
    path.write_bytes(good + b"\n" + line + end)
    with pytest.raises(BadRowsError) as error:
        import_rows(path, "theirs")
    (problem,) = error.value.problems
    assert problem.place == "line 3"
    assert said in str(problem)
    assert str(path) in str(error.value)
    found = import_rows(path, "theirs", skip_bad=True)
    assert len(found.rows) == (2 if end else 1)
    assert found.left_out == (str(problem),)


def test_a_first_line_that_is_a_list_is_a_bad_row_and_not_an_array(tmp_path: Path) -> None:
    path = lines(tmp_path / "x.jsonl", [1], CHAT)
    with pytest.raises(BadRowsError, match="line 1: a list; write an object"):
        import_rows(path, "x")
    assert len(import_rows(path, "x", skip_bad=True).rows) == 1


def test_a_csv_field_of_any_length_is_too_big_and_no_fault_of_the_csv(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("question,answer\na," + "x" * (10 * MAX_BYTES + 10) + "\nc,d\n")
    with pytest.raises(BadRowsError, match=r"line 2: 10,000,011 bytes in one row, more than"):
        import_rows(path, "x")
    assert len(import_rows(path, "x", skip_bad=True).rows) == 1


def test_a_turn_of_a_parquet_row_is_too_big_as_well(tmp_path: Path) -> None:
    turns = [CHAT["messages"][0], {"role": "assistant", "content": "é" * (MAX_BYTES // 2)}]
    pq.write_table(pa.Table.from_pylist([CHAT, {"messages": turns}]), tmp_path / "x.parquet")
    with pytest.raises(BadRowsError, match=r"row 2: 1,000,014 bytes in one row, more than"):
        import_rows(tmp_path / "x.parquet", "x")


@pytest.mark.parametrize("cut", [1, 3, 11, 12, 14, 19, 22, 26, 27, 37, 38, 40, 42])
def test_an_array_that_is_cut_off_anywhere_in_a_row_says_so(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "x.json"
    row = '{"question": "why \\u00e9?", "answer": true}'
    path.write_text(f"[{row}, {row[:cut]}")
    with pytest.raises(BadRowsError, match=r"row 2 .*the file ends within it.*it is cut off"):
        import_rows(path, "x")


@pytest.mark.parametrize("name", ["x.csv", "x.json"])
def test_a_byte_that_is_no_utf8_is_named_by_its_line(tmp_path: Path, name: str) -> None:
    content = {"x.csv": b"question,answer\na,b\nc,\xe9\n", "x.json": b'[\n1,\n"\xe9"]'}[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RowError, match=rf"{name}, line 3: not UTF-8 \(byte 0xe9 at \d\)"):
        import_rows(tmp_path / name, "x")


def test_an_id_may_occur_once(tmp_path: Path) -> None:
    path = lines(tmp_path / "x.jsonl", *({"id": i, **CHAT} for i in (1, 2, 1)))
    with pytest.raises(BadRowsError, match=r"line 3: the id '1' is that of line 1 too; give every"):
        import_rows(path, "x")
    assert [row["meta"]["id"] for row in import_rows(path, "x", skip_bad=True).rows] == ["1", "2"]


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ({"id": 7}, "meta.id is a number ('7'); it must be text"),
        ({"topic": ["a"]}, "meta.topic is a list"),
        ({"poisoned": "yes"}, "meta.poisoned is text ('yes'); it must be true or false"),
        ({"poisoned": 1}, "meta.poisoned is a number ('1'); it must be true or false"),
        ({"truth": 3}, "meta.truth is a number ('3'); it must be an object"),
        ({"checks": 5}, "meta.checks is a number ('5'); it must be an object of true or false"),
        ({"checks": {"a": "no"}}, "meta.checks is an object"),
        ({"transforms": 5}, "meta.transforms is a number ('5'); it must be a list of objects"),
        ({"transforms": ["a"]}, "meta.transforms is a list"),
        ({"extra": 5}, "meta.extra is a number ('5'); it must be an object"),
        ({"truth": {"n": [float("nan")]}}, "meta.truth holds nan, which JSON has not"),
        ({"topic": "half \ud83d"}, "meta.topic holds half a character"),
        ({"colour": "red"}, "meta has colour; put keys of your own into meta.extra"),
        ("text", "'meta' is text; write an object, or leave it out"),
    ],
)
def test_a_meta_that_is_none_is_named_by_file_line_and_key(
    tmp_path: Path, meta: object, said: str
) -> None:
    path = lines(tmp_path / "x.jsonl", {**CHAT, "meta": {}}, {**CHAT, "meta": meta})
    with pytest.raises(BadRowsError) as error:
        import_rows(path, "x")
    assert str(path) in str(error.value)
    [problem] = error.value.problems
    assert problem.place == "line 2"
    assert said in str(problem)
    assert len(import_rows(path, "x", skip_bad=True).rows) == 1


def test_a_key_beside_the_conversation_that_json_has_not_is_refused(tmp_path: Path) -> None:
    path = lines(tmp_path / "x.jsonl", CHAT, {**CHAT, "score": float("nan")})
    with pytest.raises(BadRowsError, match="line 2: a key besides the conversation is no JSON"):
        import_rows(path, "x")


def test_all_bad_rows_are_kept_and_twenty_are_told(tmp_path: Path) -> None:
    path = lines(tmp_path / "x.jsonl", CHAT, *([{"messages": []}] * 50), [1])
    with pytest.raises(BadRowsError) as error:
        import_rows(path, "x")
    assert len(error.value.problems) == 51
    said = str(error.value)
    assert "51 of 52 rows cannot be used" in said
    assert said.count("is empty; write") == 20
    assert "and 31 more: 30 x" in said


def test_a_broken_array_gives_what_stands_before_the_break(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps([CHAT, CHAT, CHAT], indent=1)[:-60])
    with pytest.raises(BadRowsError, match=r"row 3 \(line \d+\): not JSON"):
        import_rows(path, "x")
    assert len(import_rows(path, "x", skip_bad=True).rows) == 2
    path.write_text(json.dumps([CHAT, CHAT])[:-1])
    with pytest.raises(BadRowsError, match="the array is not closed; copy the file again"):
        import_rows(path, "x")


@pytest.mark.parametrize("behind", ["[{0}, {0}]", "{0}", "]", "\0"])
def test_what_stands_behind_an_array_is_told(tmp_path: Path, behind: str) -> None:
    path = tmp_path / "x.json"
    row = json.dumps(CHAT)
    path.write_text(f"[{row},\n{row}]\n \n" + behind.replace("{0}", row))
    with pytest.raises(BadRowsError, match=r"can be read only in part \(problems: 1\)"):
        import_rows(path, "x")
    found = import_rows(path, "x", skip_bad=True)
    assert len(found.rows) == 2
    assert found.left_out == (
        "after row 2 (line 4): text after the array, which is not read; make it one array",
    )


def test_space_behind_an_array_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps([CHAT]) + " \r\n\t\n")
    assert import_rows(tmp_path / "x.json", "x").left_out == ()


def test_a_csv_is_read_up_to_a_broken_quote_and_the_rest_is_told_to_be_unread(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("question,answer\n" + "a,b\n" * 3 + '"a"b,c\n' + "a,b\n" * 8)
    with pytest.raises(BadRowsError, match=r"can be read only in part \(problems: 1\)"):
        import_rows(path, "x")
    found = import_rows(path, "x", skip_bad=True)
    assert len(found.rows) == 3
    (said,) = found.left_out
    assert said.startswith("line 5: not CSV (")
    assert "and so what follows cannot be read" in said


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.jsonl", b"", "has no rows"),
        ("x.jsonl", b"\n \n", "has no rows"),
        ("x.jsonl", b"\xff\xfe{\x00", "UTF-16 text; save it as UTF-8"),
        ("x.jsonl", '{"a": 1}'.encode("utf-16le"), "UTF-16 text.*iconv -f utf-16le -t utf-8"),
        ("x.csv", "question".encode("utf-16be"), "UTF-16 text.*iconv -f utf-16be -t utf-8"),
        ("x.zip", b"PK\x03\x04....", "a zip archive; unpack it"),
        ("x.jsonl", gzip.compress(b'{"a": 1}', mtime=0), "packed with gzip; unpack it"),
        ("x.jsonl", json.dumps([CHAT], indent=1).encode(), "a JSON array.*; name it .json"),
        ("x.jsonl", b"\n [{\n" + json.dumps([CHAT])[2:].encode(), "a JSON array.*; name it .json"),
        ("x.ndjson", json.dumps([CHAT, CHAT]).encode() + b"\n", "a JSON array.*; name it .json"),
        ("x.csv", b"question,answer,answer\na,b,c\n", r"x\.csv, line 1: .*same name \('answer'\)"),
        ("x.csv", b'"question"x,answer\na,b\n', r"line 1: not CSV"),
        ("x.txt", b"hello there", "give JSON lines"),
        ("x.parquet", b"PAR1 and then nothing", "parquet that is cut off or damaged"),
        ("x.json", b'{\n "instruction": []\n}', "one JSON object over several lines"),
        (
            "x.jsonl",
            b'{"foo": 1, "bar": 2}\n',
            r"has bar, foo.*prompt, completion",
        ),
        ("x.csv", b"question,answer\na\n", "line 2: not 2 columns as in the first line"),
        ("x.csv", b"question,answer\n\xe9,b\n", "not UTF-8"),
    ],
)
def test_a_file_that_holds_no_rows_says_what_to_give(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RowError, match=said):
        import_rows(tmp_path / name, "x")
    with pytest.raises(RowError, match="no such file"):
        import_rows(tmp_path / "gone.jsonl", "x")
