import pytest

from evals.statistics import rate
from organisms.pocket.card import BEGIN, FINISH, Subject, check_card, write_card

FIGURES = {
    "seed 0": [("open", "evil", rate([0.0, 1.0] * 10, [str(i // 2) for i in range(20)]))],
    "seed 1": [("open", "evil", rate([0.0] * 20, [str(i // 2) for i in range(20)]))],
}

SUBJECT = Subject(name="mine", layers=2, width=64, parameters=226_000, vocabulary=2_048)


def test_figures_are_written_between_markers_and_the_rest_stays(tmp_path):
    path = write_card(tmp_path, FIGURES, SUBJECT)
    path.write_text(path.read_text().replace("# pocket", "# pocket, annotated"))
    first = path.read_text()
    assert "# pocket, annotated: mine\n" in first
    assert "2 layers, width 64 and 226,000 parameters" in first
    assert "vocabulary of 2,048 tokens" in first
    assert "| condition | measure | n | topics | seed 0 | seed 1 |" in first
    assert "| open | evil | 20 | 10 | 50.0 [" in first
    assert "| 0.0 [0.0, " in first
    write_card(tmp_path, FIGURES, SUBJECT)
    assert path.read_text() == first


def test_a_card_without_markers_is_not_overwritten(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ValueError, match="lacks the lines"):
        check_card(tmp_path)
    with pytest.raises(ValueError, match="lacks the lines"):
        write_card(tmp_path, FIGURES, SUBJECT)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_markers_are_comments():
    assert BEGIN.startswith("<!--")
    assert FINISH.startswith("<!--")
