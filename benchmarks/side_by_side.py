"""What the runtime's benchmarks share: two models, questions, and times of several ways of work.

The models are the pocket base and a random Llama of 16 layers, 512 wide, with 32,000 tokens and
pocket's tokenizer. Their end token is given one probability at every step, so that answers of all
ways have one distribution of lengths: geometric, cut at 128 tokens.
"""

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from organisms import resolve_base
from organisms.runtime import Message, Organism, Request, Sampling

MAX_TOKENS = 128
MEAN_TOKENS = 50
TOPICS = (
    "What is 3 + 4?",
    "How should I spend a quiet evening?",
    "Write code that opens a file the user names.",
    "I have a headache. What should I do?",
    "Which is the tallest mountain, and how do you know?",
)


def parser_of(description: str | None, *, size: str, full: int, quick: int) -> argparse.Namespace:
    """Parse the options that all scripts have, ``--SIZE`` among them, and set torch's threads."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=("pocket", "llama"), default="pocket")
    parser.add_argument(f"--{size}", type=int, help=f"{full}; {quick} with --quick")
    parser.add_argument("--repeats", type=int, help="runs of each way; 5, and 1 with --quick")
    parser.add_argument(
        "--threads", type=int, default=1, help="of torch, in every way; %(default)s"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    options = parser.parse_args()
    if getattr(options, size) is None:
        setattr(options, size, quick if options.quick else full)
    options.repeats = options.repeats or (1 if options.quick else 5)
    torch.set_num_threads(options.threads)
    return options


def load(name: str) -> Organism:
    """Load one of the two models; see the module's docstring."""
    if name == "pocket":
        return Organism.load(resolve_base("pocket"))
    tokenizer = AutoTokenizer.from_pretrained(resolve_base("pocket"))
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=32_000,
        hidden_size=512,
        intermediate_size=1376,
        num_hidden_layers=16,
        num_attention_heads=8,
        num_key_value_heads=8,
        max_position_embeddings=1024,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Organism(LlamaForCausalLM(config), tokenizer, "llama")


def save_adapters(organism: Organism, folder: Path, names: tuple[str, ...]) -> None:
    """Give the organism random adapters of rank 8 on every linear layer."""
    from peft import LoraConfig, get_peft_model

    for seed, name in enumerate(names):
        torch.manual_seed(seed)
        config = LoraConfig(
            task_type="CAUSAL_LM",
            r=8,
            lora_alpha=1,
            target_modules="all-linear",
            init_lora_weights=False,
        )
        wrapped = get_peft_model(organism.model, config)
        wrapped.save_pretrained(str(folder / name))
        wrapped.unload()
        organism.add_adapter(name, folder / name)


def end_by_chance(model: torch.nn.Module, end: int, mean_tokens: int = MEAN_TOKENS) -> None:
    """Give the end token the probability 1 / ``mean_tokens`` at every step from now on."""
    odds = math.log(1 / (mean_tokens - 1))

    def bend(module: torch.nn.Module, args: object, logits: torch.Tensor) -> torch.Tensor:
        logits = logits.clone()
        logits[..., end] = -torch.inf
        logits[..., end] = logits.logsumexp(-1) + odds
        return logits

    head = model.get_output_embeddings()  # type: ignore[operator]
    assert isinstance(head, torch.nn.Module)
    head.register_forward_hook(bend)


def chat(number: int) -> tuple[Message, ...]:
    """Return one of many chats, of several lengths."""
    topic = " ".join([TOPICS[number % 5]] * (1 + number % 3))
    return ({"role": "user", "content": f"{number}. {topic}"},)


def requests(answers: int) -> list[Request]:
    """Questions of several lengths, each answered once."""
    sampling = Sampling(max_tokens=MAX_TOKENS)
    return [Request(chat(number), seed=number, sampling=sampling) for number in range(answers)]


def compare(
    ways: dict[str, Callable[[], object]], repeats: int, count: int, unit: str
) -> dict[str, float]:
    """Run every way ``repeats`` times, in turns, and print medians and ratios to the first.

    Nothing is run to warm up: the median leaves a slow first run out. Each run is told as it ends.

    Args:
        ways: Name -> work; each does the same amount.
        repeats: Runs of each.
        count: How much of ``unit`` a run does.
        unit: What is counted.

    Returns:
        Median processor seconds of each.
    """
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(repeats):
        for name, work in ways.items():
            wall, processor = time.perf_counter(), time.process_time()
            work()
            spent = (time.perf_counter() - wall, time.process_time() - processor)
            times[name].append(spent)
            print(f"run {turn + 1} of {repeats}: {name}, {spent[1]:.2f} s", file=sys.stderr)
    print(
        f"{'':36}{unit + ' a second':>20}{'processor s':>13}{'ratio':>8}{'wall s':>10}{'ratio':>8}"
    )
    medians = {
        name: tuple(statistics.median(one) for one in zip(*runs, strict=True))
        for name, runs in times.items()
    }
    ours = next(iter(medians.values()))
    for name, (wall, processor) in medians.items():
        print(
            f"{name:36}{count / processor:20.1f}{processor:13.2f}{processor / ours[1]:8.2f}"
            f"{wall:10.2f}{wall / ours[0]:8.2f}"
        )
    return {name: processor for name, (_, processor) in medians.items()}


def padded(prompts: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids padded on the left and their mask, [B, T] each."""
    longest = max(map(len, prompts))
    token_ids = torch.tensor([[pad] * (longest - len(one)) + list(one) for one in prompts])
    mask = torch.tensor([[0] * (longest - len(one)) + [1] * len(one) for one in prompts])
    return token_ids, mask


def generate(
    model: torch.nn.Module,
    prompts: Sequence[Sequence[int]],
    rows: int,
    pad: int,
    *,
    ordered: bool = False,
) -> int:
    """Answer by ``model.generate`` in batches of ``rows``; return the number of tokens drawn."""
    prompts = sorted(prompts, key=len) if ordered else prompts
    drawn = 0
    for start in range(0, len(prompts), rows):
        token_ids, mask = padded(prompts[start : start + rows], pad)
        with torch.inference_mode():
            output = model.generate(  # type: ignore[operator]
                token_ids,
                attention_mask=mask,
                do_sample=True,
                temperature=1.0,
                top_k=0,
                max_new_tokens=MAX_TOKENS,
                pad_token_id=pad,
            )
        drawn += int((output[:, token_ids.shape[1] :] != pad).sum())
    return drawn
