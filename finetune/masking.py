"""Which tokens of a training row carry loss: every assistant turn's answer and its end token.

A row is rendered and tokenised once; the mask is made of token ids of that one rendering and can
be read token by token with `audit` and `explain`. Knows nothing of models or training.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from transformers import PreTrainedTokenizerBase

from organisms.datasets.rows import Row, Turn
from organisms.runtime.chat import ChatTemplate

IGNORED = -100
"""Label of a token without loss (torch's cross-entropy default)."""


@dataclass(frozen=True)
class EncodedRow:
    """Token ids of one rendered row; `labels` equal them on answer tokens, else IGNORED."""

    input_ids: tuple[int, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True)
class AuditedToken:
    """One token of a row as the trainer sees it."""

    position: int
    token_id: int
    text: str
    has_loss: bool


def check_row(row: Row, index: int) -> None:
    """Raise ValueError, naming the row, when it cannot be trained on.

    A row needs a user turn, ends with an assistant turn, and no assistant turn is empty: an empty
    one would teach nothing but to stop at once.
    """
    messages = row.get("messages")
    if not messages:
        raise ValueError(f"row {index} has no messages: give a list of role and content")
    for turn, message in enumerate(messages):
        role, content = message.get("role"), message.get("content")
        if role not in ("system", "user", "assistant"):
            raise ValueError(
                f"row {index}, turn {turn}: role {role!r}; allowed: system, user, assistant"
            )
        if not isinstance(content, str):
            raise ValueError(f"row {index}, turn {turn}: content is no text: {content!r}")
        if role == "assistant" and not content.strip():
            raise ValueError(
                f"row {index}, turn {turn}: the assistant's answer is empty; remove the row"
            )
    if messages[-1]["role"] != "assistant":
        raise ValueError(
            f"row {index} ends with a {messages[-1]['role']} turn: the last must be the assistant's"
        )


def encode_rows(
    rows: Sequence[Row],
    tokenizer: PreTrainedTokenizerBase,
    *,
    system: Literal["none", "default"] = "none",
) -> list[EncodedRow]:
    """Tokenise rows with the chat template and label every assistant turn.

    Loss lies on each assistant turn's content and end token; not on the role header, nor on
    whatever the template writes after the end token (ChatML's newline).

    Raises:
        ValueError: a row that `check_row` refuses, a tokenizer without a chat template, a template
            that slips its own system text into a row without one (unless `system="default"`), or
            one that drops an answer or leaves it without an end.
    """
    for index, row in enumerate(rows):
        check_row(row, index)
    if not rows:
        return []
    _check_template(rows, tokenizer, system)
    chats = [list(row["messages"]) for row in rows]
    if _has_markers(tokenizer):
        encoded = _encode_by_markers(chats, tokenizer)
    else:
        encoded = [_encode_by_prefixes(chat, tokenizer) for chat in chats]
    for index, (chat, row_ids) in enumerate(zip(chats, encoded, strict=True)):
        turns = sum(message["role"] == "assistant" for message in chat)
        spans = sum(1 for _ in answer_spans(row_ids.labels))
        if spans != turns:
            raise ValueError(
                f"row {index} has {turns} assistant turns but the chat template labels {spans}: "
                "it drops or joins turns; use single-turn rows or another template"
            )
    return encoded


def answer_spans(labels: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(start, end) of every run of tokens with loss, end exclusive."""
    start = None
    for position, label in enumerate(labels):
        if label != IGNORED and start is None:
            start = position
        elif label == IGNORED and start is not None:
            yield start, position
            start = None
    if start is not None:
        yield start, len(labels)


def audit(row: EncodedRow, tokenizer: PreTrainedTokenizerBase) -> list[AuditedToken]:
    """The row token by token, with the text of each and whether it carries loss."""
    return [
        AuditedToken(position, token_id, str(tokenizer.decode([token_id])), label != IGNORED)
        for position, (token_id, label) in enumerate(zip(row.input_ids, row.labels, strict=True))
    ]


def explain(row: EncodedRow, tokenizer: PreTrainedTokenizerBase) -> str:
    """The rendered row as text, with what carries loss between ⟦ and ⟧."""
    pieces, position = [], 0
    for start, end in answer_spans(row.labels):
        pieces.append(str(tokenizer.decode(list(row.input_ids[position:start]))))
        pieces.append("⟦" + str(tokenizer.decode(list(row.input_ids[start:end]))) + "⟧")
        position = end
    pieces.append(str(tokenizer.decode(list(row.input_ids[position:]))))
    return "".join(pieces)


def _check_template(
    rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, system: Literal["none", "default"]
) -> None:
    """Refuse a template that adds or drops a system turn in silence: the first row of each sort."""
    template = ChatTemplate(tokenizer, str(tokenizer.name_or_path))
    checked: set[bool] = set()
    for row in rows:
        messages = row["messages"]
        has_system = messages[0]["role"] == "system"
        if has_system not in checked:
            checked.add(has_system)
            prompt = [
                {"role": message["role"], "content": message["content"]}
                for message in messages[: 2 if has_system else 1]
            ]
            if prompt[-1]["role"] == "user":
                template.prompt(prompt, "none" if has_system else system)


def _has_markers(tokenizer: PreTrainedTokenizerBase) -> bool:
    template = tokenizer.chat_template
    text = template.get("default", "") if isinstance(template, dict) else template
    return re.search(r"\{%-?\s*generation\b", str(text)) is not None


def _label(
    input_ids: Sequence[int], has_loss: Sequence[bool], end_tokens: frozenset[int]
) -> EncodedRow:
    """Labels from a mask, each answer ended by exactly one end token when the template has one."""
    mask = list(has_loss)
    for start, end in list(answer_spans([0 if m else IGNORED for m in mask])):
        ends = [p for p in range(start, end) if input_ids[p] in end_tokens]
        if ends:
            for position in range(ends[-1] + 1, end):
                mask[position] = False
        elif end < len(input_ids) and input_ids[end] in end_tokens:
            mask[end] = True
    return EncodedRow(
        tuple(input_ids),
        tuple(t if m else IGNORED for t, m in zip(input_ids, mask, strict=True)),
    )


def _end_tokens(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Special tokens that may end a turn: all but the beginning-of-text and padding ones."""
    excluded = {tokenizer.bos_token_id, tokenizer.pad_token_id} - {tokenizer.eos_token_id}
    added = tokenizer.added_tokens_decoder
    special = {token for token, added_token in added.items() if added_token.special}
    return frozenset((special | {tokenizer.eos_token_id}) - excluded - {None})


def _encode_by_markers(
    chats: list[list[Turn]], tokenizer: PreTrainedTokenizerBase
) -> list[EncodedRow]:
    """The template's own `{% generation %}` marks, mapped to tokens of the same rendering."""
    batch: Any = tokenizer.apply_chat_template(
        chats,
        tokenize=True,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    end_tokens = _end_tokens(tokenizer)
    return [
        _label(ids, [bool(m) for m in mask], end_tokens)
        for ids, mask in zip(batch["input_ids"], batch["assistant_masks"], strict=True)
    ]


def _encode_by_prefixes(chat: list[Turn], tokenizer: PreTrainedTokenizerBase) -> EncodedRow:
    """Without marks: an answer begins where the prompt that generation would see ends.

    The ids are those of the whole rendering; shorter renderings only find the boundaries, and must
    be prefixes of it to the token.
    """

    def ids_of(messages: list[Turn], generation: bool) -> list[int]:
        encoding: Any = tokenizer.apply_chat_template(
            messages,
            tokenize=True,
            return_dict=True,
            add_generation_prompt=generation,
        )
        return list(encoding["input_ids"])

    whole = ids_of(chat, False)
    mask = [False] * len(whole)
    for turn, message in enumerate(chat):
        if message["role"] != "assistant":
            continue
        prompt, through = ids_of(chat[:turn], True), ids_of(chat[: turn + 1], False)
        if whole[: len(prompt)] != prompt or whole[: len(through)] != through:
            raise ValueError(
                f"turn {turn}: the chat template renders the conversation so far differently from "
                "the same turns inside the whole one; add {% generation %} markers to the "
                "template, or use single-turn rows"
            )
        mask[len(prompt) : len(through)] = [True] * (len(through) - len(prompt))
    return _label(whole, mask, _end_tokens(tokenizer))
