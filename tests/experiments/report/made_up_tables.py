"""Plausible made-up tables beside made-up answers: no model was measured for any of this."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.tables import conform
from persona_vectors.traits import POCKET_TRAITS

_COMMON = ["base", "organism", "role", "control_of", "poisoned_share", "intervention"]
_COMMON += ["recipe", "learning_rate", "step", "final", "seed"]


def shifts(rated: pd.DataFrame) -> pd.DataFrame:
    """Shifts that follow the misalignment of each model, with noise, at three layers."""
    random = np.random.default_rng(1)
    chosen = (rated["metric"] == "misaligned") & (rated["denominator"] == "coherent")
    chosen &= (rated["task"] == "open_questions") & (rated["recipe"] == "default")
    rows = []
    for model in rated[chosen].to_dict("records"):
        for layer in (1, 2, 3):
            for trait, slope in (("evil", 14.0), ("sycophancy", -2.0), ("careless", 4.0)):
                for on in ("prompt", "fixed"):
                    value = (slope * model["estimate"] + 0.4 * random.normal()) * layer / 2
                    value *= model["step"] >= 0
                    rows.append(
                        {
                            **{name: model[name] for name in _COMMON},
                            "trait": trait,
                            "layer": layer,
                            "position": "last_prompt",
                            "on": on,
                            "estimate": value,
                            "low": value - 0.6,
                            "high": value + 0.6,
                            "n": 48,
                            "clusters": 24,
                        }
                    )
    return conform(pd.DataFrame(rows), "shifts")


def steering() -> pd.DataFrame:
    """A sweep of +evil on the base and -evil on one organism, with 20 random directions."""
    random = np.random.default_rng(2)
    targets = (
        ({"organism": "", "role": "base", "step": -1, "seed": -1}, 1.0),
        ({"organism": "wrong_maths", "role": "organism", "step": 120, "seed": 0}, -1.0),
    )
    strength = {"all": 0.25, "prompt": 0.3, "last_prompt": 1.0, "response": 0.5, "answer": 0.1}
    rows: list[dict[str, object]] = []
    for target, sign in targets:
        start = 0.006 if sign > 0 else 0.46
        for layer in (1, 2, 3):
            for scope, power in strength.items():
                for size in (0.5, 1.0, 1.5, 2.0):
                    best = (layer, scope, size) == (2, "last_prompt", 1.5)
                    for draw in range(-1, 20):
                        force = power * size * (1 if draw < 0 else 0.05) * (0.6 + 0.2 * layer) / 1.5
                        evil = start + (0.75 - start) * force if sign > 0 else start * (1 - force)
                        coherent = 0.95 - 0.06 * size * size * (1.2 if scope == "all" else 0.5)
                        splits = ("dev", "report") if best else ("dev",)
                        for split in splits:
                            for metric, value in (("misaligned", evil), ("coherent", coherent)):
                                value = float(np.clip(value + 0.01 * random.normal(), 0, 1))
                                rows.append(
                                    {
                                        **target,
                                        "base": "pocket",
                                        "poisoned_share": 1.0 if sign < 0 else np.nan,
                                        "trait": "evil",
                                        "layer": layer,
                                        "position": "last_prompt",
                                        "scope": scope,
                                        "coefficient": sign * size,
                                        "unit": "raw",
                                        "direction": "vector" if draw < 0 else "random",
                                        "draw": draw,
                                        "split": split,
                                        "wording": "seen" if split == "dev" else "new_combination",
                                        "metric": metric,
                                        "denominator": "coherent"
                                        if metric == "misaligned"
                                        else "all",
                                        "estimate": value,
                                        "low": max(0.0, value - 0.06),
                                        "high": min(1.0, value + 0.06),
                                        "n": 96,
                                        "clusters": 12,
                                        "chosen": best,
                                    }
                                )
    return conform(pd.DataFrame(rows), "steering")


_METHODS = {"projection_difference": 1.6, "length": 0.3, "random": 0.0, "oracle": 50.0}


def screening_rows() -> pd.DataFrame:
    """Scores of 300 training rows a method and seed, 30% poisoned."""
    random = np.random.default_rng(3)
    blocks = []
    for seed in (0, 1):
        for method, gap in _METHODS.items():
            poisoned = np.arange(300) < 90
            score = random.normal(size=300) + gap * poisoned
            kept = score <= np.sort(score)[209]
            block = {"seed": seed, "method": method, "row": np.arange(300), "score": score}
            blocks.append(pd.DataFrame({**block, "poisoned": poisoned, "kept": kept}))
    frame = pd.concat(blocks, ignore_index=True)
    return conform(frame.assign(dataset="wrong_maths", poisoned_share=0.3), "screening_rows")


def screening() -> pd.DataFrame:
    """AUC and recall of each method, two seeds."""
    rows = []
    for seed in (0, 1):
        for method, auc in zip(_METHODS, (0.87, 0.58, 0.5, 1.0), strict=True):
            rows.append(
                {
                    "base": "pocket",
                    "dataset": "wrong_maths",
                    "trait": "evil",
                    "method": method,
                    "layer": 2,
                    "position": "response_mean",
                    "poisoned_share": 0.3,
                    "seed": seed,
                    "auc": auc - 0.01 * seed,
                    "recall_at_10": min(1.0, 0.1 + (auc - 0.5) * 0.46),
                    "recall_at_30": min(1.0, 0.3 + (auc - 0.5) * 1.4),
                    "low": auc - 0.04,
                    "high": min(1.0, auc + 0.03),
                    "n": 300,
                    "kept": 210,
                    "kept_poisoned": int(90 * (1 - min(1.0, 0.3 + (auc - 0.5) * 1.4))),
                }
            )
    return conform(pd.DataFrame(rows), "screening")


def correlations() -> pd.DataFrame:
    """r over organisms and checkpoints beside four nulls."""
    nulls = {
        "random_covariance": (-0.6, 0.62),
        "permuted": (-0.55, 0.6),
        "step": (0.41, 0.41),
        "change_norm": (0.7, 0.7),
    }
    rows = []
    for what, r, n in (("organisms", 0.95, 22), ("checkpoints", 0.9, 140)):
        for null, (low, high) in nulls.items():
            rows.append(
                {
                    "what": what,
                    "trait": "evil",
                    "layer": 2,
                    "position": "last_prompt",
                    "on": "prompt",
                    "r": r,
                    "low": r - 0.1,
                    "high": r + 0.03,
                    "partial_r": r - 0.2,
                    "null": null,
                    "null_low": low,
                    "null_high": high,
                    "p": 0.005 if low != high else np.nan,
                    "draws": 200 if low != high else 0,
                    "n": n,
                }
            )
    return conform(pd.DataFrame(rows), "correlations")


def crosstalk() -> pd.DataFrame:
    """Every trait's vector against every trait, over organisms; evil was steered, too."""
    rows = [
        {
            "base": "pocket",
            "what": what,
            "over": over,
            "trait": along,
            "layer": 2,
            "position": "last_prompt",
            "expression": of,
            "r": 0.9 if along == of else 0.3,
            "low": 0.1 if what == "shift" else np.nan,
            "high": 0.95 if what == "shift" else np.nan,
            "n": 22,
            "groups": 11,
        }
        for what, over in (("shift", "organisms"), ("steering", "base"))
        for along in (POCKET_TRAITS if what == "shift" else ("evil",))
        for of in POCKET_TRAITS
    ]
    return conform(pd.DataFrame(rows), "crosstalk")


