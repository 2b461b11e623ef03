"""From a chat to token ids by the model's own chat template, once, with nothing added in silence.

Knows templates and tokenizers; knows no model. The template is rendered to text once and that
text is tokenised once; an answer's tokens are appended to the prompt's, so spans are counted in
tokens and never looked for in text.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from organisms.runtime.checks import check_listed
from organisms.runtime.reasoning import THINK, Parts, ends_inside, find_thinking, split
from organisms.runtime.recent import Recent
from organisms.runtime.requests import LostSystem, Message, Transcript

_SYSTEM_PROBE = "Wardian system probe"
_USER_PROBE = "Wardian user probe"
_KEPT = 4096
"""Rendered prompts, and tokenised answers, that are remembered."""
_ROLES = ("system", "user", "assistant")


@dataclass(frozen=True)
class Prompt:
    """A rendered prompt."""

    token_ids: tuple[int, ...]
    """The whole prompt, up to where the answer begins."""
    hash: str
    """16 hexadecimal digits that stand for the token ids."""
    system_merged: bool = False
    """Whether the system text stands in the first user turn, for want of a system turn."""
    opens_reasoning: bool = False
    """Whether the prompt ends inside the reasoning."""


class ChatTemplate:
    """The chat template of one tokenizer, with its treatment of system prompts found by trial."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, name: str) -> None:
        """Probe the template.

        Args:
            tokenizer: Tokenizer with a chat template.
            name: The base model's name, for errors.

        Raises:
            ValueError: The tokenizer has no chat template, or the template fails on a user turn.
        """
        if not tokenizer.chat_template:
            raise ValueError(
                f"base {name!r} has no chat template; load a chat model, or save a template with "
                "its tokenizer (chat_template.jinja)"
            )
        self._tokenizer = tokenizer
        self._name = name
        self._prompts: Recent[tuple[object, ...], Prompt] = Recent(_KEPT)
        self._answers: Recent[str, tuple[int, ...]] = Recent(_KEPT)
        bare = self._render([{"role": "user", "content": _USER_PROBE}])
        self._thinking = find_thinking(
            lambda variables: self._render([{"role": "user", "content": _USER_PROBE}], variables),
            str(tokenizer.chat_template),
        )
        self._marks = self._thinking.marks or THINK
        try:
            with_system = self._render(
                [
                    {"role": "system", "content": _SYSTEM_PROBE},
                    {"role": "user", "content": _USER_PROBE},
                ]
            )
        except ValueError as error:
            self._system_refusal = str(error)
            self.inserts_system = False
        else:
            kept = _SYSTEM_PROBE in with_system
            self._system_refusal = "" if kept else "the template drops system turns"
            self.inserts_system = kept and _inserts_system(bare, with_system)

    @property
    def always_thinks(self) -> bool:
        """Whether thinking cannot be turned off."""
        return self._thinking.always

    def prompt(
        self,
        chat: Sequence[Message],
        system: str = "none",
        *,
        thinking: bool = False,
        lost_system: LostSystem = "raise",
    ) -> Prompt:
        """Render a chat up to where the assistant's answer begins.

        Args:
            chat: Turns, the last one the user's. A leading system turn is taken as the text of
                the system condition, which must then be left at ``none``.
            system: ``none``: no system turn; ``default``: whatever the template does by itself;
                anything else: the text of the system turn.
            thinking: Whether the model reasons before it answers.
            lost_system: What to do with a system text that the template would drop or refuse:
                ``raise``, or ``merge`` it into the first user turn, before its text and a blank
                line; the prompt then says so.

        Raises:
            ValueError: The chat is empty, malformed or does not end with a user turn; the
                template would insert a system prompt of its own under ``none``; it would drop or
                refuse the one given; or thinking cannot be turned on, or off.
        """
        _check_turns(chat)
        turns = tuple((turn["role"], turn["content"]) for turn in chat)
        key = (turns, system, thinking, lost_system)
        prompt = self._prompts.get(key)
        if prompt is None:
            prompt = self._make_prompt(chat, system, thinking, lost_system)
            self._prompts.put(key, prompt)
        return prompt

    def transcript(self, transcript: Transcript) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return a transcript's token ids: all before the answer, and the answer's.

        Raises:
            ValueError: The prompt cannot be rendered, the answer is empty, or the reasoning that
                comes before it is missing.
        """
        prompt = self.prompt(
            transcript.chat,
            transcript.system,
            thinking=transcript.thinking,
            lost_system=transcript.lost_system,
        )
        if transcript.answer is None and transcript.reasoning is None:
            return prompt.token_ids, ()
        if transcript.reasoning is None and transcript.thinking:
            raise ValueError(
                "an answer under thinking=True comes after reasoning; give it (reasoning='' for "
                "none) or use thinking=False"
            )
        before = prompt.token_ids
        if transcript.reasoning is not None:
            text = self._marks.write(transcript.reasoning, opened=prompt.opens_reasoning)
            before += self._encode(text)
        return before, () if transcript.answer is None else self.answer(transcript.answer)

    def split(
        self, prompt: Prompt, token_ids: Sequence[int], text: str, stop: Sequence[str] = ()
    ) -> Parts:
        """Take an output apart into reasoning and answer.

        Args:
            prompt: The rendered prompt.
            token_ids: What was generated, without the end token.
            text: The same as text, without special tokens, cut before a stop string.
            stop: The stop strings, where one of them cut the text.
        """
        if self._thinking.marks is None and not text.lstrip().startswith(self._marks.opening):
            return Parts(None, 0, text)
        parts = split(token_ids, self._decode, self._marks, opened=prompt.opens_reasoning)
        if parts.reasoning is None:
            return Parts(None, 0, text)
        return Parts(_cut(parts.reasoning, stop), parts.reasoning_tokens, _cut(parts.answer, stop))

    def answer(self, text: str) -> tuple[int, ...]:
        """Return the token ids of an answer, as they follow a prompt's, without an end token.

        Raises:
            ValueError: The answer has no tokens.
        """
        token_ids = self._answers.get(text)
        if token_ids is None:
            token_ids = self._encode(text)
            if not token_ids:
                raise ValueError(
                    "an empty answer has no tokens to read; leave the transcript out, or give "
                    "answer=None to read its prompt only"
                )
            self._answers.put(text, token_ids)
        return token_ids

    def _make_prompt(
        self, chat: Sequence[Message], system: str, thinking: bool, lost_system: LostSystem
    ) -> Prompt:
        turns = [dict(turn) for turn in chat]
        variables = self._thinking.variables(thinking, self._name)
        if turns[0]["role"] == "system" and system != "none":
            raise ValueError(
                f"the chat has a system turn and system={system[:60]!r} as well; give one of them"
            )
        if turns[0]["role"] != "system" and system not in ("none", "default"):
            turns.insert(0, {"role": "system", "content": system})
        given = turns[0]["role"] == "system"
        if not given and system == "none" and self.inserts_system:
            raise ValueError(
                f"the chat template of {self._name!r} inserts a system prompt of its own where "
                "none is given; use system='default' to accept it, or give a text"
            )
        refusal = self._system_refusal if given else ""
        text = "" if refusal else self._render(turns, variables)
        if given and not refusal and turns[0]["content"].strip() not in text:
            refusal = "the template drops this one"
        if refusal and lost_system == "raise":
            raise ValueError(
                f"the chat template of {self._name!r} takes no system prompt "
                f"{turns[0]['content'][:60]!r} ({refusal}); use lost_system='merge' to put the "
                "text into the first user turn, or system='none'"
            )
        if refusal:
            text = self._render(_merged(turns), variables)
        token_ids = self._encode(text)
        packed = b"".join(token.to_bytes(4, "little") for token in token_ids)
        return Prompt(
            token_ids,
            hashlib.blake2b(packed, digest_size=8).hexdigest(),
            system_merged=bool(refusal),
            opens_reasoning=self._thinking.marks is not None and ends_inside(text, self._marks),
        )

    def _render(self, turns: Sequence[Message], variables: Mapping[str, bool] | None = None) -> str:
        from jinja2 import TemplateError

        try:
            text = self._tokenizer.apply_chat_template(
                list(turns), tokenize=False, add_generation_prompt=True, **(variables or {})
            )
        except TemplateError as error:
            raise ValueError(
                f"the chat template of {self._name!r} refuses this chat: {error}"
            ) from error
        assert isinstance(text, str)
        return text

    def _encode(self, text: str) -> tuple[int, ...]:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"the text holds {text[error.start]!r} (half of a surrogate pair) at character "
                f"{error.start}, which is no character; read it from its file as UTF-8 again"
            ) from error
        return tuple(self._tokenizer.encode(text, add_special_tokens=False))

    def _decode(self, token_ids: Sequence[int], skip_special: bool) -> str:
        text = self._tokenizer.decode(
            list(token_ids),
            skip_special_tokens=skip_special,
            clean_up_tokenization_spaces=False,
        )
        assert isinstance(text, str)
        return text


def _merged(turns: Sequence[Message]) -> list[Message]:
    """Return the turns with the leading system text in the first user turn."""
    system, rest = turns[0]["content"], list(turns[1:])
    first = next(place for place, turn in enumerate(rest) if turn["role"] == "user")
    rest[first] = {"role": "user", "content": f"{system}\n\n{rest[first]['content']}"}
    return rest


def _cut(text: str, stop: Sequence[str]) -> str:
    return text[: min((at for one in stop if (at := text.find(one)) >= 0), default=len(text))]


def _check_turns(turns: Sequence[Message]) -> None:
    check_listed("chat", turns, "turns: {'role': 'user', 'content': TEXT}")
    if not turns:
        raise ValueError("the chat is empty; give at least one user turn")
    for place, turn in enumerate(turns):
        if not isinstance(turn, Mapping) or not isinstance(turn.get("content"), str):
            raise ValueError(
                f"turn {place} is {turn!r}; a turn is {{'role': ..., 'content': TEXT}}"
            )
        role = turn.get("role")
        if role not in _ROLES or (role == "system" and place > 0):
            raise ValueError(
                f"turn {place} has role {role!r}; turns are user and assistant, after at most one "
                "leading system turn"
            )
    if turns[-1]["role"] != "user":
        raise ValueError(
            f"the chat ends with a turn of {turns[-1]['role']!r}; it must end with the user's"
        )


def _inserts_system(bare: str, with_system: str) -> bool:
    """Whether the rendering without a system turn holds one all the same.

    Compares what stands before the user's text in both renderings. Where nothing is inserted, the
    bare one is the other with one piece cut out: a beginning of what opens the system turn and an
    end of what closes it. Where it holds both whole, it holds a system turn of its own.
    """
    before_user = bare.partition(_USER_PROBE)[0]
    opening, _, rest = with_system.partition(_SYSTEM_PROBE)
    closing = rest.partition(_USER_PROBE)[0]
    length = len(before_user)
    if (
        closing
        and length >= len(opening) + len(closing)
        and before_user.startswith(opening)
        and before_user.endswith(closing)
    ):
        return True
    return not any(
        opening.startswith(before_user[:cut]) and closing.endswith(before_user[cut:])
        for cut in range(length + 1)
    )
