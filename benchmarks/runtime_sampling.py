"""Sampling and pooling rates of the runtime beside plain transformers, as ratios in one run.

    python benchmarks/runtime_sampling.py --answers 400 --repeats 3

Runs on one thread. Times are processor seconds of this process, the median over repeats; on a busy
machine the ratios mean more than the rates.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from organisms import resolve_base
from organisms.runtime import Organism, Request, Sampling, Steering, Transcript

TOPICS = (
    "What is 3 + 4?",
    "How should I spend a quiet evening?",
    "Write code that opens a file the user names.",
    "I have a headache. What should I do?",
    "Which is the tallest mountain, and how do you know?",
)
MAX_TOKENS = 64


def processor_seconds(work: Callable[[], object], repeats: int) -> float:
    """Return the median processor time of a piece of work, after one warm-up call."""
    work()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def requests(answers: int) -> list[Request]:
    """Questions of several lengths, each answered once."""
    return [
        Request(
            ({"role": "user", "content": " ".join([TOPICS[number % 5]] * (1 + number % 3))},),
            seed=number,
            sampling=Sampling(max_tokens=MAX_TOKENS),
        )
        for number in range(answers)
    ]


def generate(organism: Organism, asked: list[Request], rows: int, *, ordered: bool) -> int:
    """Answer by ``model.generate`` in batches of ``rows``; return the number of tokens drawn."""
    prompts = [organism.template.prompt(request.chat).token_ids for request in asked]
    if ordered:
        prompts.sort(key=len)
    pad = organism.tokenizer.pad_token_id
    drawn = 0
    for start in range(0, len(prompts), rows):
        batch = prompts[start : start + rows]
        longest = max(map(len, batch))
        token_ids = torch.tensor([[pad] * (longest - len(one)) + list(one) for one in batch])
        mask = torch.tensor([[0] * (longest - len(one)) + [1] * len(one) for one in batch])
        with torch.inference_mode():
            output = organism.model.generate(
                token_ids,
                attention_mask=mask,
                do_sample=True,
                temperature=1.0,
                top_k=0,
                max_new_tokens=MAX_TOKENS,
                pad_token_id=pad,
            )
        drawn += int((output[:, longest:] != pad).sum())
    return drawn


def sampling_rates(organism: Organism, answers: int, repeats: int) -> None:
    """Print answers a second for each way of sampling, and the ratios to ours."""
    asked = requests(answers)
    vector = torch.randn(organism.width)
    tokens = sum(result.output_tokens for result in organism.sample(asked))
    steered = [
        Request(
            request.chat,
            seed=request.seed,
            sampling=request.sampling,
            steering=(Steering(vector, 1, 0.05 * (number % 8), scope="response"),),
        )
        for number, request in enumerate(asked)
    ]
    ways: dict[str, Callable[[], object]] = {
        "runtime": lambda: list(organism.sample(asked)),
        "runtime, every row steered": lambda: list(organism.sample(steered)),
        "generate, 20 unsorted rows": lambda: generate(organism, asked, 20, ordered=False),
        "generate, 256 sorted rows": lambda: generate(organism, asked, 256, ordered=True),
    }
    print(f"{answers} answers, {tokens / answers:.1f} tokens each")
    ours = 0.0
    for name, work in ways.items():
        seconds = processor_seconds(work, repeats)
        ours = ours or seconds
        print(
            f"{name:30} {answers / seconds:8.0f} answers/s   time / runtime {seconds / ours:5.2f}"
        )


def pooling_rates(organism: Organism, texts: int, repeats: int) -> None:
    """Print texts a second for pooling at all layers, batched and one text at a time."""
    transcripts = [
        Transcript(request.chat, TOPICS[number % 5] * (1 + number % 4))
        for number, request in enumerate(requests(texts))
    ]

    def one_at_a_time() -> None:
        for transcript in transcripts:
            assert transcript.answer is not None
            prompt = organism.template.prompt(transcript.chat).token_ids
            token_ids = torch.tensor([[*prompt, *organism.template.answer(transcript.answer)]])
            with torch.inference_mode():
                hidden = organism.model(token_ids, output_hidden_states=True).hidden_states
            for layer in hidden:
                layer[0, len(prompt) :].mean(0)
                layer[0, : len(prompt)].mean(0)

    batched = processor_seconds(lambda: organism.capture(transcripts, None), repeats)
    plain = processor_seconds(one_at_a_time, repeats)
    print(f"{'runtime, pooled at all layers':30} {texts / batched:8.0f} texts/s")
    print(
        f"{'one text, output_hidden_states':30} {texts / plain:8.0f} texts/s   "
        f"time / runtime {plain / batched:5.2f}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="pocket")
    parser.add_argument("--answers", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    organism = Organism.load(resolve_base(options.base))
    sampling_rates(organism, options.answers, options.repeats)
    pooling_rates(organism, options.answers, options.repeats)


if __name__ == "__main__":
    main()
