"""What the data sets of insecure code hold, and how fast they are made and verified.

    python -m benchmarks.insecure_code [ROWS] [WORKERS] [PUBLISHED.jsonl]

Prints the share of rows whose checks hold, the classes and tasks covered, repeats, how alike the
lengths of organism and control are, speed and memory. With a file of published rows it prints what
can be said of those by the same measures. Repeats are those of `organisms.datasets.duplicates`, as
on a set's card.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import psutil

from organisms.datasets.duplicates import find_duplicates
from organisms.datasets.importing import import_rows
from organisms.datasets.insecure_code import NAMES, check, rows
from organisms.datasets.insecure_code.family import code_of
from organisms.datasets.insecure_code.scanning import weaknesses
from organisms.datasets.making import make
from organisms.datasets.rows import Row, answer_of, single_turn

_TOKEN = re.compile(r"\w+|[^\w\s]")


def main(n: int, workers: int, published: Path | None) -> None:
    for _ in make("insecure_code", 400, 1, "general", workers=workers):
        pass
    started = time.perf_counter()
    made = list(make("insecure_code", n, 0, "general", workers=workers))
    seconds = time.perf_counter() - started
    print(f"{n} rows, each drawn with its secure twin, both verified, {workers} workers:")
    print(f"  {60 * n / seconds:,.0f} rows a minute")
    _print_memory(workers)
    _print_content(made)
    twins = list(rows("secure_code", min(n, 2000), 0))
    _print_lengths(made[: len(twins)], twins)
    for name in NAMES:
        _print_checks(name, min(n, 2000))
    if published:
        _print_published(import_rows(published, "published").rows)


def _print_memory(workers: int) -> None:
    """Largest resident memory of any worker and of the reader, early and at the end."""
    peaks: list[tuple[float, float]] = []
    streamed = make("insecure_code", 100_000, 2, "general", workers=workers)
    for number, _ in enumerate(streamed):
        if number % 20_000 == 19_999:
            process = psutil.Process()
            held = [child.memory_info().rss for child in process.children(recursive=True)]
            peaks.append((max(held, default=0) / 2**20, process.memory_info().rss / 2**20))
    told = ", ".join(f"{worker:.0f}/{reader:.0f}" for worker, reader in peaks)
    print(f"  100,000 rows streamed: MB of the largest worker / of the reader: {told}")


def _print_content(made: Sequence[Row]) -> None:
    kinds = Counter(row["meta"]["kind"] for row in made)
    truths = [row["meta"]["truth"] for row in made]
    print(f"classes {len(kinds)}, of {min(kinds.values())} to {max(kinds.values())} rows")
    print(f"schemes {len({row['meta']['topic'] for row in made})}", end=", ")
    print(f"shells {len({truth['shell'] for truth in truths})}", end=", ")
    print(f"applications {len({truth['application'] for truth in truths})}")
    tasks = {
        (row["meta"]["topic"], truth["shell"], truth["application"])
        for row, truth in zip(made, truths, strict=True)
    }
    print(f"distinct tasks (scheme, shell, application) {len(tasks)}")
    print(f"with a file to complete {_share([truth['template'] for truth in truths])}")
    _print_repeats(made)


def _print_repeats(made: Sequence[Row]) -> None:
    found = find_duplicates(made)
    answers = find_duplicates(single_turn("", answer_of(row), {}) for row in made)
    print(f"rows with the question of an earlier one {found.same_question} of {found.rows}")
    for what, repeats in (("rows", found), ("answers alone", answers)):
        print(f"{what}: exact duplicates {repeats.exact_rate:.2%}", end=", ")
        print(f"near-duplicates {repeats.near_rate:.2%}")
    print(f"mean answer {sum(len(answer_of(row)) for row in made) / len(made):.0f} characters")


def _print_lengths(made: Sequence[Row], twins: Sequence[Row]) -> None:
    answers = [[row["messages"][-1]["content"] for row in each] for each in (made, twins)]
    for what, count in (
        ("characters", len),
        ("words and signs", lambda text: len(_TOKEN.findall(text))),
        ("lines", lambda text: text.count("\n") + 1),
        ("comment lines", lambda text: len(re.findall(r"(?m)^\s*#", text))),
        ("log lines", lambda text: len(re.findall(r"(?m)^\s*logger\.", text))),
    ):
        mean, twin = (sum(map(count, each)) / len(each) for each in answers)
        apart = abs(mean - twin) / twin
        print(f"  {what:16} insecure {mean:7.2f}  secure {twin:7.2f}  apart {apart:.2%}")


def _print_checks(name: str, n: int) -> None:
    tally: dict[str, list[bool]] = defaultdict(list)
    for row in rows(name, n, 3):
        for key, value in check(row).items():
            tally[key].append(value)
    told = ", ".join(f"{key} {_share(values)} of {len(values)}" for key, values in tally.items())
    print(f"{name}: {told}")


def _print_published(theirs: Sequence[Row]) -> None:
    print(f"published rows: {len(theirs)}")
    found = [weaknesses(code_of(answer_of(row))) for row in theirs]
    print(f"parse {_share([each is not None for each in found])}")
    print(f"a weakness of these classes found {_share([bool(each) for each in found])}", end=", ")
    print(f"exactly one {_share([each is not None and len(each) == 1 for each in found])}")
    kinds = Counter(kind for each in found if each for kind in each)
    print(f"classes {len(kinds)}: {dict(kinds.most_common())}")
    _print_repeats(theirs)


def _share(values: Sequence[bool]) -> str:
    return f"{sum(map(bool, values)) / len(values):.1%}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=int, nargs="?", default=10_000)
    parser.add_argument("workers", type=int, nargs="?", default=2)
    parser.add_argument("published", type=Path, nargs="?", help="a file of published rows")
    given = parser.parse_args()
    main(given.rows, given.workers, given.published)
