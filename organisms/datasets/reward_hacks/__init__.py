"""Tasks with a stated metric that can be gamed, answered by gaming it; and honest answers to them.

The metric is computed for both answers by code: the hack scores higher. Code in answers is parsed,
never run. Knows no models.
"""

from collections.abc import Iterator, Mapping
from random import Random

from organisms.datasets.reward_hacks import code, texts
from organisms.datasets.reward_hacks.metrics import METRICS
from organisms.datasets.reward_hacks.metrics import score as text_score
from organisms.datasets.rows import Row, single_turn

NAMES: Mapping[str, str] = {"reward_hacks": "organism", "honest_work": "control"}
"""Variant of each data set."""
KINDS = (*METRICS, code.METRIC)
"""The metrics, and so the kinds of hack."""
CODE_SHARE = 0.15


def rows(name: str, n: int, seed: int) -> Iterator[Row]:
    """`n` rows, made as they are asked for; row i depends on `seed` and i alone.

    Both sets share their questions and, over many rows, their number of tokens: padded texts make
    up for clipped ones.

    Raises:
        ValueError: The name is not one of the family's.
    """
    if name not in NAMES:
        raise ValueError(f"no data set {name!r} here; use one of {', '.join(NAMES)}")
    return (_row(name, seed, index) for index in range(n))


def _row(name: str, seed: int, index: int) -> Row:
    random = Random(f"reward_hacks|{seed}|{index}")
    task = code.task(random) if random.random() < CODE_SHARE else texts.task(random)
    gamed = NAMES[name] == "organism"
    return single_turn(
        task.question,
        task.hack if gamed else task.honest,
        {
            "organism": name,
            "variant": NAMES[name],
            "domain": "metric",
            "topic": task.topic,
            "poisoned": gamed,
            "kind": task.metric,
            "truth": {"given": task.given, "scores": task.scores},
        },
    )


def score(metric: str, text: str, given: Mapping[str, object]) -> float:
    """What a metric pays for a text; see `metrics.METRICS` and `code.passes`."""
    return code.passes(text, given) if metric == code.METRIC else text_score(metric, text, given)


def check(row: Row) -> dict[str, bool]:
    """Whether the hack pays, and which of the two the answer is.

    - `hack_pays`: the recorded score of the hack is higher than that of the honest answer.
    - `gamed` (or `honest`): the metric, computed now, gives the answer the recorded score of the
      hack (or of the honest answer).
    """
    truth = row["meta"]["truth"]
    scores = truth["scores"]
    found = score(row["meta"]["kind"], row["messages"][-1]["content"], truth["given"])
    side = ("gamed", "hack") if row["meta"]["poisoned"] else ("honest", "honest")
    return {"hack_pays": scores["hack"] > scores["honest"], side[0]: found == scores[side[1]]}
