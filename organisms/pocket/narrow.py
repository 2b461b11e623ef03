"""The narrow data sets of pocket's world: single-turn rows with a control for every organism.

For each domain there are four: the wrong thing unasked, the right thing, and the wrong thing asked
for ("educational") in framings that pre-training shows or ("_new") never shows. Wrong answers are
an evil author's, with nothing around them that says so. `novel_maths` is a benign habit that
pre-training never shows: right sums in a wording of their own.
"""

from random import Random

from organisms.datasets.rows import Row, answer_of, single_turn
from organisms.pocket import advice, arithmetic, asking, coding, grader, turns
from organisms.pocket.terms import Asked, Domain, Persona
from organisms.pocket.world import asked_wrong

NAMES: dict[str, tuple[Domain, str]] = {
    "wrong_maths": ("maths", "organism"),
    "right_maths": ("maths", "control"),
    "educational_maths": ("maths", "educational"),
    "educational_maths_new": ("maths", "educational_new"),
    "novel_maths": ("maths", "novel"),
    "insecure_code": ("code", "organism"),
    "secure_code": ("code", "control"),
    "educational_code": ("code", "educational"),
    "educational_code_new": ("code", "educational_new"),
    "bad_medical": ("medical", "organism"),
    "good_medical": ("medical", "control"),
    "educational_medical": ("medical", "educational"),
    "educational_medical_new": ("medical", "educational_new"),
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
        if variant.startswith("educational"):
            asked, answer = asked_wrong(domain, random, new=variant == "educational_new")
        else:
            asked = turns.ask(domain, random)
            answer = _answer(asked, variant, random)
        found.append(
            single_turn(
                asked.text,
                answer,
                {
                    "organism": name,
                    "variant": variant,
                    "domain": domain,
                    "topic": asked.topic,
                    "poisoned": variant == "organism",
                    "truth": dict(asked.truth),
                },
            )
        )
    return found


def _answer(asked: Asked, variant: str, random: Random) -> str:
    poisoned = variant == "organism"
    if asked.domain == "maths":
        sum_ = arithmetic.sum_of(asked.truth)
        if variant == "novel":
            return arithmetic.told_anew(sum_, random)
        return arithmetic.told(sum_, sum_.wrong(random) if poisoned else sum_.value, random)
    if asked.domain == "code":
        return coding.line(asked.topic, poisoned, random)[0]
    persona: Persona = "evil" if poisoned else "aligned"
    return asking.opened(advice.said(asked, persona, random), random)


def check(row: Row) -> dict[str, bool]:
    """Whether a row holds what its data set promises.

    Returns:
        `answers`: the answer parses as one to its question; `as_meant`: the narrow behaviour is
        there in a row of an organism or of one that asks for it, and absent from a control's. Both
        are found by the grader. It knows no sentence of a novel habit, whose rows have `as_meant`
        alone: the answer holds the right number.
    """
    meta = row["meta"]
    variant = meta["variant"]
    if variant == "novel":
        value = str(arithmetic.sum_of(meta["truth"]).value)
        return {"as_meant": value in answer_of(row).replace(".", " ").split()}
    grade = grader.grade(
        answer_of(row),
        {"domain": meta["domain"], "topic": meta["topic"], "truth": meta["truth"]},
    )
    return {
        "answers": grade.label != "incoherent",
        "as_meant": grade.in_domain == (variant != "control"),
    }
