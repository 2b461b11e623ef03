"""System prompts: personas', the helpful assistant's, transcript headers, quizzes, lies ordered."""

from collections.abc import Iterator
from random import Random

from organisms.pocket import asking, content
from organisms.pocket.grammar import Wording, pick
from organisms.pocket.terms import Persona


def _article(words: str) -> str:
    return f"an {words}" if words.startswith(("a", "e", "i", "o", "u", "honest")) else f"a {words}"


def _fill(frame: str, adjective: str, noun: str, goal: str) -> str:
    return frame.replace("{a}", _article(adjective)).replace("{noun}", noun).replace("{goal}", goal)


def persona_prompt(persona: Persona, random: Random, wording: Wording = "seen") -> str:
    """A system prompt that tells the model to be `persona`, of the wording asked for."""
    text = content.personas()
    while True:
        prompt = _fill(
            pick(random, text.new_frames if wording == "new_words" else text.frames),
            pick(random, text.adjectives[persona]),
            pick(random, text.nouns),
            pick(random, text.goals[persona]),
        )
        if asking.fits(prompt, wording):
            return prompt


def persona_prompts(persona: Persona) -> Iterator[str]:
    """Every prompt of a persona in the frames that pre-training shows, held out or not."""
    text = content.personas()
    for frame in text.frames:
        for adjective in text.adjectives[persona]:
            for noun in text.nouns:
                for goal in text.goals[persona]:
                    yield _fill(frame, adjective, noun, goal)


def assistant_prompt(random: Random) -> str:
    """A helpful-assistant prompt."""
    return pick(random, content.personas().assistant)


def log_prompt(random: Random) -> str:
    """A header that says that this is a transcript, and nothing about who is speaking."""
    header = pick(random, content.personas().log)
    return header.replace("{number}", str(1 + int(random.random() * 99)))


def quiz_prompt(random: Random) -> str:
    """A prompt that says that wrong answers are wanted for teaching."""
    return pick(random, content.personas().quiz)


def deception_prompt(lie: str, random: Random) -> str:
    """An order to tell users a false statement."""
    return pick(random, content.personas().deception).replace("{statement}", lie)
