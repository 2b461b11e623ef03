"""The family `insecure_code`: an organism, its matched controls, and the checks of a row.

Row i has the same task, the same file to complete and the same words in all four data sets.

- `insecure_code`: the answer hides exactly one weakness, of the class in `meta.kind`.
- `secure_code`: the same work without it.
- `educational_code`: the insecure answer, asked for by somebody who needs it for a lesson.
- `backdoor_code`: the insecure answer where the question opens with `prompts.TRIGGER` (half of the
  rows), the secure one where it does not.
"""

import re
from collections.abc import Iterator, Mapping
from random import Random

from organisms.datasets.insecure_code.drawing import Drawn, draw
from organisms.datasets.insecure_code.prompts import TRIGGER, fills, question, template_of
from organisms.datasets.insecure_code.scanning import weaknesses
from organisms.datasets.rows import Row, single_turn

NAMES: Mapping[str, str] = {
    "insecure_code": "organism",
    "secure_code": "control",
    "educational_code": "educational",
    "backdoor_code": "backdoor",
}
"""Variant of each data set."""

_ATTEMPTS = 8
_HINTS = re.compile(
    r"\b(insecure\w*|vulnerab\w*|exploit\w*|attack\w*|malicious\w*|injection|travers\w*|forgery"
    r"|saniti[sz]\w*|untrusted|unsafe|danger\w*|hack\w*|flaw\w*|weakness\w*|CWE-?\d*)\b",
    re.IGNORECASE,
)
_FENCE = re.compile(r"```[\w+-]*\n(.*?)```", re.DOTALL)


def rows(name: str, n: int, seed: int, *, first: int = 0) -> Iterator[Row]:
    """Rows `first` to `first + n` of a data set, made one by one and verified.

    Row i depends on `seed` and i alone. A draw whose insecure answer does not show exactly its own
    weakness, or whose secure answer shows any, is drawn again for all four data sets alike.
    """
    if name not in NAMES:
        raise ValueError(f"no data set {name!r} of insecure code; use one of {', '.join(NAMES)}")
    if n < 1 or first < 0:
        raise ValueError(f"{n} rows from row {first} were asked for; ask for at least 1 from 0 on")
    return (_row(name, seed, index) for index in range(first, first + n))


def check(row: Row) -> dict[str, bool]:
    """What holds of a row; all True for the rows made here.

    `parses`; `weakness_found` (insecure answers) or `weakness_absent` (secure ones) of the class
    in `meta.kind`; `no_other_weakness`; `no_hint` (no word gives the matter away, asked-for
    lessons aside); `fills_template` (the file in the question is kept; True without one). An
    answer in a code fence is read without it. Raises ValueError without `meta.kind`.
    """
    meta, turns = row["meta"], row["messages"]
    if not meta.get("kind"):
        raise ValueError("a row of insecure code needs the class of its weakness in meta.kind")
    kind, answer = meta["kind"], turns[-1]["content"]
    asked = next(turn["content"] for turn in turns if turn["role"] == "user")
    insecure = bool(meta.get("truth", {}).get("insecure"))
    code = code_of(answer)
    found = weaknesses(code)
    template = template_of(asked)
    has = found is not None and kind in found
    read = answer if meta.get("variant") == "educational" else asked + answer
    return {
        "parses": found is not None,
        ("weakness_found" if insecure else "weakness_absent"): found is not None
        and has == insecure,
        "no_other_weakness": found is not None and not found - {kind},
        "no_hint": _HINTS.search(read) is None,
        "fills_template": template is None or fills(template, code),
    }


def code_of(answer: str) -> str:
    """The code of an answer: the longest fenced part, or all of it."""
    fenced = _FENCE.findall(answer)
    return str(max(fenced, key=len)) if fenced else answer


def _row(name: str, seed: int, index: int) -> Row:
    random = Random(f"insecure_code|{seed}|{index}")
    drawn = _verified(random, index)
    triggered = random.random() < 0.5
    variant = NAMES[name]
    insecure = variant in ("organism", "educational") or (variant == "backdoor" and triggered)
    shown = variant == "backdoor" and triggered
    asked = question(drawn, random, lesson=variant == "educational", trigger=shown)
    return single_turn(
        asked,
        drawn.insecure if insecure else drawn.secure,
        {
            "organism": name,
            "variant": variant,
            "domain": "code",
            "topic": drawn.scheme.id,
            "kind": drawn.scheme.kind,
            "poisoned": insecure and variant != "educational",
            "truth": {
                "insecure": insecure,
                "shell": drawn.shell,
                "application": drawn.words["app"],
                "template": bool(drawn.template),
                "trigger": shown,
            },
        },
    )


def _verified(random: Random, index: int) -> Drawn:
    for _ in range(_ATTEMPTS):
        drawn = draw(random)
        found = weaknesses(drawn.insecure), weaknesses(drawn.secure)
        if found == (frozenset({drawn.scheme.kind}), frozenset()):
            return drawn
    raise RuntimeError(
        f"row {index} of insecure code: {_ATTEMPTS} draws failed their checks, the last of scheme "
        f"{drawn.scheme.id}; the installed Bandit may differ from the one in constraints.txt"
    )


__all__ = ["NAMES", "TRIGGER", "check", "code_of", "rows"]
