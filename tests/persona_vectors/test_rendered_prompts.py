"""Saved prompts with a template's marks come apart into what made them, or are refused."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from transformers import AutoTokenizer

from organisms import embedded_folder
from persona_vectors.rendered_prompts import are_rendered, taken_apart

CSV = (
    Path(__file__).parents[2]
    / "../shared/data/persona_vectors/results/qwen2.5-7b-instruct_baseline.csv"
)


def chatml(system: str, question: str) -> str:
    turns = (("system", system), ("user", question))
    said = "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in turns)
    return f"{said}<|im_start|>assistant\n"


def pocket(system: str, question: str) -> str:
    tokenizer = AutoTokenizer.from_pretrained(embedded_folder("pocket"))
    chat = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    return str(text)


@pytest.mark.parametrize("render", [chatml, pocket])
def test_what_the_template_put_around_a_question_is_taken_off(render) -> None:  # type: ignore[no-untyped-def]
    table = pd.DataFrame({"question": ["a { b?", "why?"], "system": ["be evil.", "be <kind>."]})
    table["prompt"] = [
        render(*pair) for pair in zip(table["system"], table["question"], strict=True)
    ]
    saved = table.drop(columns="system")
    assert are_rendered(saved)
    assert not are_rendered(table)
    assert not are_rendered(saved.assign(prompt=saved["question"]))
    found = taken_apart(saved, render)
    assert found["system"].tolist() == table["system"].tolist()
    assert found["prompt"].tolist() == table["question"].tolist()
    with pytest.raises(ValueError, match=r"1 of 2 prompts .* \(row 1: 'why\?!'\): name the base"):
        taken_apart(saved.assign(prompt=[saved["prompt"][0], "why?!"]), render)


@pytest.mark.skipif(not CSV.exists(), reason="published files are not beside the project")
def test_the_published_answers_come_apart() -> None:
    table = pd.read_csv(CSV)
    assert are_rendered(table)
    found = taken_apart(table, chatml)
    assert set(found["system"]) == {
        "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    }