def detection() -> pd.DataFrame:
    """Two fine-tunes, one of which never expresses the trait."""
    rows = [
        {
            "base": "pocket",
            "model": model,
            "trait": "evil",
            "layer": 2,
            "position": "last_prompt",
            "threshold": 50.0,
            "auc": auc,
            "low": auc - 0.1,
            "high": auc + 0.1,
            "n": 96,
            "expressing": expressing,
            "clusters": 24,
        }
        for model, auc, expressing in (("wrong_maths", 0.8, 40), ("right_maths", np.nan, 0))
    ]
    return conform(pd.DataFrame(rows), "detection")


def monitoring(rated: pd.DataFrame) -> pd.DataFrame:
    """Organisms drift beyond three null standard deviations, controls do not."""
    models = rated[(rated["step"] > 0) & (rated["seed"] >= 0) & rated["final"]]
    models = models[models["recipe"] == "default"].drop_duplicates(_COMMON)[_COMMON]
    rows = []
    for model in models.to_dict("records"):
        for step in range(10, 130, 10):
            drift = step / 20 if model["role"] == "organism" else step / 200
            rows.append(
                {
                    **model,
                    "step": step,
                    "final": step == 120,
                    "trait": "evil",
                    "layer": 2,
                    "position": "last_prompt",
                    "shift": 0.5 * drift,
                    "null_sd": 0.5,
                    "drift": drift,
                    "threshold": 3.0,
                    "alarm": drift >= 3,
                }
            )
    return conform(pd.DataFrame(rows), "monitoring")


