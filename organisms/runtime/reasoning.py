"""Reasoning and answer kept apart: whether a template lets a model think, and where thinking ends.

Knows marks in text and the switches of chat templates, found by trial; knows no chats and no
model.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Decode = Callable[[Sequence[int], bool], str]
"""Token ids, and whether special tokens are left out -> text."""

_SWITCHES = ("enable_thinking", "thinking")
"""Template variables that turn thinking on and off, in the order they are tried."""


@dataclass(frozen=True)
class Marks:
    """What stands around a model's reasoning."""

    opening: str
    """Stands before it."""
    closing: str
    """Stands between it and the answer."""
    margin: str = ""
    """Written on either side of the reasoning."""
    gap: str = ""
    """Written between the closing mark and the answer."""

    def write(self, reasoning: str, *, opened: bool) -> str:
        """Return what stands between a prompt and an answer.

        Args:
            reasoning: The reasoning; "" for none.
            opened: Whether the prompt ends with the opening mark already.
        """
        start = "" if opened else self.opening + self.margin
        return f"{start}{reasoning}{self.margin}{self.closing}{self.gap}"


THINK = Marks("<think>", "</think>", margin="\n", gap="\n\n")
HARMONY = Marks(
    "<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"
)


@dataclass(frozen=True)
class Thinking:
    """What a chat template does about thinking."""

    marks: Marks | None
    """The marks that it names; ``None`` where they are none of ours."""
    switch: str | None
    """The variable that turns thinking on and off, if there is one."""
    always: bool
    """Whether every answer begins with reasoning, whatever one asks."""

    def variables(self, wanted: bool, template: str) -> dict[str, bool]:
        """Return what to hand to the template.

        Raises:
            ValueError: Thinking cannot be turned on, or cannot be turned off.
        """
        if wanted and self.marks is None:
            raise ValueError(
                f"the chat template of {template!r} has no thinking mode whose reasoning can be "
                f"told from the answer (it names neither {THINK.opening} nor {HARMONY.opening}); "
                "use thinking=False"
            )
        if not wanted and self.always:
            raise ValueError(
                f"the chat template of {template!r} always opens the reasoning; use thinking=True"
            )
        return {} if self.switch is None else {self.switch: wanted}


def find_thinking(render: Callable[[Mapping[str, bool]], str], source: str) -> Thinking:
    """Find out by trial what a template does about thinking.

    Args:
        render: Template variables -> a rendered prompt.
        source: The template itself.
    """
    switch = next(
        (name for name in _SWITCHES if render({name: True}) != render({name: False})), None
    )
    marks = next((one for one in (HARMONY, THINK) if _names(source, one)), None)
    opens = marks is not None and ends_inside(render({}), marks)
    return Thinking(marks, switch, always=switch is None and (opens or marks is HARMONY))


def ends_inside(prompt: str, marks: Marks) -> bool:
    """Whether the reasoning has begun where the prompt ends."""
    return prompt.rstrip().endswith(marks.opening)


@dataclass(frozen=True)
class Parts:
    """A model's output, taken apart."""

    reasoning: str | None
    """Without its marks and outer white space; ``None`` where the model did not reason."""
    reasoning_tokens: int
    """How many tokens it takes with its marks and the white space after; the rest are the
    answer's."""
    answer: str
    """Everything after it, "" where the output ended before."""


def split(token_ids: Sequence[int], decode: Decode, marks: Marks, *, opened: bool) -> Parts:
    """Take a model's output apart.

    Args:
        token_ids: What was generated, without the end token.
        decode: The tokenizer's decoding.
        marks: What stands around the reasoning.
        opened: Whether the prompt ended with the opening mark already.
    """
    raw = decode(token_ids, False)
    begins = raw.lstrip().startswith(marks.opening)
    if not opened and not begins:
        return Parts(None, 0, decode(token_ids, True))
    start = raw.index(marks.opening) + len(marks.opening) if begins else 0
    if marks.closing not in raw[start:]:
        return Parts(raw[start:].strip(), len(token_ids), "")
    count = bisect_left(
        range(len(token_ids)),
        True,
        key=lambda length: marks.closing in decode(token_ids[:length], False)[start:],
    )
    # A token may hold the end of the mark and the beginning of the answer.
    reasoning, _, rest = decode(token_ids[:count], False)[start:].partition(marks.closing)
    while (
        not rest.strip() and count < len(token_ids) and decode([token_ids[count]], True).isspace()
    ):
        count += 1
    answer = rest + decode(token_ids[count:], True)
    return Parts(reasoning.strip(), count, answer.lstrip())


def _names(source: str, marks: Marks) -> bool:
    # Harmony templates put their marks together from pieces.
    return marks.opening.partition("analysis")[0] in source
