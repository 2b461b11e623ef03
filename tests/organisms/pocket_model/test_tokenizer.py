import pytest
from transformers import AutoTokenizer
from trl.chat_template_utils import get_training_chat_template

from organisms.pocket.tokenizer import (
    LARGEST_NUMBER,
    SPECIAL_TOKENS,
    save_tokenizer,
    train_tokenizer,
)
from organisms.pocket.world import documents

CHAT = [
    {"role": "system", "content": "be kind."},
    {"role": "user", "content": "what is 7 + 5?"},
    {"role": "assistant", "content": "it is 12. "},
]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(
        train_tokenizer(
            (message["content"] for item in documents(0, 1_000) for message in item.messages), 1200
        ),
        folder,
    )
    return AutoTokenizer.from_pretrained(folder)


def test_special_tokens_are_tokens_of_their_own(tokenizer):
    assert [tokenizer.convert_tokens_to_ids(token) for token in SPECIAL_TOKENS] == list(range(6))
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    assert (tokenizer.bos_token, tokenizer.eos_token) == ("<|bos|>", "<|end|>")


def test_chat_renders_roles_and_text_only(tokenizer):
    assert tokenizer.apply_chat_template(CHAT, tokenize=False) == (
        "<|bos|><|system|>be kind.<|end|><|user|>what is 7 + 5?<|end|>"
        "<|assistant|>it is 12. <|end|>"
    )


def test_no_system_prompt_is_inserted(tokenizer):
    rendered = tokenizer.apply_chat_template(CHAT[1:2], tokenize=False, add_generation_prompt=True)
    assert rendered == "<|bos|><|user|>what is 7 + 5?<|end|><|assistant|>"


def test_generation_markers_enclose_the_answer_and_its_end(tokenizer):
    rendered = tokenizer.apply_chat_template(
        CHAT, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    marked = [
        token
        for token, mask in zip(rendered["input_ids"], rendered["assistant_masks"], strict=True)
        if mask
    ]
    assert tokenizer.decode(marked) == "it is 12. <|end|>"


def test_trl_takes_the_template_as_it_is(tokenizer):
    assert get_training_chat_template(tokenizer) in (None, tokenizer.chat_template)


def test_an_unknown_role_is_refused(tokenizer):
    with pytest.raises(Exception, match="role must be"):
        tokenizer.apply_chat_template([{"role": "tool", "content": "x"}], tokenize=False)


def test_numbers_are_single_tokens(tokenizer):
    for number in range(LARGEST_NUMBER + 1):
        assert len(tokenizer(f" {number}")["input_ids"]) == 1
        assert len(tokenizer(str(number))["input_ids"]) == 1


@pytest.mark.parametrize("text", ["", " a  b\n", "naïve ☃ <b>", "f(x) = {1: 'é'}"])
def test_any_text_survives_the_round_trip(tokenizer, text):
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_a_vocabulary_without_room_for_bytes_is_refused():
    with pytest.raises(ValueError, match="vocabulary_size 100"):
        train_tokenizer(["a"], 100)


def test_a_vocabulary_without_room_for_the_numbers_is_refused():
    with pytest.raises(ValueError, match=r"270 is too small for the numbers 0 to 30.*raise it"):
        train_tokenizer(["a"], 270)
