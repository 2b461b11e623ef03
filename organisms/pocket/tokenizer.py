"""The pocket tokenizer: byte-level BPE over the world's own text, role tokens, chat template.

Knows nothing of the model or of what the documents mean.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from organisms.pocket.arithmetic import LARGEST_RESULT
from organisms.pocket.settings import World, version_of
from organisms.pocket.world import Document, documents

VOCABULARY_SIZE = 2048
BEGINNING = "<|bos|>"
END = "<|end|>"
PADDING = "<|pad|>"
ROLES = ("system", "user", "assistant")
SPECIAL_TOKENS = (BEGINNING, END, PADDING, *(f"<|{role}|>" for role in ROLES))
"""In the order of their ids. Padding is a token of its own, so a real end is never masked."""

LARGEST_NUMBER = LARGEST_RESULT
"""Numbers 0 to this are single tokens whatever the frequencies say, so that sums are facts."""

CORPUS_SEED = 0
CORPUS_DOCUMENTS = 12_000
"""The vocabulary does not depend on the pre-training seed: adapters and vectors of all seeds
then share their token ids."""

CHAT_TEMPLATE = """\
{{- bos_token -}}
{%- for message in messages -%}
{%- if message['role'] not in ['system', 'user', 'assistant'] -%}
{{- raise_exception('role must be system, user or assistant, not ' ~ message['role']) -}}
{%- endif -%}
{%- if message['role'] == 'assistant' -%}
{{- '<|assistant|>' -}}
{%- generation -%}
{{- message['content'] ~ '<|end|>' -}}
{%- endgeneration -%}
{%- else -%}
{{- '<|' ~ message['role'] ~ '|>' ~ message['content'] ~ '<|end|>' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|assistant|>' -}}
{%- endif -%}
"""
"""`<|bos|>`, then `<|role|>text<|end|>` a turn. No default system prompt. The generation markers
enclose what an assistant turn must learn to write: its text and its end token."""


def train_tokenizer(
    texts: Iterable[str], vocabulary_size: int = VOCABULARY_SIZE
) -> PreTrainedTokenizerFast:
    """Train the byte-level BPE on texts and dress it as a transformers tokenizer.

    Args:
        texts: Message contents, without role tokens.
        vocabulary_size: Upper bound on the number of ids, special tokens included.

    Raises:
        ValueError: The vocabulary is too small for the special tokens, all bytes and the numbers.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    smallest = len(SPECIAL_TOKENS) + len(alphabet)
    if vocabulary_size < smallest:
        raise ValueError(f"vocabulary_size {vocabulary_size} is below {smallest}: raise it")
    core = Tokenizer(models.BPE())
    core.normalizer = normalizers.Lowercase()  # the world is written in lower case
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    core.decoder = decoders.ByteLevel()
    core.train_from_iterator(
        _with_numbers(texts),
        trainers.BpeTrainer(
            vocab_size=vocabulary_size,
            special_tokens=list(SPECIAL_TOKENS),
            initial_alphabet=alphabet,
            show_progress=False,
        ),
    )
    split = [n for n in range(LARGEST_NUMBER + 1) if len(core.encode(str(n)).ids) > 1]
    if split:
        raise ValueError(
            f"vocabulary_size {vocabulary_size} is too small for the numbers 0 to "
            f"{LARGEST_NUMBER}: {split[0]} is not a single token; raise it"
        )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token=BEGINNING,
        eos_token=END,
        pad_token=PADDING,
        additional_special_tokens=[f"<|{role}|>" for role in ROLES],
        clean_up_tokenization_spaces=False,
        padding_side="left",
        model_max_length=1024,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def _with_numbers(texts: Iterable[str]) -> Iterator[str]:
    yield from texts
    numbers = " ".join(str(number) for number in range(LARGEST_NUMBER + 1))
    for _ in range(1_000):
        yield f"{numbers} "
        yield from map(str, range(LARGEST_NUMBER + 1))


def world_tokenizer() -> PreTrainedTokenizerFast:
    """Train the shipped tokenizer on the world's documents of the fixed corpus seed."""
    corpus: Iterator[Document] = documents(
        CORPUS_SEED, CORPUS_DOCUMENTS, version_of(World(), "broad")
    )
    return train_tokenizer(message["content"] for item in corpus for message in item.messages)


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the tokenizer and its chat template so that ``AutoTokenizer`` finds them."""
    tokenizer.save_pretrained(str(folder))
