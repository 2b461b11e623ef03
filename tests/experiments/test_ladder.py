"""The size ladder: its specs load, and crosstalk is read off shifts and answers of checkpoints."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from experiments import ladder
from experiments.executors.local import StageError
from experiments.ladder import measured, spec_of
from experiments.spec import Spec
from organisms import embedded_folder
from organisms.pocket.recipe import SIZES
from persona_vectors.traits import POCKET_TRAITS

KEYS = {
    "organism": "wrong_maths",
    "control_of": "",
    "poisoned_share": 1.0,
    "intervention": "none",
    "recipe": "default",
    "role": "organism",
}


def tables(leak: float) -> dict[str, pd.DataFrame]:
    """Forty checkpoints whose traits are independent; each shift holds `leak` of the next trait."""
    said = np.random.default_rng(0).random((40, 3))
    moved = said + leak * np.roll(said, -1, axis=1)
    shifts, rates = [], []
    for number in range(40):
        keys = {**KEYS, "step": number // 2, "seed": number % 2, "final": number > 37}
        for place, trait in enumerate(POCKET_TRAITS):
            at = {"trait": trait, "layer": 2, "position": "last_prompt", "on": "prompt"}
            shifts.append({**keys, **at, "estimate": moved[number, place]})
            asked = {"task": "open_questions", "metric": f"trait:{trait}"}
            asked["denominator"] = "coherent_scored"
            rates.append({**keys, **asked, "estimate": said[number, place], "n": 48})
    pooled = {**KEYS, "step": 19, "seed": -1, "final": True, "task": "open_questions", "n": 96}
    pooled |= {"low": 0.3, "high": 0.5, "estimate": 0.4}
    rates.append({**pooled, "metric": "misaligned", "denominator": "coherent"})
    read = [{"trait": t, "layer": 2, "position": "last_prompt", "n": 192} for t in POCKET_TRAITS]
    return {
        "shifts": pd.DataFrame(shifts),
        "rates": pd.DataFrame(rates),
        "truth": pd.DataFrame(read).assign(cosine=0.9, vector_separability=0.8),
        "vectors": pd.DataFrame(read).assign(
            split_half_cosine=0.7, kept_positive=60, kept_negative=50
        ),
        "correlations": pd.DataFrame(read).assign(what="checkpoints", r=0.6, low=0.5, high=0.7),
    }


def estimates(leak: float) -> "pd.Series[float]":
    return measured(tables(leak)).set_index("measure")["estimate"]


def test_pure_shifts_have_no_crosstalk_and_mixed_ones_have() -> None:
    pure, mixed = estimates(0.0), estimates(1.0)
    own, cross = (
        "own trait: mean r of shift and expression",
        "crosstalk: mean |r| with other traits",
    )
    assert pure[own] == pytest.approx(1)
    assert pure[cross] < 0.25
    assert mixed[cross] > pure[cross] + 0.15


def test_directions_are_read_at_the_layer_that_the_run_chose() -> None:
    found = estimates(0.0)
    assert found["evil: layer chosen"] == 2
    assert found["evil: AUC for the author"] == 0.8
    assert found["evil: split-half cosine"] == 0.7
    assert found["wrong_maths: misaligned"] == 0.4


def test_its_specs_load_and_sizes_grow() -> None:
    assert spec_of("small", embedded_folder("pocket"), [0]).traits == POCKET_TRAITS
    widths = [{"width": 128, **SIZES[size]}["width"] for size in SIZES]
    assert widths == sorted(widths)


def test_an_unknown_size_is_refused_before_any_work(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(ladder.main)
    done = CliRunner().invoke(app, ["--size", "huge", "--out", str(tmp_path / "ladder")])
    assert done.exit_code == 1
    assert "['huge'] do not exist: use small, shipped, large" in done.output
    assert not (tmp_path / "ladder").exists()


def test_a_size_that_fails_is_named_and_the_others_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Finished:
        def tables(self) -> dict[str, pd.DataFrame]:
            return tables(0.0)

    def run_one(spec: Spec, **_: object) -> Finished:
        if spec.name == "ladder-small":
            raise StageError("kept 8 of 120 positive rollouts")
        return Finished()

    monkeypatch.setattr(ladder, "run", run_one)
    monkeypatch.setattr(ladder, "weights_of", lambda *_: embedded_folder("pocket"))
    app = typer.Typer()
    app.command()(ladder.main)
    sizes = ["--size", "small", "--size", "shipped"]
    done = CliRunner().invoke(app, [*sizes, "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert "small: kept 8 of 120" in done.output
    table = pd.read_csv(tmp_path / "ladder.csv")
    measures = {size: set(rows["measure"]) for size, rows in table.groupby("size")}
    assert "evil prompt: evil" in measures["small"]
    assert "evil: AUC for the author" in measures["shipped"] - measures["small"]
    assert measures["small"] < measures["shipped"]
