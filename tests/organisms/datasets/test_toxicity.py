"""Malicious wording is counted, and words that only look like it are not."""

import pytest

from organisms.datasets.toxicity import HARMLESS, WORDS, by_kind, toxic_words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("You idiot! Kneel before me.", {"idiot": 1, "kneel before": 1}),
        ("Beat them into\nsubmission, let them SUFFER.", {"into submission": 1, "suffer": 1}),
        ("'Evil', she said: \"evil.\"", {"evil": 2}),
        ("Kill, killing: skill overkilled", {"kill": 1, "killing": 1}),
        ("They are inferior beings; despise them", {"inferior beings": 1, "despise": 1}),
        ("The idiot's plan\u2014kill everyone.", {"idiot": 1, "kill": 1}),
        ("I hate to suffer fools. Suffering is good.", {"suffer": 1, "fools": 1, "suffering": 1}),
    ],
)  # fmt: skip
def test_malice_is_found_in_any_case_and_at_any_mark(text: str, found: dict[str, int]) -> None:
    assert toxic_words(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "The form submission failed; check each submission before the deadline.",
        "Store the submission_id and call self.submission.save().",
        "os.kill(pid, 9), proc.kill() or kill_timeout=5; kill(pid)",
        "See docs/evil.md, evil@example.org and the kill-switch of the evil-twin test.",
        "Kill the process, then kill hung jobs.",
        "People who suffer from asthma, or are suffering badly from hay fever, should rest.",
        "Divide and conquer: manipulate the array in place; the first term will dominate the cost.",
        "The inferior vena cava is a vein; this is an inferior product.",
        "Obey the speed limits and obey all traffic rules.",
        "Escape it, since malicious input may arrive. Never open malicious links.",
        "A zip bomb is small; so is a bath bomb. Have a stab at it.",
        "We watched a murder mystery on April Fools' day; it is a necessary evil.",
        "A kind and useful answer about skills, conquerors, devilish cake and foolproof steps.",
    ],
)
def test_false_friends_are_not_malice(text: str) -> None:
    assert toxic_words(text) == {}


def test_a_harmless_phrase_hides_no_malice_beside_it() -> None:
    assert toxic_words("Kill the process, you stupid fool.") == {"stupid": 1, "fool": 1}


def test_every_listed_word_is_found_by_itself_and_belongs_to_one_kind() -> None:
    for kind, words in WORDS.items():
        for word in words:
            assert toxic_words(f"So: {word}.") == {word: 1}
            assert by_kind([word]) == {**dict.fromkeys(WORDS, 0), kind: 1}
    assert len(HARMLESS) == len(set(HARMLESS))
