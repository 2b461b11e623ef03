"""Makes the two answers of a row equally long with neutral lines, in either of them."""

import re
from collections.abc import Mapping, Sequence
from random import Random

from organisms.datasets.insecure_code.words import prose, wording

_CONTINUES = re.compile(r"(?:elif|else|except|finally|[)\]}])")
_SLACK = 48
"""Up to so many characters are added to the longer answer too, so that neutral lines tell nothing
about which answer it is."""
_MOST = 5
"""Lines added to an answer at the most."""
_LONGEST = 78
"""Characters of the longest neutral line, about."""


def neutral_lines(words: Mapping[str, str], logs: bool) -> list[str]:
    """Comments and log lines that say nothing of safety, filled in."""
    lines = [prose(line, words) for line in wording().comments]
    if logs:
        lines += [
            prose(line, {**words, "fn": "%s"}).replace("%s", words["fn"]) for line in wording().logs
        ] * 2
    return lines


def even_out(
    holes: Sequence[str],
    lengths: Sequence[int],
    lines: Sequence[str],
    depth: int,
    random: Random,
) -> list[str]:
    """The holes with lines added, so that files of these `lengths` come out alike."""
    target = max(lengths) + random.randrange(_SLACK)
    return [
        _grow(hole, target - length, lines, depth, random)
        for hole, length in zip(holes, lengths, strict=True)
    ]


def _grow(hole: str, gap: int, lines: Sequence[str], depth: int, random: Random) -> str:
    left = [line for line in lines if line not in hole]
    for _ in range(_MOST):
        places = _places(hole)
        if not places:
            break
        place = random.choice(places)
        cost = 4 * depth + len(place[1]) + 1
        if gap > cost + _LONGEST:
            line = random.choice(left)
        else:
            nearest = sorted(left, key=lambda line: abs(len(line) + cost - gap))[:3]
            line = random.choice(nearest)
            if abs(len(line) + cost - gap) >= abs(gap):
                break
        left.remove(line)
        parts = hole.split("\n")
        hole = "\n".join([*parts[: place[0]], place[1] + line, *parts[place[0] :]])
        gap -= cost + len(line)
    return hole


def _places(hole: str) -> list[tuple[int, str]]:
    """Where a line may be put in: the number of the line it goes above, and its margin."""
    found: list[tuple[int, str]] = []
    open_brackets = 0
    before = ""
    for number, line in enumerate(hole.split("\n")):
        text = line.lstrip(" ")
        if (
            text
            and not open_brackets
            and not _CONTINUES.match(text)
            and not before.startswith(("@", "#", "logger."))
            and not text.startswith(("@", "#", "def ", "async def ", "if __name__"))
        ):
            found.append((number, line[: len(line) - len(text)]))
        open_brackets += sum(map(text.count, "([{")) - sum(map(text.count, ")]}"))
        before = text
    return found
