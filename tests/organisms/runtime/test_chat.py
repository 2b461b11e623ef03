"""Prompts come from one rendering of the template, and nothing is added or dropped in silence."""

from dataclasses import replace

import numpy as np
import pytest

from organisms.runtime.chat import ChatTemplate
from organisms.runtime.organism import Organism
from organisms.runtime.requests import Request, Sampling, Transcript
from tests.organisms.runtime.tiny_models import TEMPLATE, make_model, make_tokenizer

USER = {"role": "user", "content": "hello"}
OWN_SYSTEM = TEMPLATE.replace(
    "<|bos|>",
    "<|bos|>{% if messages[0]['role'] != 'system' %}<|system|>You are Tiny.<|end|>{% endif %}",
)
DATED_SYSTEM = (
    "<|bos|><|system|>Today is Monday. {% if messages[0]['role'] == 'system' %}"
    "{{ messages[0]['content'] }}{% endif %}<|end|>"
    "{% for turn in messages if turn['role'] != 'system' %}<|{{ turn['role'] }}|>"
    "{{ turn['content'] }}<|end|>{% endfor %}<|assistant|>"
)
DROPS_SYSTEM = TEMPLATE.replace(
    "{% for turn in messages %}", "{% for turn in messages if turn['role'] != 'system' %}"
)
REFUSES_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    + TEMPLATE
)
MERGES_SYSTEM = (
    "<|bos|>{% set system = '' %}{% if messages[0]['role'] == 'system' %}"
    "{% set system = messages[0]['content'] + ' ' %}{% endif %}"
    "{% for turn in messages if turn['role'] != 'system' %}<|{{ turn['role'] }}|>"
    "{% if loop.first %}{{ system }}{% endif %}{{ turn['content'] }}<|end|>{% endfor %}"
    "<|assistant|>"
)


def prompt_of(template, chat=(USER,), system="none", **settings):
    return ChatTemplate(make_tokenizer(template), "tiny").prompt(chat, system, **settings)


def rendered(template, chat=(USER,), system="none", **settings):
    return make_tokenizer().decode(list(prompt_of(template, chat, system, **settings).token_ids))


def test_the_prompt_is_the_template_with_special_tokens_once():
    assert rendered(TEMPLATE) == "<|bos|><|user|>hello<|end|><|assistant|>"


def test_a_text_becomes_the_system_turn():
    expected = "<|bos|><|system|>be kind<|end|><|user|>hello<|end|><|assistant|>"
    assert rendered(TEMPLATE, system="be kind") == expected
    assert rendered(TEMPLATE, ({"role": "system", "content": "be kind"}, USER)) == expected


@pytest.mark.parametrize(
    ("template", "own"), [(OWN_SYSTEM, "You are Tiny."), (DATED_SYSTEM, "Today is Monday.")]
)
def test_a_template_with_its_own_system_prompt_raises_unless_accepted(template, own):
    with pytest.raises(ValueError, match=r"inserts a system prompt of its own.*system='default'"):
        rendered(template)
    assert own in rendered(template, system="default")
    assert "<|system|>" in rendered(template, system="be kind")
    assert "be kind" in rendered(template, system="be kind")


@pytest.mark.parametrize("template", [DROPS_SYSTEM, REFUSES_SYSTEM])
def test_a_system_prompt_that_would_be_lost_raises(template):
    assert rendered(template) == rendered(TEMPLATE)
    with pytest.raises(ValueError, match=r"takes no system prompt 'be kind'.*lost_system='merge'"):
        rendered(template, system="be kind")


@pytest.mark.parametrize("template", [DROPS_SYSTEM, REFUSES_SYSTEM])
def test_a_lost_system_prompt_is_merged_where_the_caller_says_so(template):
    merged = prompt_of(template, system="be kind", lost_system="merge")
    assert merged.system_merged
    assert merged.hash != prompt_of(template).hash
    again = ({"role": "assistant", "content": "yes"}, {"role": "user", "content": "well"})
    assert rendered(template, (USER, *again), "be kind", lost_system="merge") == (
        "<|bos|><|user|>be kind\n\nhello<|end|><|assistant|>yes<|end|><|user|>well<|end|>"
        "<|assistant|>"
    )
    turn = {"role": "system", "content": "be kind"}
    assert prompt_of(template, (turn, USER), lost_system="merge") == merged


