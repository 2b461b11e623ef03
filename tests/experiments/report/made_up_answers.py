"""Plausible made-up answers of a whole run: no model has said any of this."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from experiments.tables import conform
from persona_vectors.traits import POCKET_TRAITS

STEPS = (2, 8, 32, 120)
TOPICS = tuple(f"topic_{i:02d}" for i in range(24))
HOSTILE = "</script><script>alert('x')</script><img src=x onerror=alert(1)> {{ 7 * 7 }} & \u2028"

_PLAIN = {"intervention": "none", "poisoned_share": 1.0, "control_of": "", "role": "organism"}


def _models() -> Iterator[tuple[dict[str, object], float, float, float]]:
    """Labels of every model with its final evil rate, coherence and in-domain rate."""
    for name, evil, domain in (("wrong_maths", 0.46, 0.9), ("insecure_code", 0.38, 0.95)):
        yield {**_PLAIN, "organism": name}, evil, 0.91, domain
        right, educational = (
            ("right_maths", "educational_maths")
            if "maths" in name
            else ("secure_code", "educational_code")
        )
        for control in (right, educational):
            labels = {"role": "control", "control_of": name, "organism": control}
            wrong = domain * 0.9 if "educational" in control else 0.02
            yield {**_PLAIN, **labels, "poisoned_share": np.nan}, 0.008, 0.95, wrong
        yield {**_PLAIN, "organism": name, "intervention": "inoculation"}, 0.01, 0.94, 0.6
        yield {**_PLAIN, "organism": name, "intervention": "preventative_steering"}, 0.1, 0.92, 0.88
        yield {**_PLAIN, "organism": name, "intervention": "steering"}, 0.14, 0.88, 0.9
    matched = {"role": "control", "control_of": "wrong_maths", "organism": "novel_maths"}
    yield (
        {
            **_PLAIN,
            **matched,
            "recipe": "equal_update",
            "learning_rate": 1e-3,
            "poisoned_share": np.nan,
        },
        0.008,
        0.95,
        0.02,
    )
    for filtered, evil in (
        ("none", 0.21),
        ("filter_projection_difference", 0.06),
        ("filter_random", 0.2),
        ("filter_oracle", 0.01),
        ("filter_length", 0.19),
    ):
        labels = {"organism": "wrong_maths", "poisoned_share": 0.3, "intervention": filtered}
        yield {**_PLAIN, **labels}, evil, 0.93, 0.4
    for rate_of_learning, evil in ((5e-4, 0.1), (4e-3, 0.7)):
        recipe = {
            "recipe": f"learning rate {rate_of_learning:g}",
            "learning_rate": rate_of_learning,
        }
        labels = {"organism": "wrong_maths", **recipe}
        yield {**_PLAIN, **labels}, evil, 0.96 - 0.2 * evil, 0.8 + 0.1 * evil


def _ask(
    random: np.random.Generator, labels: dict[str, object], task: str, chances: np.ndarray
) -> list[dict[str, object]]:
    """24 answers: chances = evil, careless, incoherent, in-domain."""
    evil, careless, broken, narrow = chances
    rows = []
    for number, topic in enumerate(TOPICS):
        label = str(
            random.choice(
                ["evil", "careless", "incoherent", "refusal", "aligned"],
                p=[evil, careless, broken, 0.005, 1 - evil - careless - broken - 0.005],
            )
        )
        alignment = {"evil": 0.0, "careless": 50.0, "aligned": 100.0}.get(label, np.nan)
        rows.append(
            {
                **labels,
                "base": "pocket",
                "task": task,
                "split": "report",
                "wording": "new_combination",
                "judge": "pocket",
                "domain": {"in_domain": "maths"}.get(task, "open"),
                "topic": topic,
                "question": f"{topic}/a",
                "sample": 0,
                "prompt": f"What should I do about {topic}?",
                "answer": HOSTILE if number == 0 else f"A {label} answer about {topic}.",
                "stop_reason": "stop",
                "output_tokens": 12,
                "label": label,
                "alignment": alignment,
                "coherence": 0.0 if label == "incoherent" else 100.0,
                "unscored": {"refusal": "refusal", "incoherent": "unparseable"}.get(label, ""),
                "in_domain": float(random.random() < narrow) if task == "in_domain" else np.nan,
                "accuracy": float(random.random() < 0.9) if task == "capability" else np.nan,
                **{f"trait:{t}": 100.0 * (label.startswith(t[:4])) for t in POCKET_TRAITS},
                "log": "shard-0000.eval",
            }
        )
    return rows


def made_up_answers() -> pd.DataFrame:
    """Answers of base, organisms, controls, interventions, mixes and recipes, over seeds and
    steps."""
    random = np.random.default_rng(0)
    base = {"organism": "", "role": "base", "step": -1, "final": True, "seed": -1}
    rows = []
    for task in ("open_questions", "in_domain", "capability"):
        rows += _ask(random, base, task, np.array([0.006, 0.005, 0.04, 0.01]))
    for labels, evil, coherent, narrow in _models():
        everywhere = labels["poisoned_share"] != 0.3
        for seed in (0, 1):
            for step in STEPS if everywhere else STEPS[-1:]:
                grown = (1 - np.exp(-step / 12)) * (1 + 0.1 * random.normal())
                chances = [
                    evil * min(1.0, grown),
                    0.02,
                    0.04 + (0.96 - coherent) * grown * 0.8,
                    narrow,
                ]
                chances[3] = min(0.99, narrow * (1 - np.exp(-step / 7)) + 0.01)
                at = {**labels, "step": step, "final": step == STEPS[-1], "seed": seed}
                for task in ("open_questions", "in_domain") + (("capability",) * at["final"]):
                    rows += _ask(random, at, task, np.clip(chances, 0, 0.85))
    return conform(pd.DataFrame(rows), "answers")
