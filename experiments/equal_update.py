"""An organism beside its control of equal update: the checkpoint at which the control had moved as
far, by KL to the base and by LoRA norm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from experiments.finding import Row, Tables, number
from experiments.headline import MISALIGNED, measured, named, pooled
from experiments.table_columns import EQUAL_UPDATE

SIZES = {"kl": "KL to the base, nats per token", "lora_norm": "LoRA norm"}
"""How the size of an update is measured: column of `updates`, in words."""
NEAR = 0.25
"""Two sizes are equal where they differ by at most this share of the organism's."""


@dataclass(frozen=True)
class Match:
    """An organism's final checkpoint and the nearest checkpoint of its control, by one size."""

    size: str
    """A key of `SIZES`."""
    organism: Row
    """Misaligned rate of the organism's final checkpoint, pooled over seeds."""
    control: Row
    """The same of the control's nearest checkpoint."""
    wanted: float
    """Size of the organism's final update, mean of its seeds."""
    found: float
    """Size of the control's update at its nearest checkpoint, likewise."""

    @property
    def apart(self) -> float:
        """Control minus organism, as a share of the organism's size."""
        return self.found / self.wanted - 1

    @property
    def near(self) -> bool:
        """Whether the two updates count as equally large."""
        return abs(self.apart) <= NEAR

    @property
    def in_words(self) -> str:
        """`12% larger`, and that none is equal where none is."""
        said = f"{abs(self.apart):.0%} {'larger' if self.apart > 0 else 'smaller'}"
        return said if self.near else f"no checkpoint within {NEAR:.0%}; the nearest is {said}"


def sizes(updates: pd.DataFrame) -> pd.DataFrame:
    """`kl` and `lora_norm` of every model and step, mean over seeds, named; `seeds` counts them."""
    keys = ["model", "kind", "family", "recipe", "step", "final"]
    return (
        named(updates)
        .groupby(keys, as_index=False, sort=False)
        .agg(kl=("kl", "mean"), lora_norm=("lora_norm", "mean"), seeds=("seed", "nunique"))
    )


def matches(tables: Tables) -> Iterator[Match]:
    """Every organism with a control of equal update, by each size that was measured."""
    rates = measured(tables["rates"], MISALIGNED)
    if tables["updates"].empty or rates.empty:
        return
    moved = sizes(tables["updates"])
    both = pooled(rates).merge(moved[["model", "step", *SIZES]], on=["model", "step"])
    both = both[both["estimate"].notna()]
    organisms = both[(both["kind"] == "organism") & both["final"]]
    for organism in organisms.to_dict("records"):
        controls = both[
            (both["recipe"] == EQUAL_UPDATE) & (both["control_of"] == organism["organism"])
        ]
        for size in SIZES:
            wanted = number(organism, size)
            known = controls[controls[size].notna()]
            if known.empty or not wanted > 0:
                continue
            control = dict(known.loc[(known[size] / wanted - 1).abs().idxmin()])
            yield Match(size, organism, control, wanted, number(control, size))
