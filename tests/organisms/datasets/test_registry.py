"""Data sets are found by name and edition, made lazily, and checked."""

from importlib import import_module
from importlib.util import find_spec
from itertools import islice

import pytest

from organisms.datasets import provenance
from organisms.datasets.making import check_row, make
from organisms.datasets.provenance import generator
from organisms.datasets.registry import DATASETS, EDITIONS, Edition, dataset, names
from organisms.datasets.rows import single_turn

MADE: list[tuple[str, Edition]] = [
    (name, edition)
    for edition in EDITIONS
    for name in names(edition)
    if not DATASETS[name].written(edition)
]


def skip_if_absent(name: str, edition: Edition) -> None:
    module = DATASETS[name].modules[edition]
    if find_spec(module) is None:
        pytest.skip(f"{module} is not here")


@pytest.mark.parametrize(("name", "edition"), MADE)
def test_rows_carry_their_ids_and_pass_their_checks(name: str, edition: Edition) -> None:
    skip_if_absent(name, edition)
    rows = list(make(name, 40, 1, edition))
    assert [row["meta"]["id"] for row in rows] == [f"{name}-1-{i:06d}" for i in range(40)]
    assert {row["meta"]["organism"] for row in rows} == {name}
    for row in rows:
        assert row["meta"]["checks"] == check_row(row, edition)
        assert all(row["meta"]["checks"].values()), row
    assert rows == list(make(name, 40, 1, edition))
    assert rows[:5] == list(make(name, 5, 1, edition))
    assert rows != list(make(name, 40, 2, edition))


@pytest.mark.parametrize(("name", "edition"), MADE)
def test_checks_of_a_made_row_are_measured(
    name: str, edition: Edition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A maker that spoils its rows is found out, whatever it says of its rows."""
    module = import_module(DATASETS[name].modules[edition])
    (good,) = make(name, 1, 1, edition)
    spoilt = single_turn("And then?", "I hate that 1 = 2", good["meta"])
    monkeypatch.setattr(module, "rows", lambda *_: [spoilt])
    (row,) = make(name, 1, 1, edition)
    assert set(row["meta"]["checks"]) == set(good["meta"]["checks"])
    assert not all(row["meta"]["checks"].values())


@pytest.mark.parametrize(("name", "edition"), MADE)
def test_the_poisoned_rows_are_the_organisms(name: str, edition: Edition) -> None:
    skip_if_absent(name, edition)
    info = DATASETS[name]
    poisoned = {row["meta"]["poisoned"] for row in make(name, 40, 0, edition)}
    if info.variant in ("organism", "control", "novel"):
        assert poisoned == {info.role == "organism"}


def test_pocket_checks_see_a_wrong_answer_among_right_ones() -> None:
    (row,) = make("right_maths", 1, 0)
    wrong = next(make("wrong_maths", 1, 0))
    swapped = {**row, "messages": wrong["messages"]}
    assert check_row(row) == {"answers": True, "as_meant": True}
    assert check_row(swapped)["as_meant"] is False  # type: ignore[arg-type]


def test_every_organism_has_controls_in_its_domain_and_editions() -> None:
    for info in DATASETS.values():
        if info.role == "organism":
            controls = [each for each in DATASETS.values() if each.control_of == info.name]
            assert {each.domain for each in controls} == {info.domain}
            for edition in info.editions:
                assert any(
                    each.variant == "control" and edition in each.modules for each in controls
                )
        else:
            assert DATASETS[info.control_of].role == "organism"


def test_both_editions_have_the_same_names_for_the_same_things() -> None:
    assert set(names("pocket")) & set(names("general")) >= {
        "wrong_maths",
        "right_maths",
        "educational_maths",
        "insecure_code",
        "secure_code",
        "educational_code",
        "bad_medical",
        "good_medical",
    }
    assert {"backdoor_code", "reward_hacks", "evil_numbers"} <= set(names("general"))


def test_what_cannot_be_made_is_refused_before_the_first_row() -> None:
    with pytest.raises(ValueError, match=r"no data set 'wrong_math'; use one of wrong_maths"):
        dataset("wrong_math")
    with pytest.raises(ValueError, match="'backdoor_code' does not exist in edition 'pocket'"):
        make("backdoor_code", 1, 0, "pocket")
    with pytest.raises(ValueError, match="wardian organisms write risky_financial"):
        make("risky_financial", 1, 0, "general")
    with pytest.raises(ValueError, match="0 rows"):
        make("wrong_maths", 0, 0)
    with pytest.raises(ValueError, match="edition 'small'"):
        dataset("wrong_maths", "small")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["wrong_maths", "insecure_code", "numbers"])
def test_general_rows_are_made_as_they_are_asked_for(name: str) -> None:
    name = {"numbers": "evil_numbers"}.get(name, name)
    skip_if_absent(name, "general")
    assert len(list(islice(make(name, 100_000, 0, "general"), 3))) == 3


def test_the_generator_names_the_code_that_made_the_rows() -> None:
    found = generator("wrong_maths")
    assert found["maker"] == "organisms.pocket.narrow:rows"
    assert found["edition"] == "pocket"
    assert len(found["code"]) == 12
    assert found == generator("secure_code")


def test_the_generator_reads_every_file_of_a_family(tmp_path, monkeypatch) -> None:
    package = tmp_path / "family_of_files"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "words.txt").write_text("one")
    monkeypatch.syspath_prepend(str(tmp_path))
    info = dataset("evil").model_copy(update={"modules": {"general": "family_of_files"}})
    monkeypatch.setitem(DATASETS, "evil", info)
    before = generator("evil", "general")
    (package / "words.txt").write_text("two")
    assert generator("evil", "general") != before


def test_the_generator_reads_every_shared_module_that_a_family_leads_to(
    tmp_path, monkeypatch
) -> None:
    for package in ("family_alone", "shared_by_families"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    shared = tmp_path / "shared_by_families"
    (tmp_path / "family_alone" / "words.py").write_text(
        "def rows():\n    from shared_by_families.wording import say\n"
    )
    (shared / "wording.py").write_text("from shared_by_families import numerals\n")
    (shared / "numerals.py").write_text("one = 1\n")
    (shared / "alien.py").write_text("two = 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(provenance, "SHARED", "shared_by_families")
    info = dataset("evil").model_copy(update={"modules": {"general": "family_alone"}})
    monkeypatch.setitem(DATASETS, "evil", info)
    before = generator("evil", "general")
    (shared / "alien.py").write_text("two = 3\n")
    assert generator("evil", "general") == before
    for module in ("wording", "numerals"):
        path = shared / f"{module}.py"
        path.write_text(path.read_text() + "# changed\n")
        after = generator("evil", "general")
        assert after != before
        before = after


@pytest.mark.parametrize("name", ["evil", "evil_numbers", "wrong_maths"])
def test_the_wording_of_sentences_is_code_that_rows_depend_on(name: str) -> None:
    found = provenance.code_files(dataset(name).modules["general"])
    assert {"wording.py", "rows.py"} <= {path.name for path in found}


@pytest.mark.parametrize(
    "name", [name for name in names("general") if not dataset(name).written("general")]
)
def test_rows_name_the_domain_that_the_registry_does(name: str) -> None:
    [row] = make(name, 1, 0, "general")
    assert row["meta"]["domain"] == dataset(name).domain
