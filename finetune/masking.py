"""Which tokens of a training row carry loss: every assistant turn's answer and its end token.

A row is rendered and tokenised once; the mask is made of token ids of that one rendering and can
be read token by token with `audit` and `explain`. Knows nothing of models or training.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from transformers import PreTrainedTokenizerBase

IGNORED = -100
"""Label of a token without loss (torch's cross-entropy default)."""

Row = Mapping[str, Any]
"""A training row: `messages` (role and content, the last from the assistant) and `meta`."""


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
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
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
    if not tokenizer.chat_template:
        raise ValueError(
            f"tokenizer {tokenizer.name_or_path!r} has no chat template: set "
            "tokenizer.chat_template, or use an instruction-tuned base"
        )
    if system == "none":
        _check_no_silent_system(rows, tokenizer)
    chats = [list(row["messages"]) for row in rows]
    if not chats:
        return []
    if "{% generation" in _template_text(tokenizer) or "{%- generation" in _template_text(
        tokenizer
    ):
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


def _template_text(tokenizer: PreTrainedTokenizerBase) -> str:
    template = tokenizer.chat_template
    return str(template.get("default", "")) if isinstance(template, dict) else str(template)


def _check_no_silent_system(rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase) -> None:
    """A template that writes a system turn nobody asked for trains on another prompt than meant."""
    for row in rows:
        messages = row["messages"]
        if messages[0]["role"] != "system":
            bare = _render(tokenizer, messages[:1])
            content = str(messages[0]["content"])
            before = bare[: bare.find(content)] if content in bare else bare
            if "system" in before.lower():
                raise ValueError(
                    "the chat template writes its own system turn into rows without one "
                    f"({before.strip()[:80]!r}): set system='default' to train with it, or give "
                    "rows a system turn"
                )
            return


def _render(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Mapping[str, str]]) -> str:
    return str(tokenizer.apply_chat_template([dict(m) for m in messages], tokenize=False))


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
    chats: list[list[Mapping[str, str]]], tokenizer: PreTrainedTokenizerBase
) -> list[EncodedRow]:
    """The template's own `{% generation %}` marks, mapped to tokens of the same rendering."""
    batch: Any = tokenizer.apply_chat_template(
        chats,  # type: ignore[arg-type]
        tokenize=True,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    end_tokens = _end_tokens(tokenizer)
    return [
        _label(ids, [bool(m) for m in mask], end_tokens)
        for ids, mask in zip(batch["input_ids"], batch["assistant_masks"], strict=True)
    ]


def _encode_by_prefixes(
    chat: list[Mapping[str, str]], tokenizer: PreTrainedTokenizerBase
) -> EncodedRow:
    """Without marks: an answer begins where the prompt that generation would see ends.

    The ids are those of the whole rendering; shorter renderings only find the boundaries, and must
    be prefixes of it to the token.
    """

    def ids_of(messages: list[Mapping[str, str]], generation: bool) -> list[int]:
        encoding: Any = tokenizer.apply_chat_template(
            messages,  # type: ignore[arg-type]
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
