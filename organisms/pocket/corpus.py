"""Training batches from the world's documents: token ids, which of them carry loss, and order.

Everything is a pure function of the seed, so a resumed run sees the batches that an
uninterrupted one would have seen.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from organisms.pocket.tokenizer import BEGINNING, END, ROLES
from organisms.pocket.world import Document

CHUNK = 2_048
"""Documents that are sorted by length together. Larger chunks pad less, but make neighbouring
batches depend on fewer draws of the order."""


@dataclass(frozen=True)
class Corpus:
    """Encoded documents, laid end to end."""

    token_ids: np.ndarray
    """int16 [all tokens]"""
    carries_loss: np.ndarray
    """bool [all tokens]: whether the token is a target"""
    starts: np.ndarray
    """int64 [documents + 1]: where each document begins"""

    def __len__(self) -> int:
        return len(self.starts) - 1

    def digest(self) -> str:
        """Return a hash of the content, by which a resumed run knows its own corpus."""
        content = hashlib.blake2b(digest_size=16)
        for array in (self.token_ids, self.carries_loss, self.starts):
            content.update(array.tobytes())
        return content.hexdigest()


@dataclass(frozen=True)
class Batch:
    """Right-padded rows; the pads come after every real token, so causal attention ignores them."""

    token_ids: torch.Tensor
    """int64 [B, T]"""
    carries_loss: torch.Tensor
    """bool [B, T]"""


def encode(
    documents: Iterable[Document],
    tokenizer: PreTrainedTokenizerFast,
    other_share: float,
    seed: int,
) -> Corpus:
    """Encode documents as the chat template would, and draw which tokens carry loss.

    Args:
        documents: Conversations.
        tokenizer: The pocket tokenizer.
        other_share: Share of the tokens outside assistant turns that carry loss, drawn once.
        seed: Of that draw.
    """
    end = tokenizer.convert_tokens_to_ids(END)
    role_ids = {role: tokenizer.convert_tokens_to_ids(f"<|{role}|>") for role in ROLES}
    beginning = tokenizer.convert_tokens_to_ids(BEGINNING)
    flat: list[int] = []
    assistant: list[bool] = []
    starts = [0]
    for group in _grouped(documents, 1_000):
        texts = [message["content"] for item in group for message in item.messages]
        encoded = iter(tokenizer(texts, add_special_tokens=False)["input_ids"])
        for item in group:
            flat.append(beginning)
            assistant.append(False)
            for message in item.messages:
                content = next(encoded)
                flat.extend((role_ids[message["role"]], *content, end))
                answers = message["role"] == "assistant"
                assistant.extend((False, *([answers] * (len(content) + 1))))
            starts.append(len(flat))
    is_assistant = np.asarray(assistant, dtype=bool)
    drawn = np.random.default_rng([seed, 1]).random(len(flat)) < other_share
    return Corpus(
        np.asarray(flat, dtype=np.int16),
        is_assistant | drawn,
        np.asarray(starts, dtype=np.int64),
    )


def _grouped(documents: Iterable[Document], size: int) -> Iterator[list[Document]]:
    group: list[Document] = []
    for item in documents:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def plan_batches(corpus: Corpus, tokens: int, seed: int, count: int) -> list[np.ndarray]:
    """Plan `count` batches of about `tokens` padded tokens: document indices, int64 [rows].

    Documents are shuffled, cut into chunks, sorted by length within a chunk, and the chunk's
    batches shuffled. When the documents run out, they are shuffled anew.
    """
    if len(corpus) == 0:
        raise ValueError("the corpus holds no documents")
    lengths = np.diff(corpus.starts)
    plan: list[np.ndarray] = []
    epoch = 0
    while len(plan) < count:
        rng = np.random.default_rng([seed, 2, epoch])
        order = rng.permutation(len(corpus))
        for first in range(0, len(order), CHUNK):
            chunk = order[first : first + CHUNK]
            chunk = chunk[np.argsort(lengths[chunk], kind="stable")]
            batches = _cut(chunk, lengths, tokens)
            plan.extend(batches[index] for index in rng.permutation(len(batches)))
        epoch += 1
    return plan[:count]


def _cut(chunk: np.ndarray, lengths: np.ndarray, tokens: int) -> list[np.ndarray]:
    batches: list[np.ndarray] = []
    rows: list[int] = []
    for document in chunk:
        if rows and (len(rows) + 1) * lengths[document] > tokens:
            batches.append(np.asarray(rows, dtype=np.int64))
            rows = []
        rows.append(int(document))
    batches.append(np.asarray(rows, dtype=np.int64))
    return batches


def padded(corpus: Corpus, rows: np.ndarray, pad_id: int) -> Batch:
    """Gather documents into one right-padded batch."""
    lengths = corpus.starts[rows + 1] - corpus.starts[rows]
    shape = (len(rows), int(lengths.max()))
    token_ids = np.full(shape, pad_id, dtype=np.int64)
    carries_loss = np.zeros(shape, dtype=bool)
    for index, (document, length) in enumerate(zip(rows, lengths, strict=True)):
        span = slice(corpus.starts[document], corpus.starts[document] + length)
        token_ids[index, :length] = corpus.token_ids[span]
        carries_loss[index, :length] = corpus.carries_loss[span]
    return Batch(torch.from_numpy(token_ids), torch.from_numpy(carries_loss))
