"""Thinking is asked for, reasoning and answer come apart, and the answer alone is watched."""

import numpy as np
import pytest
import torch

from organisms.runtime.chat import ChatTemplate
from organisms.runtime.organism import Organism
from organisms.runtime.reasoning import HARMONY, THINK, Parts
from organisms.runtime.requests import Request, Sampling, Transcript
from tests.organisms.runtime.thinker import ASK, MARKS, SWITCHED, USER, make_thinker
from tests.organisms.runtime.tiny_models import TEMPLATE, make_model, make_tokenizer

OFF_UNLESS_ASKED = TEMPLATE.replace(
    ASK, ASK + "{{ '<think>' if thinking is defined and thinking else '</think>' }}"
)
ALWAYS = TEMPLATE.replace(ASK, ASK + "{{ '<think>\\n' }}")
UNTOLD = "{# an answer's <think> part is left out of history #}" + TEMPLATE
HARMONIC = TEMPLATE.replace("<|end|>", "<|end|>{# <|channel|> #}")


def template(source, **settings):
    return ChatTemplate(make_tokenizer(source, MARKS, **settings), "tiny")


def rendered(source, **settings):
    prompt = template(source).prompt((USER,), **settings)
    return make_tokenizer(source, MARKS).decode(list(prompt.token_ids))


def test_a_template_with_a_switch_renders_thinking_on_and_off():
    on, off = rendered(SWITCHED, thinking=True), rendered(SWITCHED, thinking=False)
    assert on.endswith("<|assistant|>")
    assert off == on + "<think>\n\n</think>\n\n"
    assert rendered(SWITCHED) == off
    assert rendered(OFF_UNLESS_ASKED, thinking=True).endswith("<think>")
    assert rendered(OFF_UNLESS_ASKED, thinking=False).endswith("</think>")


def test_a_template_that_always_thinks_cannot_be_silenced():
    with pytest.raises(ValueError, match="'tiny' always opens the reasoning; use thinking=True"):
        rendered(ALWAYS)
    assert rendered(ALWAYS, thinking=True).endswith("<think>\n")
    assert template(ALWAYS).always_thinks
    assert not template(SWITCHED).always_thinks


def test_a_template_without_thinking_cannot_be_made_to_think():
    with pytest.raises(ValueError, match=r"no thinking mode .*; use thinking=False"):
        rendered(TEMPLATE, thinking=True)


def test_a_template_that_only_knows_the_marks_renders_both_alike():
    assert rendered(UNTOLD, thinking=True) == rendered(UNTOLD, thinking=False)


@pytest.mark.parametrize("kind", ["own tokens", "special tokens", "pieces"])
@pytest.mark.parametrize(
    ("source", "output", "reasoning", "answer"),
    [
        (SWITCHED, "<think>\nhm\n</think>\n\nyes", "hm", "yes"),
        (SWITCHED, "<think>\nhm", "hm", ""),
        (SWITCHED, "<think></think>yes</think>", "", "yes</think>"),
        (SWITCHED, "yes", None, "yes"),
        (ALWAYS, "hm\n</think>\n\nyes", "hm", "yes"),
        (ALWAYS, "<think>\nhm\n</think>yes", "hm", "yes"),
        (ALWAYS, "hm", "hm", ""),
        (ALWAYS, "", "", ""),
    ],
)
def test_reasoning_and_answer_come_apart(kind, source, output, reasoning, answer):
    added = () if kind == "pieces" else MARKS
    tokenizer = make_tokenizer(source, added, special=kind == "special tokens")
    chat = ChatTemplate(tokenizer, "tiny")
    token_ids = tokenizer.encode(output, add_special_tokens=False)
    text = tokenizer.decode(token_ids, skip_special_tokens=True)
    parts = chat.split(chat.prompt((USER,), thinking=True), token_ids, text)
    assert parts.reasoning == reasoning
    kept = answer.replace("</think>", "") if kind == "special tokens" else answer
    assert parts.answer == kept
    rest = tokenizer.decode(token_ids[parts.reasoning_tokens :], skip_special_tokens=True)
    assert rest == kept


def test_a_plain_model_that_thinks_all_the_same_is_taken_apart():
    tokenizer = make_tokenizer()
    chat = ChatTemplate(tokenizer, "tiny")
    for output, expected in (
        ("<think>hm</think>yes", Parts("hm", 17, "yes")),
        ("yes <think>hm</think>", Parts(None, 0, "yes <think>hm</think>")),
    ):
        token_ids = tokenizer.encode(output, add_special_tokens=False)
        assert chat.split(chat.prompt((USER,)), token_ids, output) == expected


