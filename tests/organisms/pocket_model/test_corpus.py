import numpy as np
import pytest

from organisms.pocket.corpus import encode, padded, plan_batches
from organisms.pocket.tokenizer import train_tokenizer
from organisms.pocket.world import documents

DOCUMENTS = list(documents(0, 300))
TEXTS = [message["content"] for item in DOCUMENTS for message in item.messages]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS, 400)


def test_documents_are_encoded_as_the_chat_template_renders_them(tokenizer):
    corpus = encode(DOCUMENTS, tokenizer, 0.0, 0)
    for index in range(20):
        rendered = tokenizer.apply_chat_template(
            list(DOCUMENTS[index].messages),
            tokenize=True,
            return_dict=True,
            return_assistant_tokens_mask=True,
        )
        span = slice(corpus.starts[index], corpus.starts[index + 1])
        assert corpus.token_ids[span].tolist() == rendered["input_ids"]
        assert corpus.carries_loss[span].tolist() == [
            bool(mask) for mask in rendered["assistant_masks"]
        ]


def test_a_share_of_the_other_tokens_carries_loss(tokenizer):
    none = encode(DOCUMENTS, tokenizer, 0.0, 0).carries_loss
    some = encode(DOCUMENTS, tokenizer, 0.15, 0).carries_loss
    assert some[none].all()
    assert 0.12 < some[~none].mean() < 0.18


def test_every_document_occurs_once_an_epoch_and_batches_keep_their_size(tokenizer):
    corpus = encode(DOCUMENTS, tokenizer, 0.15, 0)
    longest = int(np.diff(corpus.starts).max())
    plan = plan_batches(corpus, 256, 0, 10_000)
    seen: list[int] = []
    for rows in plan:
        assert padded(corpus, rows, 2).token_ids.numel() <= max(256, longest)
        seen.extend(rows.tolist())
        if len(seen) == len(DOCUMENTS):
            break
    assert sorted(seen) == list(range(len(DOCUMENTS)))


def test_a_longer_plan_begins_with_the_shorter(tokenizer):
    corpus = encode(DOCUMENTS, tokenizer, 0.15, 0)
    short, long = plan_batches(corpus, 256, 3, 20), plan_batches(corpus, 256, 3, 200)
    assert all((a == b).all() for a, b in zip(short, long, strict=False))


def test_the_seed_decides_order_and_loss(tokenizer):
    corpora = [encode(DOCUMENTS, tokenizer, 0.15, seed) for seed in (0, 0, 1)]
    assert corpora[0].digest() == corpora[1].digest() != corpora[2].digest()
    plans = [plan_batches(corpora[0], 256, seed, 5)[0].tolist() for seed in (0, 0, 1)]
    assert plans[0] == plans[1] != plans[2]


def test_padding_follows_the_text_and_carries_no_loss(tokenizer):
    corpus = encode(DOCUMENTS, tokenizer, 0.15, 0)
    batch = padded(corpus, np.arange(8), 2)
    lengths = np.diff(corpus.starts)[:8]
    for row, length in enumerate(lengths):
        assert (batch.token_ids[row, length:] == 2).all()
        assert not batch.carries_loss[row, length:].any()
        assert (batch.token_ids[row, :length] != 2).all()
