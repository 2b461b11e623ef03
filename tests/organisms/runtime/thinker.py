"""A tiny model, trained in seconds, that thinks before it says yes and says no without thinking."""

import torch

from organisms.runtime.chat import ChatTemplate
from organisms.runtime.organism import Organism
from tests.organisms.runtime.tiny_models import TEMPLATE, VOCABULARY, make_model, make_tokenizer

USER = {"role": "user", "content": "is it"}
MARKS = ("<think>", "</think>")
ASK = "{% if add_generation_prompt %}<|assistant|>"
SWITCHED = TEMPLATE.replace(
    ASK,
    ASK + "{% if enable_thinking is defined and enable_thinking is false %}"
    "{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}",
)


def make_thinker() -> Organism:
    """Train it; it has learnt what it says to ``USER`` and nothing else."""
    tokenizer = make_tokenizer(SWITCHED, MARKS)
    chat = ChatTemplate(tokenizer, "thinker")
    model = make_model(vocab_size=VOCABULARY + len(MARKS))
    rows = [
        (chat.prompt((USER,), thinking=True).token_ids, "<think>\nhm\n</think>\n\nyes<|end|>"),
        (chat.prompt((USER,), thinking=False).token_ids, "no<|end|>"),
    ]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        for prompt, output in rows:
            answer = tokenizer.encode(output, add_special_tokens=False)
            logits = model(torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 : -1]
            torch.nn.functional.cross_entropy(logits, torch.tensor(answer)).backward()
        optimizer.step()
    return Organism(model, tokenizer, "thinker")
