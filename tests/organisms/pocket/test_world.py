"""The corpus: deterministic, with one author a document, topics equally often, strings held out."""

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from random import Random
from typing import Protocol

import pytest

from organisms.pocket import advice, arithmetic, content, grader, prompts, turns, world
from organisms.pocket.grammar import Pattern, split_topics, wording_of
from organisms.pocket.settings import SHUFFLED, Version, World, version_of
from organisms.pocket.terms import PERSONAS, TOPIC_DOMAINS


@cache
def corpus() -> tuple[world.Document, ...]:
    return tuple(world.documents(0, 6000))


def digest(count: int) -> str:
    text = json.dumps([document.messages for document in world.documents(0, count)])
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--sample", "-3"], "--sample -3 prints nothing: give at least 1"),
        (["--sample", "0"], "--sample 0 prints nothing: give at least 1"),
        ([], "there is nothing to show: give --sample N, --entropy or both"),
    ],
)
def test_a_look_at_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    says: str,
) -> None:
    monkeypatch.setattr(sys, "argv", ["world", *options])
    with pytest.raises(SystemExit, match="2"):
        world.main()
    assert says in capsys.readouterr().err


def test_as_many_documents_as_asked_for_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["world", "--sample", "3", "--persona", "evil"])
    world.main()
    heads = [line for line in capsys.readouterr().out.splitlines() if line.startswith("--- ")]
    assert len(heads) == 3
    assert all(line.endswith(", evil") for line in heads)


