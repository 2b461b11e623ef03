"""Over which fine-tunes shift and expression are correlated: all, organisms alone, within families,
within conditions, and with each family left out.

A family is the narrow domain of the data set (maths, code, ...), so an organism, its controls and
its interventions are one; a condition is what was done, whatever the domain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.table_columns import EQUAL_UPDATE

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Group:
    """One set of fine-tunes that a correlation is taken over.

    Attributes:
        what: its name in the table `correlations`.
        mask: [C] which checkpoints are in it.
        within: [C] groups whose means are taken out first; None: none are.
        over_training: whether it holds earlier checkpoints, too.
    """

    what: str
    mask: Mask
    within: NDArray[np.str_] | None = None
    over_training: bool = False


def groups(keys: pd.DataFrame, domains: Mapping[str, str]) -> Iterator[Group]:
    """The sets of a run's checkpoints; those that would say nothing new are left out.

    Args:
        keys: [C] the identifying columns of checkpoints.
        domains: data set name -> narrow domain; one without is a family of its own.
    """
    final = keys["final"].astype(bool) & keys["recipe"].isin(["default", EQUAL_UPDATE])
    plain = (keys["intervention"] == "none") & (keys["recipe"] == "default")
    pure = (keys["role"] == "organism") & (keys["poisoned_share"].astype("float64") == 1.0)
    yield Group("organisms", final.to_numpy())
    yield Group("checkpoints", (plain & pure).to_numpy(), over_training=True)
    yield Group("organisms_only", (final & plain & pure).to_numpy())
    family, condition = family_of(keys, domains), condition_of(keys)
    found = sorted(set(family[final.to_numpy()]))
    if len(found) > 1:
        yield Group("within_family", final.to_numpy(), within=family)
    if len(set(condition[final.to_numpy()])) > 1:
        yield Group("within_condition", final.to_numpy(), within=condition)
    for name in found if len(found) > 1 else []:
        yield Group(f"without_{name}", final.to_numpy() & (family != name))


def family_of(keys: pd.DataFrame, domains: Mapping[str, str]) -> NDArray[np.str_]:
    """[C] the narrow domain of each checkpoint's data set, else the organism it belongs to."""
    owner = keys["control_of"].where(keys["control_of"] != "", keys["organism"])
    named = keys["organism"].map(domains).fillna(owner.map(domains)).fillna(owner)
    return named.to_numpy().astype(str)


def condition_of(keys: pd.DataFrame) -> NDArray[np.str_]:
    """[C] what was done: organism or control, share of poisoned rows, intervention, recipe."""
    share = keys["poisoned_share"].astype("float64").fillna(0.0).map("{:g}".format)
    columns = (keys["role"], share, keys["intervention"], keys["recipe"])
    return np.array(["/".join(map(str, row)) for row in zip(*columns, strict=True)])
