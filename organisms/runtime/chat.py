"""From a chat to token ids by the model's own chat template, once, with nothing added in silence.

Knows templates and tokenizers; knows no model. The template is rendered to text once and that
text is tokenised once; an answer's tokens are appended to the prompt's, so spans are counted in
tokens and never looked for in text.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from organisms.runtime.requests import Message

_SYSTEM_PROBE = "Wardian system probe"
_USER_PROBE = "Wardian user probe"
_ROLES = ("system", "user", "assistant")


@dataclass(frozen=True)
class Prompt:
    """A rendered prompt."""

    token_ids: tuple[int, ...]
    """The whole prompt, up to where the answer begins."""
    hash: str
    """16 hexadecimal digits that stand for the token ids."""


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
        self._prompts: dict[tuple[tuple[tuple[str, str], ...], str], Prompt] = {}
        self._answers: dict[str, tuple[int, ...]] = {}
        bare = self._render([{"role": "user", "content": _USER_PROBE}])
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

    def prompt(self, chat: Sequence[Message], system: str = "none") -> Prompt:
        """Render a chat up to where the assistant's answer begins.

        Args:
            chat: Turns, the last one the user's. A leading system turn is taken as the text of
                the system condition, which must then be left at ``none``.
            system: ``none``: no system turn; ``default``: whatever the template does by itself;
                anything else: the text of the system turn.

        Raises:
            ValueError: The chat is empty, malformed or does not end with a user turn; the
                template would insert a system prompt of its own under ``none``; or it would drop
                or refuse the one given.
        """
        key = (tuple((turn["role"], turn["content"]) for turn in chat), system)
        prompt = self._prompts.get(key)
        if prompt is None:
            prompt = self._make_prompt(chat, system)
            self._prompts[key] = prompt
        return prompt

    def answer(self, text: str) -> tuple[int, ...]:
        """Return the token ids of an answer, as they follow a prompt's, without an end token.

        Raises:
            ValueError: The answer has no tokens.
        """
        token_ids = self._answers.get(text)
        if token_ids is None:
            token_ids = tuple(self._tokenizer.encode(text, add_special_tokens=False))
            if not token_ids:
                raise ValueError(
                    "an empty answer has no tokens to read; leave the transcript out, or give "
                    "answer=None to read its prompt only"
                )
            self._answers[text] = token_ids
        return token_ids

    def _make_prompt(self, chat: Sequence[Message], system: str) -> Prompt:
        turns = [dict(turn) for turn in chat]
        _check_turns(turns)
        if turns[0]["role"] == "system" and system != "none":
            raise ValueError(
                f"the chat has a system turn and system={system[:60]!r} as well; give one of them"
            )
        if turns[0]["role"] != "system" and system not in ("none", "default"):
            turns.insert(0, {"role": "system", "content": system})
        if turns[0]["role"] == "system":
            if self._system_refusal:
                raise ValueError(
                    f"the chat template of {self._name!r} takes no system prompt "
                    f"({self._system_refusal}); put the text into the first user turn, or use "
                    "system='none'"
                )
        elif system == "none" and self.inserts_system:
            raise ValueError(
                f"the chat template of {self._name!r} inserts a system prompt of its own where "
                "none is given; use system='default' to accept it, or give a text"
            )
        text = self._render(turns)
        if turns[0]["role"] == "system" and turns[0]["content"].strip() not in text:
            raise ValueError(
                f"the chat template of {self._name!r} drops this system prompt: "
                f"{turns[0]['content'][:60]!r}; change the text or use system='none'"
            )
        token_ids = tuple(self._tokenizer.encode(text, add_special_tokens=False))
        packed = b"".join(token.to_bytes(4, "little") for token in token_ids)
        return Prompt(token_ids, hashlib.blake2b(packed, digest_size=8).hexdigest())

    def _render(self, turns: list[dict[str, str]]) -> str:
        from jinja2 import TemplateError

        try:
            text = self._tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True
            )
        except TemplateError as error:
            raise ValueError(
                f"the chat template of {self._name!r} refuses this chat: {error}"
            ) from error
        assert isinstance(text, str)
        return text


def _check_turns(turns: Sequence[Message]) -> None:
    if not turns:
        raise ValueError("the chat is empty; give at least one user turn")
    for place, turn in enumerate(turns):
        if turn["role"] not in _ROLES or (turn["role"] == "system" and place > 0):
            raise ValueError(
                f"turn {place} has role {turn['role']!r}; turns are user and assistant, after at "
                "most one leading system turn"
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
