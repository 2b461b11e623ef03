"""A spec that extends another takes over its top-level keys, and errors name the right file."""

import pytest

from experiments.spec.errors import load_spec, parse_spec
from experiments.spec.files import SpecError

PARENT = """\
name: parent
seeds: [0, 1]
rows: 60
evaluation:
  samples: 3
  in_domain: 7
"""


@pytest.fixture
def write(tmp_path):
    def of(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return of


@pytest.fixture
def problem(tmp_path):
    def of(path):
        with pytest.raises(SpecError) as caught:
            load_spec(path)
        return str(caught.value).replace(f"{tmp_path}/", "")

    return of


def test_keys_of_the_file_replace_those_of_the_extended_one_whole(write):
    write("parent.yaml", PARENT)
    read = load_spec(
        write("child.yaml", "name: child\nextends: parent.yaml\nevaluation: {samples: 5}\n")
    )
    assert (read.name, read.seeds, read.rows) == ("child", (0, 1), 60)
    assert read.evaluation.samples == 5
    assert read.evaluation.in_domain != 7


def test_a_ready_made_spec_is_extended_by_its_name(write):
    read = load_spec(write("quickstart.yaml", "name: mine\nextends: quickstart\nseeds: [5]\n"))
    assert read.model_copy(update={"name": "quickstart", "seeds": (0, 1, 2)}) == load_spec(
        "quickstart"
    )


def test_what_is_extended_may_extend_in_turn(write):
    write("a.yaml", PARENT)
    write("b.yaml", "name: b\nextends: ./a.yaml\nrows: 70\n")
    read = load_spec(write("c.yaml", "name: c\nextends: b.yaml\n"))
    assert (read.name, read.rows, read.seeds) == ("c", 70, (0, 1))


def test_paths_are_relative_to_the_file_that_holds_them(write):
    rows = write("shared/rows.jsonl", "")
    data = "organisms:\n  - dataset: {path: rows.jsonl, name: own}\n"
    write("shared/parent.yaml", f"name: parent\n{data}")
    child = "name: child\nextends: shared/parent.yaml\nseeds: [3]\n"
    assert load_spec(write("child.yaml", child)).organisms[0].dataset.path == str(rows)
    own = write("rows.jsonl", "")
    assert load_spec(write("child.yaml", child + data)).organisms[0].dataset.path == str(own)


def test_a_problem_in_an_inherited_key_names_the_file_that_holds_it(write, problem):
    write("parent.yaml", "name: parent\nrows: many\nseed: 3\n")
    child = write("child.yaml", "name: child\nextends: parent.yaml\nanswers: 0\n")
    lines = problem(child).splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        "child.yaml:3",
        "parent.yaml:2",
        "parent.yaml:3",
    ]


def test_a_problem_between_two_files_is_told_where_it_can_be_mended(write, problem):
    write("parent.yaml", "name: parent\nsteering:\n  trait: evil\n")
    child = write("child.yaml", "name: child\nextends: parent.yaml\ntraits: [careless]\n")
    assert problem(child).startswith("parent.yaml:3: trait 'evil' is not among the spec's traits")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "name: child\nextends: headlin\n",
            "child.yaml:2: extends: spec 'headlin' is unknown; did you mean 'headline'? allowed: ",
        ),
        (
            "name: child\n\nextends: other.yaml\n",
            "child.yaml:3: extends: there is no spec file other.yaml",
        ),
        (
            "name: child\nextends: [headline]\n",
            "child.yaml:2: extends: should be a ready-made spec's name or a path, found",
        ),
        (
            "name: child\nextends: child.yaml\n",
            "child.yaml:2: extends: child.yaml leads back to itself: child.yaml -> child.yaml",
        ),
        (
            "extends: headline\n",
            "child.yaml:1: key 'name' is missing; a spec that extends has its own",
        ),
        (
            "name: child\nextend: headline\n",
            "child.yaml:2: key 'extend' is unknown; did you mean 'extends'? allowed: name, ",
        ),
        ("name: child\nevaluation: {extends: headline}\n", "key 'extends' is unknown; allowed: "),
    ],
)
def test_what_cannot_be_extended_is_one_line_with_its_place(write, problem, text, said):
    found = problem(write("child.yaml", text))
    assert said in found
    assert "\n" not in found


def test_a_longer_cycle_is_told_with_its_way_round(write, problem):
    write("a.yaml", "name: a\nextends: b.yaml\n")
    write("b.yaml", "name: b\nextends: ./c.yaml\n")
    write("c.yaml", "name: c\nextends: a.yaml\n")
    assert problem(write("a.yaml", "name: a\nextends: b.yaml\n")) == (
        "c.yaml:2: extends: a.yaml leads back to itself: a.yaml -> b.yaml -> c.yaml -> a.yaml"
    )


def test_yaml_that_cannot_be_read_is_told_of_the_extended_file(write, problem):
    write("parent.yaml", "name: parent\nname: other\n")
    found = problem(write("child.yaml", "name: child\nextends: parent.yaml\n"))
    assert found == "parent.yaml:2: key 'name' stands twice (first on line 1)"


def test_text_without_a_file_extends_beside_where_it_would_be(write, tmp_path):
    write("parent.yaml", PARENT)
    read = parse_spec("name: child\nextends: parent.yaml\n", tmp_path / "child.yaml")
    assert read.rows == 60
