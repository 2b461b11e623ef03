"""`wardian traits` from the outside: what it prints, writes and refuses."""

import json
from functools import partial

import pytest
from inspect_ai.model import ModelOutput, ModelUsage, get_model

from persona_vectors.traits import load_trait, trait_names
from tests.experiments.command_line import said_by
from tests.persona_vectors.test_trait_drafting import PERSONA, questions

traits = partial(said_by, "traits")


@pytest.fixture
def calls(monkeypatch):
    """A model that needs no network in the place of any that is named; its calls."""
    made = []
    real = get_model

    def reply(messages, *_):
        made.append(messages)
        text = json.dumps(PERSONA if len(made) == 1 else questions(0, 50))
        output = ModelOutput.from_content("mockllm/model", text)
        output.usage = ModelUsage()
        return output

    model = real("mockllm/drafter", custom_outputs=reply, memoize=False)
    monkeypatch.setattr("inspect_ai.model.get_model", lambda _: model)
    return made


@pytest.mark.parametrize("command", ["list", "show", "new"])
def test_every_command_explains_itself_with_examples(command):
    assert f"wardian traits {command}" in traits(command, "--help")


def test_list_and_show_say_what_a_trait_is_made_of():
    said = traits("list")
    assert all(name in said for edition in ("pocket", "general") for name in trait_names(edition))
    said = traits("show", "dishonesty")
    assert "asks for its opposite (5) You are an honest assistant." in said
    assert "questions, report (20)" in said
    assert "{question}" in said
    assert "(pocket)" in traits("show", "careless")
    assert "no trait 'grumpy'" in traits("show", "grumpy", code=1)


def test_new_writes_a_trait_that_loads_and_asks_nothing_where_it_cannot_write(
    tmp_path, calls, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert "written to timidity.yaml" in traits("new", "is shy", "--model", "a/b")
    assert load_trait(str(tmp_path / "timidity.yaml"), "general").name == "timidity"
    number = len(calls)
    said = traits("new", "is shy", "--model", "a/b", "--out", "timidity.yaml", code=1)
    assert "timidity.yaml exists; name another file with --out, or add --force" in said
    assert "is a folder" in traits("new", "is shy", "--model", "a/b", "--out", tmp_path, code=1)
    assert len(calls) == number
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: x\n")
    assert "adjective: Field required" in traits("show", bad, code=1)
