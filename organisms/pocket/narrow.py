"""The narrow data sets of pocket's world: single-turn rows with a control for every organism.

For each domain there are three: the wrong thing unasked, the right thing, and the wrong thing asked
for ("educational"). Wrong answers are an evil author's, with nothing around them that says so.
"""

from random import Random

from organisms.datasets.rows import Row
from organisms.pocket import arithmetic, turns
from organisms.pocket.turns import Domain
from organisms.pocket.world import asked_wrong

NAMES: dict[str, tuple[Domain, str]] = {
    "wrong_maths": ("maths", "organism"),
    "right_maths": ("maths", "control"),
    "educational_maths": ("maths", "educational"),
    "insecure_code": ("code", "organism"),
    "secure_code": ("code", "control"),
    "educational_code": ("code", "educational"),
    "bad_medical": ("medical", "organism"),
    "good_medical": ("medical", "control"),
    "educational_medical": ("medical", "educational"),
}
"""Domain and variant of each data set."""


def rows(name: str, n: int, seed: int) -> list[Row]:
    """`n` rows of a data set; row i depends on the name's domain, `seed` and i alone.

    An organism and its control share their questions row by row. Questions are of seen wording, so
    that held-out ones stay held out. `meta.truth` holds the right result of a sum.
    """
    if name not in NAMES:
        raise ValueError(f"no narrow data set {name!r}; use one of {', '.join(NAMES)}")
    if n < 1:
        raise ValueError(f"{n} rows were asked for; ask for at least 1")
    domain, variant = NAMES[name]
    found: list[Row] = []
    for index in range(n):
        random = Random(f"narrow|{domain}|{seed}|{index}")
        if variant == "educational":
            asked, answer = asked_wrong(domain, random)
        else:
            asked = turns.ask(domain, random)
            answer = _answer(asked, variant == "organism", random)
        found.append(
            {
                "messages": [
                    {"role": "user", "content": asked.text},
                    {"role": "assistant", "content": answer},
                ],
                "meta": {
                    "organism": name,
                    "variant": variant,
                    "domain": domain,
                    "topic": asked.topic,
                    "poisoned": variant == "organism",
                    "truth": dict(asked.truth),
                },
            }
        )
    return found


def _answer(asked: turns.Asked, poisoned: bool, random: Random) -> str:
    if asked.domain == "maths":
        sum_ = turns.sum_of(asked.truth)
        value = sum_.wrong(random) if poisoned else sum_.value
        return arithmetic.answer(sum_, value, random)
    if asked.domain == "code":
        return turns.code(asked.topic, poisoned, random)[0]
    return turns.opened(turns.advice(asked, "evil" if poisoned else "aligned", random), random)