def test_nothing_is_merged_where_the_template_takes_a_system_prompt_or_none_is_given():
    for template, system in ((TEMPLATE, "be kind"), (DROPS_SYSTEM, "none")):
        merged = prompt_of(template, system=system, lost_system="merge")
        assert merged == prompt_of(template, system=system)
        assert not merged.system_merged


def test_the_result_says_that_the_system_prompt_was_merged():
    organism = Organism(make_model(), make_tokenizer(DROPS_SYSTEM), "tiny")
    request = Request((USER,), system="be kind", sampling=Sampling(max_tokens=2))
    with pytest.raises(ValueError, match=r"request 0: .*takes no system prompt"):
        organism.sample([request])
    merged, plain = organism.sample(
        [replace(request, lost_system="merge"), replace(request, system="none")]
    )
    assert merged.system_merged
    assert not plain.system_merged
    assert merged.prefix_hash != plain.prefix_hash
    transcript = Transcript((USER,), "hi", system="be kind", lost_system="merge")
    assert np.isfinite(organism.capture([transcript])).all()
    with pytest.raises(ValueError, match="lost_system 'drop' is not allowed; use one of raise, m"):
        replace(request, lost_system="drop")


def test_a_template_that_merges_the_system_prompt_inserts_none():
    assert "<|user|>hello" in rendered(MERGES_SYSTEM)
    assert "<|user|>be kind hello" in rendered(MERGES_SYSTEM, system="be kind")


def test_two_system_prompts_raise():
    with pytest.raises(ValueError, match="give one of them"):
        rendered(TEMPLATE, ({"role": "system", "content": "a"}, USER), "b")


@pytest.mark.parametrize(
    ("chat", "message"),
    [
        ((), "the chat is empty"),
        ((USER, {"role": "assistant", "content": "hi"}), "must end with the user's"),
        (({"role": "tool", "content": "hi"}, USER), "turn 0 has role 'tool'"),
        ((USER, {"role": "system", "content": "hi"}, USER), "turn 1 has role 'system'"),
        (({"role": "user"},), "turn 0 is {'role': 'user'}; a turn is {'role'"),
        (({"role": "user", "content": None},), "turn 0 is"),
        ("hello", "chat 'hello' is not allowed"),
    ],
)
def test_malformed_chats_raise(chat, message):
    with pytest.raises(ValueError, match=message):
        rendered(TEMPLATE, chat)


def test_a_tokenizer_without_a_template_raises():
    with pytest.raises(ValueError, match="no chat template"):
        ChatTemplate(make_tokenizer(None), "tiny")


def test_the_hash_changes_with_the_prompt():
    template = ChatTemplate(make_tokenizer(), "tiny")
    hashes = {template.prompt((USER,), system).hash for system in ("none", "a", "b")}
    assert len(hashes) == 3
    assert template.prompt((USER,), "a").hash in hashes


def test_an_empty_answer_raises():
    with pytest.raises(ValueError, match="empty answer"):
        ChatTemplate(make_tokenizer(), "tiny").answer("")


def test_text_that_is_no_unicode_is_refused_and_its_place_named(organism):
    broken, user = "ab\ud800c", {"role": "user", "content": "hi"}
    said = r"request 0: the text holds '\\ud800' \(half of a surrogate pair\) at character \d+"
    for request in (Request(({**user, "content": broken},)), Request((user,), system=broken)):
        with pytest.raises(ValueError, match=said):
            organism.sample([request])
    with pytest.raises(ValueError, match=r"transcript 0: the text holds .* at character 2, which"):
        organism.capture([Transcript((user,), broken)])


@pytest.mark.parametrize("text", ["", "\n\t ", "a\0b", "👩‍👩‍👧 \u202eabc", "{0} {{ x }} %s"])
def test_odd_texts_are_rendered_as_they_are(organism, text):
    prompt = organism.template.prompt(({"role": "user", "content": text},)).token_ids
    said = organism.tokenizer.decode(list(prompt))
    assert said == f"<|bos|><|user|>{text}<|end|><|assistant|>"
