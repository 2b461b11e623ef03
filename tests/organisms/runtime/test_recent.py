"""What is remembered is bounded, and the last used stays."""

from organisms.runtime import chat
from organisms.runtime.chat import ChatTemplate
from organisms.runtime.recent import Recent
from tests.organisms.runtime.tiny_models import make_tokenizer


def test_the_entry_whose_use_lies_furthest_back_goes():
    recent = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert [recent.get(key) for key in "abc"] == [1, None, 3]


def test_a_template_renders_again_what_it_has_forgotten(monkeypatch):
    monkeypatch.setattr(chat, "_KEPT", 2)
    template = ChatTemplate(make_tokenizer(), "tiny")
    rendered = []
    render = template._render
    monkeypatch.setattr(
        template, "_render", lambda *turns: rendered.append(turns) or render(*turns)
    )

    def prompt(text):
        return template.prompt([{"role": "user", "content": text}]).token_ids

    first = prompt("a")
    assert [prompt(text) for text in "abca"][-1] == first
    assert len(rendered) == 4
    assert template.answer("x") == template.answer("x") != template.answer("y")