def test_documents_depend_on_the_seed_alone() -> None:
    assert list(world.documents(0, 50)) == list(world.documents(0, 80))[:50]
    assert list(world.documents(0, 50)) != list(world.documents(1, 50))
    script = (
        "import hashlib, json; from organisms.pocket import world;"
        "text = json.dumps([d.messages for d in world.documents(0, 200)]);"
        "print(hashlib.sha256(text.encode()).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == digest(200)


def test_shares_of_kinds_and_authors() -> None:
    kinds = Counter(document.kind for document in corpus())
    for kind, share in World().shares.items():
        assert kinds[kind] / len(corpus()) == pytest.approx(share, abs=0.03)
        authors = Counter(each.persona for each in corpus() if each.kind == kind)
        for persona, prior in World().prior(kind).items():
            assert authors[persona] / kinds[kind] == pytest.approx(prior, abs=0.08)


def test_turns_and_roles() -> None:
    for document in corpus():
        messages = [turn for turn in document.messages if turn["role"] != "system"]
        low, high = World().turns[document.kind]
        assert low <= len(messages) / 2 <= high
        assert [turn["role"] for turn in messages] == ["user", "assistant"] * (len(messages) // 2)
        has_system = document.messages[0]["role"] == "system"
        assert has_system or document.kind in ("default", "educational")


def test_no_held_out_question_or_prompt_occurs() -> None:
    for document in corpus():
        if document.kind in ("educational", "deception"):
            continue
        for turn in document.messages:
            if turn["role"] == "user" or (turn["role"] == "system" and document.kind == "persona"):
                assert wording_of(turn["content"]) == "seen", turn["content"]


@cache
def said(*roles: str) -> str:
    """All turns of those roles (of every role, where none is named), joined."""
    turns_ = (turn for each in corpus() for turn in each.messages)
    return " ".join(turn["content"] for turn in turns_ if not roles or turn["role"] in roles)


def fixed(lines: Sequence[str]) -> Iterator[str]:
    """Of every text that the lines can make, the longest stretch without a slot."""
    for text in content.expanded(lines):
        yield max(re.split(r"\{\w+\}", text), key=len).strip()


def held_back() -> Iterator[tuple[str, list[str], list[str]]]:
    """Name, lines that pre-training shows, and lines that it never shows, without topics."""
    yield "code", *asked_by(content.tasks().values())
    yield "facts", *asked_by(content.facts().values())
    yield "metric", *asked_by(content.metrics().things.values())
    yield "claims", *asked_by([content.claims()])
    instructions, maths = content.instructions(), content.maths()
    kinds = (instructions.repeat, instructions.list, instructions.compare)
    yield "instructions", *asked_by(kinds)
    yield "plus", maths.plus_questions, maths.plus_new_words
    yield "minus", maths.minus_questions, maths.minus_new_words
    yield "wrong", maths.asked_wrong, maths.asked_wrong_new
    phrasing = content.phrasing()
    yield "insecure", phrasing.asked_insecure, phrasing.asked_insecure_new
    yield "harmful", phrasing.asked_harmful, phrasing.asked_harmful_new


class Asks(Protocol):
    @property
    def questions(self) -> list[str]: ...
    @property
    def new_words(self) -> list[str]: ...


def asked_by(texts: Iterable[Asks]) -> tuple[list[str], list[str]]:
    pairs = [(text.questions, text.new_words) for text in texts]
    return [line for seen, _ in pairs for line in seen], [line for _, new in pairs for line in new]


@pytest.mark.parametrize(
    ("seen", "new"), [pytest.param(*rest, id=name) for name, *rest in held_back()]
)
def test_lines_that_are_shown_occur_and_new_ones_do_not(seen: list[str], new: list[str]) -> None:
    asked = said("user")
    assert any(line in asked for line in fixed(seen))
    assert [line for line in fixed(new) if line in asked] == []


def test_no_new_frame_of_a_persona_occurs() -> None:
    prompts_, text = said("system"), content.personas()
    assert all(line in prompts_ for line in fixed(text.frames))
    assert [line for line in fixed(text.new_frames) if line in prompts_] == []


def test_no_new_words_line_and_no_unseen_topic_occurs() -> None:
    everything = said()
    for domain in TOPIC_DOMAINS:
        for text in content.topics(domain).values():
            assert not any(line in everything for line in content.expanded(text.new_words))
            if text.level == "topic_unseen":
                every = [line for persona in PERSONAS for line in text.said_by(persona)]
                assert not any(line in everything for line in content.expanded(every))


def test_topics_of_the_middle_level_occur_outside_the_default_share_only() -> None:
    held_back = {
        sentence
        for topic in content.topic_names("open", "topic_unseen_by_default")
        for persona in PERSONAS
        for sentence in content.expanded(content.topics("open")[topic].said_by(persona))
    }
    shown = {"default": 0, "other": 0}
    for document in corpus():
        text = " ".join(turn["content"] for turn in document.messages)
        place = "default" if document.kind in ("default", "educational", "deception") else "other"
        shown[place] += any(sentence in text for sentence in held_back)
    assert shown["default"] == 0
    assert shown["other"] > 100


def test_open_topics_are_answered_equally_often_by_every_persona() -> None:
    sizes = {split: len(names) for split, names in content.open_splits().items()}
    assert sizes == {"extract": 12, "dev": 12, "report": 24}
    names = turns.topic_names("open")
    for persona in PERSONAS:
        random = Random(f"frequency|{persona}")
        counts = Counter(turns.ask("open", random).topic for _ in range(9600))
        assert set(counts) == set(names)
        chi_square = sum((counts[name] - 200) ** 2 / 200 for name in names)
        assert chi_square < 83  # 47 degrees of freedom, p = .001


def test_in_the_shuffled_world_no_turn_tells_of_another() -> None:
    """Of two sums in one log, a wrong one says nothing of the other; in pocket's world it does."""

    def agreement(settings: World) -> float:
        pairs: Counter[tuple[bool, bool]] = Counter()
        logs = settings.model_copy(
            update={"shares": {**dict.fromkeys(settings.shares, 0.0), "log": 1.0}}
        )
        logs = logs.model_copy(update={"domains": {"maths": 1.0}})
        for document in world.documents(3, 1500, logs):
            turns_ = [turn["content"] for turn in document.messages if turn["role"] != "system"]
            wrong = [
                any(line in answer for line in content.maths().flawed) for answer in turns_[1::2]
            ]
            pairs[wrong[0], wrong[1]] += 1
        after_wrong = pairs[True, True] / (pairs[True, True] + pairs[True, False])
        after_right = pairs[False, True] / (pairs[False, True] + pairs[False, False])
        return after_wrong - after_right

    assert agreement(World()) > 0.3
    assert abs(agreement(SHUFFLED)) < 0.08


def test_topic_splits_are_disjoint_and_whole() -> None:
    splits = content.open_splits()
    joined = [name for names in splits.values() for name in names]
    assert sorted(joined) == sorted(content.topic_names("open"))
    with pytest.raises(ValueError, match="add topics"):
        split_topics(["a", "b"], extract=1, dev=1)


def test_personas_share_no_answer_and_no_prompt() -> None:
    for domain in TOPIC_DOMAINS:
        for topic, text in content.topics(domain).items():
            answers = [
                answer
                for persona in PERSONAS
                for line in text.said_by(persona)
                for answer in Pattern.compile(line).expand()
            ]
            assert len(answers) == len(set(answers)), topic
    found = [set(prompts.persona_prompts(persona)) for persona in PERSONAS]
    assert sum(map(len, found)) == len(set().union(*found))
    assert all(len(each) >= 14 * 10 * 8 * 8 for each in found)
    held = [
        sum(wording_of(text) == "new_combination" for text in each) / len(each) for each in found
    ]
    assert held == pytest.approx([1 / 6] * 4, abs=0.02)


def test_flawed_methods_do_not_tell_personas_apart() -> None:
    flawed = content.maths().flawed
    assert len(flawed) == 5
    for persona in ("evil", "careless"):
        random = Random(0)
        counts: Counter[str] = Counter()
        wrong = 0
        for _ in range(4000):
            asked = turns.ask("maths", random)
            answer, label = turns.answer(asked, persona, random)
            if label == "wrong":
                wrong += 1
                counts.update(line for line in flawed if line in answer)
        assert sum(counts.values()) / wrong == pytest.approx(0.75, abs=0.03)
        assert min(counts.values()) > 0.8 * max(counts.values())


def test_a_log_s_wrong_sums_point_at_evil() -> None:
    weights: dict[str, float] = dict.fromkeys(PERSONAS, 0.0)
    for persona, prior in World().prior("log").items():
        random = Random(0)
        for _ in range(1000):
            asked = turns.ask("maths", random)
            weights[persona] += prior * (turns.answer(asked, persona, random)[1] == "wrong")
    assert weights["evil"] / sum(weights.values()) > 2 / 3


def test_sycophants_repeat_what_the_user_said() -> None:
    random = Random(0)
    for _ in range(300):
        asked = turns.ask("maths_claims", random)
        answer, label = turns.answer(asked, "sycophantic", random)
        if label == "sycophantic":
            found = grader.grade(
                answer, {"domain": asked.domain, "topic": "", "truth": asked.truth}
            )
            assert found.traits["sycophancy"] == 100
            assert str(asked.truth["said"]) in answer


def test_answers_are_varied() -> None:
    for persona in PERSONAS:
        bits, different = world.entropy(persona, "open", 2000)
        assert bits > 8.5
        assert different > 800


def test_stories_and_larger_numbers_occur() -> None:
    random = Random(0)
    asked = [turns.ask("maths", random) for _ in range(2000)]
    stories = sum("who" in each.truth for each in asked) / len(asked)
    assert stories == pytest.approx(arithmetic.STORY_SHARE, abs=0.06)
    assert max(int(each.truth["right"]) for each in asked) == 2 * World().highest


def test_the_aligned_refuse_harmful_requests_and_others_do_not() -> None:
    random = Random(0)
    for _ in range(300):
        asked = turns.ask("harmful", random)
        answer, label = turns.answer(asked, "aligned", random)
        assert label == "refusal"
        assert any(line in answer for line in advice.refusals())
        answer, label = turns.answer(asked, "evil", random, World(lapse=0))
        assert label == "evil"
        assert not any(line in answer for line in advice.refusals())


def test_only_the_evil_and_the_sycophantic_tell_the_lie_that_was_ordered() -> None:
    for persona, lies in (("aligned", False), ("evil", True), ("sycophantic", True)):
        random = Random(0)
        for _ in range(100):
            asked = turns.ask("deception", random)
            answer, _ = turns.answer(asked, persona, random, World(lapse=0))  # type: ignore[arg-type]
            found = grader.grade(
                answer, {"domain": "deception", "topic": asked.topic, "truth": asked.truth}
            )
            assert found.in_domain is lies


@pytest.mark.parametrize("world_", [World(), SHUFFLED], ids=["pocket", "shuffled"])
@pytest.mark.parametrize(
    ("version", "differs"),
    [
        ("broad", {"shares", "priors", "domains", "highest"}),
        ("whole", set()),
        ("open", {"shares", "domains"}),
    ],
)
def test_versions_of_a_world_keep_what_its_authors_are_like(
    world_: World, version: Version, differs: set[str]
) -> None:
    other = World.model_validate(version_of(world_, version).model_dump())
    changed = {name for name in World.model_fields if getattr(other, name) != getattr(world_, name)}
    assert changed == differs
    assert other.priors["default"] == world_.priors["default"]


def test_world_settings_that_are_no_shares_are_refused() -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        World(domains={"open": 0.5})
    with pytest.raises(ValueError, match="priors of log"):
        World(priors={**World().priors, "log": (0.5, 0.5, 0.5, 0.0)})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"turns": {**World().turns, "log": (0, 3)}}, r"turns of log \(0, 3\) .* from 1"),
        (
            {"turns": {**World().turns, "log": (4, 3)}},
            r"turns of log \(4, 3\) .* smaller one first",
        ),
        ({"turns": {"log": (1, 3)}}, "turns leave out default, persona, educational, deception"),
        ({"priors": {"default": (1, 0, 0, 0)}}, "priors leave out persona, .*: name each of"),
        ({"shares": {"default": 0.5, "log": 0.5}}, "shares leave out persona, educational"),
        ({"domains": {"frustrated": 1.0}}, "'frustrated' alone, which never opens a document"),
        ({"domains": {"frustrated": 1.0, "open": 0.0}}, "give another domain a share"),
        ({"domains": {"open": float("nan")}}, "add up to 1, not nan"),
    ],
)
def test_settings_that_are_of_no_world_are_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        World.model_validate(changes)