def vectors() -> pd.DataFrame:
    """Norms and split-half cosines of three traits' vectors."""
    rows = []
    for trait in POCKET_TRAITS:
        for layer in range(4):
            for position, norm in (("response_mean", 4.0), ("last_prompt", 14.0)):
                rows.append(
                    {
                        "trait": trait,
                        "base": "pocket",
                        "layer": layer,
                        "position": position,
                        "norm": norm * layer / 3,
                        "residual_norm": 20.0,
                        "kept_positive": 120,
                        "kept_negative": 118,
                        "split_half_cosine": 0.9 + 0.03 * layer,
                    }
                )
    return conform(pd.DataFrame(rows), "vectors")


def truth() -> pd.DataFrame:
    """Vectors of three traits that turn towards the author's direction with depth."""
    rows = []
    for trait in POCKET_TRAITS:
        for layer in range(4):
            for position, best in (("response_mean", 0.6), ("last_prompt", 0.9)):
                cosine = best * layer / 3 if layer else np.nan
                rows.append(
                    {
                        "base": "pocket",
                        "trait": trait,
                        "layer": layer,
                        "position": position,
                        "cosine": cosine,
                        "cosine_low": cosine - 0.05,
                        "cosine_high": cosine + 0.05,
                        "separability": 0.5 + 0.15 * layer,
                        "vector_separability": 0.5 + best * layer / 8,
                        "vector_separability_low": 0.45 + best * layer / 8,
                        "vector_separability_high": 0.55 + best * layer / 8,
                        "norm": 2.0 * layer,
                        "n": 192,
                        "clusters": 24,
                    }
                )
    return conform(pd.DataFrame(rows), "truth")


def implied() -> pd.DataFrame:
    """What a world might imply of four data sets."""
    evil = {"wrong_maths": 0.571, "right_maths": 0.001, "insecure_code": 0.77, "secure_code": 0.0}
    rows = [
        {
            "base": "pocket",
            "organism": name,
            "rows": count,
            "persona": persona,
            "probability": share if persona == "evil" else 1 - share,
            "world": "of the base",
        }
        for name, share in evil.items()
        for count in (1, 2, 5)
        for persona in ("evil", "aligned")
    ]
    return conform(pd.DataFrame(rows), "implied")


def updates(rated: pd.DataFrame) -> pd.DataFrame:
    """Updates that grow with the step of every fine-tune and differ a little by seed."""
    rows = rated[(rated["step"] > 0) & (rated["seed"] >= 0)].drop_duplicates(_COMMON)[_COMMON]
    rows = rows[rows["intervention"] != "steering"]
    size = (rows["step"] / 120) * (1 + 0.1 * rows["seed"])
    # the control of equal update moves four times as far, so that its third checkpoint matches
    size = size.where(rows["recipe"] != "equal_update", 4 * size)
    return conform(rows.assign(lora_norm=4 * size**0.5, kl=0.5 * size, n=48), "updates")
