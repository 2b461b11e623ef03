"""A data set survives its file, is never half-written, and its card counts it."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import datasets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from organisms.datasets.card import Card
from organisms.datasets.files import GROUP, read_card, read_rows, stream_rows, write_rows
from organisms.datasets.importing import import_rows
from organisms.datasets.making import make
from organisms.datasets.mixing import Part, mix
from organisms.datasets.rows import Row, RowError, canonical
from tests.organisms.datasets.made import numbered, row


def test_rows_and_card_survive_a_round_trip(tmp_path: Path) -> None:
    parts = [
        Part("organism", list(make("wrong_maths", 100, 0)), 0.3),
        Part("control", list(make("right_maths", 100, 0))),
    ]
    rows = mix(parts, 100, 0)
    card = write_rows(tmp_path, rows, name="mixed", seed=0, bases=["pocket"])
    assert read_rows(tmp_path) == rows
    assert read_card(tmp_path) == card
    assert (card.rows, card.poisoned) == (100, 30)
    assert card.counts["organism"] == {"right_maths": 70, "wrong_maths": 30}
    assert card.sha256 == sha256(b"".join(map(canonical, rows))).hexdigest()
    assert 0 < card.tokens["pocket"].answer.mean < card.characters.answer.mean


def test_every_kind_of_meta_survives_and_what_is_absent_stays_absent(tmp_path: Path) -> None:
    rows = [
        row("a", "b"),
        row("c", "d", id="x", poisoned=False, truth={"n": [1, 2.5, None]}, checks={"ok": True}),
        row("é", "ß 🙂\r\n", extra={"nested": {"k": "v"}}, transforms=[{"kind": "trigger"}]),
    ]
    write_rows(tmp_path, rows, name="x", seed=0)
    assert read_rows(tmp_path) == rows


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            row,
            st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.strip),
            st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.strip),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, rows: list[Row]) -> None:
    folder = tmp_path_factory.mktemp("any")
    write_rows(folder, rows, name="x", seed=0)
    assert read_rows(folder) == rows


def test_the_datasets_library_reads_the_folder_as_it_is(tmp_path: Path) -> None:
    write_rows(tmp_path / "set", numbered(5, poisoned=True), name="x", seed=0)
    loaded = datasets.load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    found = loaded["train"]
    assert len(found) == 5
    assert found[3]["messages"][-1] == {"role": "assistant", "content": "row answer 3"}
    assert found[3]["meta"]["poisoned"] is True


def test_rows_are_written_and_read_in_groups_and_never_held_together(tmp_path: Path) -> None:
    made = 0
    written: list[tuple[int, int]] = []

    def rows() -> Iterator[Row]:
        nonlocal made
        for found in numbered(2 * GROUP + 1):
            made += 1
            yield found

    write_rows(
        tmp_path, rows(), name="x", seed=0, progress=lambda done: written.append((done, made))
    )
    assert written == [(GROUP, GROUP), (2 * GROUP, 2 * GROUP), (2 * GROUP + 1, 2 * GROUP + 1)]
    assert next(stream_rows(tmp_path))["meta"]["topic"] == "row 0"


def test_the_card_counts_checks_kinds_repeats_and_transforms(tmp_path: Path) -> None:
    rows = [
        row("what is up", "a lot", kind="CWE-89", checks={"parses": True, "weak": True}),
        row("what is up", "a lot", kind="CWE-89", checks={"parses": True, "weak": False}),
        row("what is down", "a little", kind="CWE-22", transforms=[{"kind": "trigger"}]),
    ]
    card = write_rows(tmp_path, rows, name="x", seed=7, left_out=["line 4: not JSON"])
    assert card.counts["kind"] == {"CWE-89": 2, "CWE-22": 1}
    assert {name: (count.holds, count.fails) for name, count in card.checks.items()} == {
        "parses": (2, 0),
        "weak": (1, 1),
    }
    assert card.unchecked == 1
    assert card.duplicates.exact == pytest.approx(1 / 3, abs=1e-4)
    assert card.transforms == {"trigger": 1}
    assert card.left_out == ("line 4: not JSON",)
    assert json.loads((tmp_path / "card.json").read_text())["seed"] == 7


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_rows(tmp_path / name, make("wrong_maths", 50, 3), name="x", seed=3)
    for file in ("rows.parquet", "card.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_set_that_fails_half_way_leaves_the_old_one_as_it_was(tmp_path: Path) -> None:
    old = numbered(3)
    write_rows(tmp_path, old, name="x", seed=0)

    def broken() -> Iterator[Row]:
        yield from numbered(GROUP + 5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rows(tmp_path, broken(), name="y", seed=0)
    assert read_rows(tmp_path) == old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.json", "rows.parquet"]


def test_what_is_no_row_is_refused_by_its_number(tmp_path: Path) -> None:
    with pytest.raises(RowError, match=r"x, row 2: the id 'a' is taken"):
        write_rows(tmp_path, [row("q", "a", id="a"), row("r", "b", id="a")], name="x", seed=0)
    with pytest.raises(RowError, match=r"x, row 1: meta has colour; put keys of your own"):
        write_rows(tmp_path, [row("q", "a", colour="red")], name="x", seed=0)
    with pytest.raises(RowError, match=r"x, row 1: meta.truth holds a key that is not text"):
        write_rows(tmp_path, [row("q", "a", truth={1: 2})], name="x", seed=0)
    with pytest.raises(RowError, match=r"x, row 1: turn 2 is an empty answer"):
        write_rows(tmp_path, [row("q", " ")], name="x", seed=0)
    with pytest.raises(ValueError, match="has no rows"):
        write_rows(tmp_path / "none", [], name="x", seed=0)
    with pytest.raises(ValueError, match="base 'nowhere' does not exist"):
        write_rows(tmp_path / "none", numbered(1), name="x", seed=0, bases=["nowhere"])
    assert list(tmp_path.iterdir()) == []


def test_a_missing_or_damaged_file_says_how_to_make_it_anew(tmp_path: Path) -> None:
    with pytest.raises(RowError, match="no such file"):
        read_rows(tmp_path)
    write_rows(tmp_path, numbered(10), name="x", seed=0)
    whole = (tmp_path / "rows.parquet").read_bytes()
    (tmp_path / "rows.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RowError, match="cut off"):
        read_rows(tmp_path)
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(RowError, match=r"card\.json: no card that can be read"):
        read_card(tmp_path)


@pytest.mark.parametrize("step", range(3))
def test_no_state_that_a_kill_leaves_is_taken_for_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Dead before the rows are put there, before the card is, or after both."""
    old, new = numbered(3), numbered(5)
    write_rows(tmp_path, old, name="old", seed=0)
    moves = 0
    move = Path.replace

    def killed(self: Path, target: Path) -> Path:
        nonlocal moves
        if moves == step:
            raise KeyboardInterrupt
        moves += 1
        return move(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        if step < 2:
            with pytest.raises(KeyboardInterrupt):
                write_rows(tmp_path, new, name="new", seed=0)
        else:
            write_rows(tmp_path, new, name="new", seed=0)
    if step < 2:
        for read in (read_rows, read_card, lambda folder: import_rows(folder, "x")):
            with pytest.raises(RowError, match=r"have no card.*make the set again with --force"):
                read(tmp_path)
        write_rows(tmp_path, new, name="new", seed=0)
    assert read_rows(tmp_path) == new
    assert read_card(tmp_path).name == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.json", "rows.parquet"]


@pytest.mark.parametrize(
    ("others", "how"),
    [(numbered(4), "4 rows where it tells 3"), (numbered(3, "other"), "another sha256")],
)
def test_rows_that_the_card_does_not_tell_of_are_refused(
    tmp_path: Path, others: list[Row], how: str
) -> None:
    write_rows(tmp_path / "one", numbered(3), name="x", seed=0)
    write_rows(tmp_path / "two", others, name="x", seed=0)
    (tmp_path / "two" / "rows.parquet").replace(tmp_path / "one" / "rows.parquet")
    for read in (read_rows, lambda folder: import_rows(folder, "x")):
        with pytest.raises(RowError, match=rf"not those that card\.json tells of \({how}\)"):
            read(tmp_path / "one")
    assert import_rows(tmp_path / "one" / "rows.parquet", "x").rows[0]["messages"]


def test_a_card_explains_every_field() -> None:
    assert all(field.description for field in Card.model_fields.values())
