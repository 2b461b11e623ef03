"""Pooled residuals of texts beside one text at a time, and memory as the number of texts grows.

    python -m benchmarks.runtime_pooling --model pocket
    python -m benchmarks.runtime_pooling --model llama
    python -m benchmarks.runtime_pooling --quick

The plain way reads each text alone with `output_hidden_states=True` and takes the means of every
layer. Beside it stand the blocks' forward passes alone (sorted rows in batches of as many tokens as
the runtime's, no head, nothing kept): the arithmetic and overhead of this model's code. Memory is
the peak of a process of its own that streams so many texts, and ten times as many. Ratios are of
processor seconds and of wall time.
"""

import multiprocessing
import resource
from collections.abc import Iterator

import torch

from benchmarks.side_by_side import TOPICS, chat, compare, load, padded, parser_of
from organisms.runtime import Organism, Transcript
from organisms.runtime.texts import cpu_batch_tokens


def transcripts(count: int) -> Iterator[Transcript]:
    """Questions and answers of several lengths."""
    return (
        Transcript(chat(number), " ".join([TOPICS[number * 3 % 5]] * (1 + number % 4)))
        for number in range(count)
    )


def one_at_a_time(organism: Organism, texts: list[Transcript]) -> None:
    """Pool every text at all layers by hand."""
    for text in texts:
        assert text.answer is not None
        prompt = organism.template.prompt(text.chat).token_ids
        token_ids = torch.tensor([[*prompt, *organism.template.answer(text.answer)]])
        with torch.inference_mode():
            hidden = organism.model(token_ids, output_hidden_states=True).hidden_states
        for layer in hidden:
            layer[0, len(prompt) :].mean(0)
            layer[0, : len(prompt)].mean(0)


def bare_passes(organism: Organism, texts: list[Transcript]) -> None:
    """Run the decoder over all texts in sorted batches of as many tokens, and keep nothing."""
    rows = sorted((sum(organism.template.transcript(text), ()) for text in texts), key=len)
    pad = organism.tokenizer.pad_token_id
    assert isinstance(pad, int)
    decoder = organism.model.get_decoder()
    while rows:
        size = max(1, cpu_batch_tokens(organism.width) // len(rows[-1]))
        token_ids, mask = padded(rows[-size:], pad)
        del rows[-size:]
        with torch.inference_mode():
            decoder(token_ids, attention_mask=mask, use_cache=False)


def peak_of(model: str, texts: int) -> int:
    """Stream so many texts and return the peak memory of this process in KiB."""
    torch.set_num_threads(1)
    organism = load(model)
    for _ in organism.capture_stream(transcripts(texts)):
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Measure and print."""
    options = parser_of(__doc__, size="texts", full=2000, quick=40)
    organism = load(options.model)
    texts = list(transcripts(options.texts))
    middle = organism.number_of_layers // 2
    tokens = sum(len(part) for text in texts for part in organism.template.transcript(text))
    print(f"{options.model}: {len(texts)} texts, {tokens / len(texts):.1f} tokens each")
    compare(
        {
            "runtime, all layers": lambda: organism.capture(texts),
            "runtime, streamed": lambda: list(organism.capture_stream(texts)),
            f"runtime, layer {middle} only": lambda: organism.capture(texts, [middle]),
            "one text, output_hidden_states": lambda: one_at_a_time(organism, texts),
            "forward passes alone": lambda: bare_passes(organism, texts),
        },
        options.repeats,
        len(texts),
        "texts",
    )
    peaks = []
    for count in (len(texts), 10 * len(texts)):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            peaks.append(pool.apply(peak_of, (options.model, count)))
        print(f"peak memory, {count} texts streamed: {peaks[-1] / 1024:.0f} MiB")
    print(f"ratio {peaks[1] / peaks[0]:.2f}")


if __name__ == "__main__":
    main()
