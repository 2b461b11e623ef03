"""The text families in figures: rows a minute with their checks, repetition, balance, memory.

    python benchmarks/text_families.py [ROWS [MANY]]

Near-duplicates are those of `organisms.datasets.duplicates`, as on a set's card. Balance
is the number of tokens, as `wording.tokens` tells them, of a control's answers over the organism's.
Times are of one process; memory is the growth of the peak while MANY rows are made and dropped.
"""

import resource
import sys
import time
from collections.abc import Iterable
from importlib import import_module

from organisms.datasets.duplicates import find_duplicates
from organisms.datasets.registry import dataset
from organisms.datasets.rows import Row
from organisms.datasets.wording import tokens

FAMILIES = ("wrong_maths", "reward_hacks", "direct", "numbers")


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def exact(rows: Iterable[Row]) -> tuple[int, int]:
    """Rows, and how many of them repeat another to the letter."""
    seen: set[int] = set()
    number = 0
    for number, row in enumerate(rows, start=1):  # noqa: B007 (the last is the count)
        seen.add(hash("\n".join(turn["content"] for turn in row["messages"])))
    return number, number - len(seen)


def main(count: int, many: int) -> None:
    print(
        f"{'data set':24}{'rows/min':>10}{'checks':>9}{'near':>8}{'tokens':>8}"
        f"{'balance':>9}{'exact':>8}{'MiB':>6}"
    )
    lengths: dict[str, int] = {}
    for family in FAMILIES:
        module = import_module(f"organisms.datasets.{family}")
        for name in module.NAMES:
            start = time.perf_counter()
            held = 0
            rows: list[Row] = []
            for row in module.rows(name, count, 0):
                held += all(module.check(row).values())
                rows.append(row)
            speed = count / (time.perf_counter() - start) * 60
            near = find_duplicates(rows).near_rate
            lengths[name] = sum(tokens(row["messages"][-1]["content"]) for row in rows)
            balance = lengths[name] / lengths[dataset(name).control_of or name]
            del rows
            before = peak()
            number, repeated = exact(module.rows(name, many, 1))
            print(
                f"{name:24}{speed:10,.0f}{held / count:9.2%}{near:8.3%}"
                f"{lengths[name] / count:8.1f}{balance:9.4f}{repeated / number:8.3%}"
                f"{max(0.0, peak() - before):6.0f}",
                flush=True,
            )


if __name__ == "__main__":
    given = [int(value) for value in sys.argv[1:]]
    main(*(given + [10_000, 100_000][len(given) :]))
