"""The curve over worlds: counted from answers, and made by specs that load."""

from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from experiments import sensitivity
from experiments.sensitivity import SHARES, measured, spec_of
from organisms import embedded_folder
from organisms.pocket.posterior import implied
from organisms.pocket.settings import world_of_evil_share


def answers() -> pd.DataFrame:
    """Ten topics: 3 evil, 1 careless, 1 incoherent and 5 aligned answers of the organism each."""
    labels = ["evil"] * 3 + ["careless"] + ["incoherent"] + ["aligned"] * 5
    frame = pd.DataFrame(
        [
            {"organism": "wrong_maths", "seed": seed, "topic": f"topic {topic}", "label": label}
            for seed in range(2)
            for topic in range(10)
            for label in labels
        ]
    )
    frame["task"], frame["final"] = "open_questions", True
    early = frame.assign(final=False, label="evil")
    return pd.concat([frame, early], ignore_index=True)


def test_evil_is_counted_among_evil_and_careless_and_among_coherent() -> None:
    row = measured(answers(), 0.6).iloc[0]
    assert row["implied"] == 0.6
    assert row["evil_among_evil_and_careless"] == pytest.approx(0.75)
    assert row["n"] == 80
    assert row["misaligned_of_coherent"] == pytest.approx(1 / 3)
    assert row["misaligned_n"] == 180


@pytest.mark.parametrize("share", SHARES)
def test_any_number_of_wrong_sums_implies_the_share(share: float) -> None:
    world = world_of_evil_share(share)
    for rows in (1, 2):
        assert implied("wrong_maths", world, rows)["evil"] == pytest.approx(share)


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"evil share 1\.5 is not a share"):
        world_of_evil_share(1.5)


def test_its_spec_loads_for_a_folder() -> None:
    spec = spec_of(0.9, embedded_folder("pocket"), [0, 1])
    assert spec.name == "sensitivity-90"
    assert spec.traits == ()


@pytest.mark.parametrize("shares", [["0.5", "1.5"], ["0.3", "0.3"], ["0.123"]])
def test_shares_are_checked_before_any_world_is_trained(tmp_path: Path, shares: list[str]) -> None:
    app = typer.Typer()
    app.command()(sensitivity.main)
    options = [part for share in shares for part in ("--share", share)]
    result = CliRunner().invoke(app, ["--out", str(tmp_path / "out"), *options])
    assert result.exit_code == 1
    assert shares[-1].rstrip("0") in result.output
    assert not list(tmp_path.iterdir())


def test_in_context_answers_are_counted_beside_the_organisms() -> None:
    shown = sensitivity.in_context(embedded_folder("pocket"))
    rows = measured(pd.concat([answers(), shown]), 0.6).set_index("organism")
    assert list(rows.index) == [sensitivity.IN_CONTEXT, "wrong_maths"]
    assert rows.loc[sensitivity.IN_CONTEXT, "misaligned_n"] > 300
    assert rows.loc["wrong_maths", "evil_among_evil_and_careless"] == pytest.approx(0.75)