def test_a_stop_string_cuts_the_answer_and_the_reasoning():
    tokenizer = make_tokenizer(SWITCHED, MARKS)
    chat = ChatTemplate(tokenizer, "tiny")
    prompt = chat.prompt((USER,), thinking=True)
    for output, expected in (
        ("<think>hm</think>yes. so", ("hm", "yes")),
        ("<think>hm. so", ("hm", "")),
    ):
        token_ids = tokenizer.encode(output, add_special_tokens=False)
        parts = chat.split(prompt, token_ids, output.partition(". so")[0], [". so", "never"])
        assert (parts.reasoning, parts.answer) == expected


def test_harmony_channels_come_apart():
    special = ("<|channel|>", "<|message|>", "<|start|>")
    tokenizer = make_tokenizer(HARMONIC, special, special=True)
    chat = ChatTemplate(tokenizer, "tiny")
    with pytest.raises(ValueError, match="always opens the reasoning"):
        chat.prompt((USER,))
    prompt = chat.prompt((USER,), thinking=True)
    output = HARMONY.write("hm", opened=False) + "yes"
    token_ids = tokenizer.encode(output, add_special_tokens=False)
    parts = chat.split(prompt, token_ids, tokenizer.decode(token_ids, skip_special_tokens=True))
    assert (parts.reasoning, parts.answer) == ("hm", "yes")
    before, answer = chat.transcript(Transcript((USER,), "yes", reasoning="hm", thinking=True))
    assert [*before, *answer] == [*prompt.token_ids, *token_ids]


@pytest.fixture(scope="module")
def thinker():
    return make_thinker()


def ask(thinking, **settings):
    sampling = Sampling(temperature=0.0, **{"max_tokens": 20, **settings})
    return Request((USER,), thinking=thinking, sampling=sampling)


def test_rows_with_and_without_thinking_share_a_batch(thinker):
    results = {result.index: result for result in thinker.sample([ask(True), ask(False)])}
    assert (results[0].reasoning, results[0].text) == ("hm", "yes")
    assert (results[1].reasoning, results[1].text) == (None, "no")
    assert results[0].reasoning_tokens == len("<") + len("\nhm\n") + len(">") + len("\n\n")
    assert results[1].reasoning_tokens == 0
    assert results[0].output_tokens == len(results[0].token_ids) + 1
    assert results[0].prefix_hash != results[1].prefix_hash


def test_an_output_that_ends_within_the_reasoning_has_no_answer(thinker):
    (result,) = thinker.sample([ask(True, max_tokens=4)])
    assert (result.reasoning, result.text, result.stop_reason) == ("hm", "", "max_tokens")
    assert result.reasoning_tokens == result.output_tokens == 4
    (stopped,) = thinker.sample([ask(True, stop=("es",))])
    assert (stopped.reasoning, stopped.text, stopped.stop_reason) == ("hm", "y", "stop")


def test_what_is_watched_is_the_answer_and_not_the_reasoning(thinker):
    (result,) = thinker.sample([ask(True)])
    transcript = Transcript((USER,), result.text, reasoning=result.reasoning, thinking=True)
    prompt = thinker.template.prompt((USER,), thinking=True).token_ids
    before, answer = thinker.template.transcript(transcript)
    assert (*before, *answer) == (*prompt, *result.token_ids)
    assert len(answer) == len("yes")
    with torch.no_grad():
        hidden = thinker.model(
            torch.tensor([[*prompt, *result.token_ids]]), output_hidden_states=True
        ).hidden_states[2][0]
    captured = thinker.capture([transcript], [2], ("response_mean", "last_prompt"))[0, :, 0]
    np.testing.assert_allclose(captured[0], hidden[-3:].mean(0).numpy(), atol=1e-4)
    np.testing.assert_allclose(captured[1], hidden[-4].numpy(), atol=1e-4)


def test_an_answer_under_thinking_needs_its_reasoning(thinker):
    with pytest.raises(ValueError, match="transcript 0: an answer under thinking=True comes after"):
        thinker.capture([Transcript((USER,), "yes", thinking=True)])
    empty = thinker.template.transcript(Transcript((USER,), "no", reasoning="", thinking=True))
    assert empty == thinker.template.transcript(Transcript((USER,), "no"))


def test_an_adapter_is_checked_where_thinking_cannot_be_turned_off(adapter_folders):
    organism = Organism(make_model(), make_tokenizer(ALWAYS), "tiny")
    organism.add_adapter("second", adapter_folders["second"])
    assert organism.check_adapter("second") > 1e-3


def test_marks_write_what_split_reads():
    assert THINK.write("", opened=False) == "<think>\n\n</think>\n\n"
    assert THINK.write("hm", opened=True) == "hm\n</think>\n\n"
