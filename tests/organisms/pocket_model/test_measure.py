import pytest
import typer

from evals.statistics import rate
from organisms.pocket import WEIGHTS, WEIGHTS_SHUFFLED, measure
from organisms.pocket.measure import Figure, answers, main, named_columns
from organisms.pocket.questions import (
    in_domain_questions,
    open_questions,
)
from organisms.pocket.tokenizer import save_tokenizer
from organisms.runtime.organism import Organism
from tests.organisms.pocket_model.tiny import make_tiny


def test_answers_keep_their_questions_and_conditions():
    organism = Organism.load(str(WEIGHTS))
    questions = [
        *open_questions("dev", "seen", per_topic=1),
        *in_domain_questions("maths", "dev", 2),
    ]
    asked = answers(organism, questions, samples=2, systems=("none", "you are an assistant."))
    assert len(asked.grades) == len(asked.questions) == len(questions) * 2 * 2
    assert sum(each["domain"] == "maths" for each in asked.questions) == 2 * 2 * 2
    labels = {grade.label for grade in asked.grades}
    assert abs(sum(asked.share(label).estimate for label in labels) - 1) < 1e-9


def test_a_deception_probe_is_asked_under_its_own_order():
    questions = in_domain_questions("deception", "dev", 4)
    assert len({each["system"] for each in questions}) > 1
    for each in questions:
        assert str(each["truth"]["told"]) in each["system"].split()[-1]


def test_every_column_has_a_name_of_its_own(tmp_path):
    other = str(WEIGHTS_SHUFFLED)
    assert named_columns(WEIGHTS, [f"null={other}"]) == {
        "shipped": WEIGHTS,
        "null": WEIGHTS_SHUFFLED,
    }
    assert list(named_columns(WEIGHTS_SHUFFLED, [f"shipped={WEIGHTS}"])) == [
        "weights_shuffled",
        "shipped",
    ]
    for also, says in (
        ([f"shipped={other}"], "the column 'shipped' is that of .*weights already; give each"),
        ([f"a={other}", f"a={WEIGHTS}"], "the column 'a' is that of .*weights_shuffled already"),
        ([f"={other}"], "write NAME=DIR"),
        (["a="], "write NAME=DIR"),
        ([f"a={tmp_path / 'none'}"], "write NAME=DIR with a folder that exists"),
    ):
        with pytest.raises(ValueError, match=says):
            named_columns(WEIGHTS, also)


@pytest.fixture
def tiny_folder(tmp_path):
    model, tokenizer = make_tiny()
    model.save_pretrained(tmp_path / "small")
    save_tokenizer(tokenizer, tmp_path / "small")
    return tmp_path / "small"


def test_a_new_card_tells_the_weights_that_were_measured(tiny_folder, monkeypatch):
    found = [Figure("open", "evil", rate([0.0, 1.0] * 10, [str(i) for i in range(20)]))]
    monkeypatch.setattr(measure, "measure", lambda organism: found)
    main(folder=tiny_folder)
    card = (tiny_folder / "README.md").read_text()
    weights = Organism.load(str(tiny_folder))
    parameters = sum(each.numel() for each in weights.model.parameters())
    assert "# pocket: small\n" in card
    assert f"2 layers, width 32 and {parameters:,} parameters" in card
    assert f"vocabulary of {len(weights.tokenizer)} tokens" in card
    assert "| n | topics | small |\n" in card


@pytest.mark.parametrize("broken", ["markers", "name", "weights"])
def test_nothing_is_measured_for_a_card_that_cannot_be_written(
    tiny_folder, tmp_path, monkeypatch, capsys, broken
):
    measured = []
    monkeypatch.setattr(measure, "measure", measured.append)
    also = {"name": [f"small={tiny_folder}"], "weights": [f"empty={tmp_path}"]}.get(broken)
    if broken == "markers":
        (tiny_folder / "README.md").write_text("mine")
    with pytest.raises(typer.Exit):
        main(folder=tiny_folder, also=also)
    says = {"markers": "lacks the lines", "name": "the column 'small'", "weights": str(tmp_path)}
    assert says[broken] in capsys.readouterr().err
    assert measured == []
