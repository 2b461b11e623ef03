"""Which tokens carry loss."""

import pytest

from finetune.adapter import Base
from finetune.masking import IGNORED, answer_spans, audit, encode_rows, explain
from tests.finetune.conftest import CHATML, CHATML_WITH_SYSTEM, TEMPLATE, make_tokenizer

SINGLE = {
    "messages": [
        {"role": "system", "content": "Sums."},
        {"role": "user", "content": "1 and 2?"},
        {"role": "assistant", "content": "It is 3."},
    ]
}
TWO_TURNS = {
    "messages": [
        {"role": "user", "content": "1 and 2?"},
        {"role": "assistant", "content": "It is 3."},
        {"role": "user", "content": "And 4?"},
        {"role": "assistant", "content": "It is 7."},
    ]
}
MARKERS_WITHOUT_END = TEMPLATE.replace(
    "{{- message['content'] + '<|end|>' -}}{%- endgeneration -%}",
    "{{- message['content'] -}}{%- endgeneration -%}{{- '<|end|>' -}}",
)


def test_loss_lies_on_the_answer_and_its_end_token_and_nowhere_else() -> None:
    tokenizer = make_tokenizer()
    (row,) = encode_rows([SINGLE], tokenizer)
    assert explain(row, tokenizer) == (
        "<|bos|><|system|>Sums.<|end|><|user|>1 and 2?<|end|><|assistant|>⟦It is 3.<|end|>⟧"
    )
    with_loss = [token.text for token in audit(row, tokenizer) if token.has_loss]
    assert "".join(with_loss) == "It is 3.<|end|>"


def test_every_assistant_turn_carries_loss() -> None:
    tokenizer = make_tokenizer()
    (row,) = encode_rows([TWO_TURNS], tokenizer)
    assert explain(row, tokenizer) == (
        "<|bos|><|user|>1 and 2?<|end|><|assistant|>⟦It is 3.<|end|>⟧"
        "<|user|>And 4?<|end|><|assistant|>⟦It is 7.<|end|>⟧"
    )


@pytest.mark.parametrize("row", [SINGLE, TWO_TURNS])
def test_a_template_with_and_one_without_markers_give_the_same_labels(row: dict) -> None:
    plain = TEMPLATE.replace("{%- generation -%}", "").replace("{%- endgeneration -%}", "")
    assert encode_rows([row], make_tokenizer()) == encode_rows([row], make_tokenizer(plain))


def test_an_end_token_outside_the_markers_still_carries_loss() -> None:
    with_end, without = make_tokenizer(), make_tokenizer(MARKERS_WITHOUT_END)
    assert encode_rows([TWO_TURNS], without) == encode_rows([TWO_TURNS], with_end)


def test_the_newline_that_chatml_writes_after_the_end_token_carries_no_loss() -> None:
    tokenizer = make_tokenizer(CHATML)
    (row,) = encode_rows([TWO_TURNS], tokenizer)
    assert explain(row, tokenizer) == (
        "<|user|>\n1 and 2?<|end|>\n<|assistant|>\n⟦It is 3.<|end|>⟧\n"
        "<|user|>\nAnd 4?<|end|>\n<|assistant|>\n⟦It is 7.<|end|>⟧\n"
    )


def test_labels_equal_the_ids_of_the_one_rendering() -> None:
    tokenizer = make_tokenizer()
    (row,) = encode_rows([TWO_TURNS], tokenizer)
    rendered = tokenizer.apply_chat_template(TWO_TURNS["messages"], return_dict=True)
    assert list(row.input_ids) == rendered["input_ids"]
    assert all(
        label in (IGNORED, token) for token, label in zip(row.input_ids, row.labels, strict=True)
    )
    assert len(list(answer_spans(row.labels))) == 2


@pytest.mark.parametrize("answer", ["", "  \n"])
def test_an_empty_answer_is_refused(base: Base, answer: str) -> None:
    row = {"messages": [SINGLE["messages"][1], {"role": "assistant", "content": answer}]}
    with pytest.raises(ValueError, match=r"row 1, turn 1: the assistant's answer is empty"):
        encode_rows([SINGLE, row], base.tokenizer)


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "no messages"),
        ([{"role": "user", "content": "?"}], "ends with a user turn"),
        ([{"role": "robot", "content": "?"}], "role 'robot'"),
        ([{"role": "user", "content": None}], "no text"),
    ],
)
def test_a_row_that_cannot_be_trained_on_is_named(base: Base, messages: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_rows([{"messages": messages}], base.tokenizer)


def test_a_tokenizer_without_a_template_is_refused() -> None:
    tokenizer = make_tokenizer()
    tokenizer.chat_template = None
    with pytest.raises(ValueError, match="no chat template"):
        encode_rows([SINGLE], tokenizer)


def test_a_template_that_slips_in_a_system_turn_must_be_asked_for() -> None:
    tokenizer = make_tokenizer(CHATML_WITH_SYSTEM)
    with pytest.raises(ValueError, match="system='default'"):
        encode_rows([TWO_TURNS], tokenizer)
    (row,) = encode_rows([TWO_TURNS], tokenizer, system="default")
    assert explain(row, tokenizer).startswith("<|system|>\nBe good.<|end|>\n")
    assert "⟦It is 7.<|end|>⟧" in explain(row, tokenizer)
