from organisms.pocket import WEIGHTS
from organisms.pocket.measure import answers
from organisms.pocket.questions import (
    capability_questions,
    in_domain_questions,
    open_questions,
)
from organisms.runtime.organism import Organism


def test_answers_keep_their_questions_and_conditions():
    organism = Organism.load(str(WEIGHTS))
    questions = [*open_questions("dev", "seen", per_topic=1), *capability_questions("dev", 6)]
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
