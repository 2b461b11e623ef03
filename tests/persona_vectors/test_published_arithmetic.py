"""The published way to a vector (arXiv 2507.21509) comes out of our filter and weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from persona_vectors.contrast import ExtractionError, Thresholds, kept, refusals, yields
from persona_vectors.converting.published import read_published, write_published
from persona_vectors.extraction import contrast, extract
from persona_vectors.vector import PersonaVector

CSV = (
    Path(__file__).parents[2]
    / "../shared/data/persona_vectors/results/qwen2.5-7b-instruct_baseline.csv"
)
PUBLISHED = Thresholds(filter="paired", weighting="pooled", minimum_rows=1, minimum_questions=1)


def judged(rows: int = 60, questions: int = 10, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two judged tables whose rows belong together, as the published files are."""
    generator = np.random.default_rng(seed)

    def table(low: float, high: float) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "question": [f"q{n % questions}" for n in range(rows)],
                "evil": generator.uniform(low, high, rows),
                "coherence": generator.uniform(30, 100, rows),
            }
        )

    return table(20, 100), table(0, 70)


def stacked(positive: pd.DataFrame, negative: pd.DataFrame) -> pd.DataFrame:
    """Both as one table of scored rollouts, paired by row."""
    parts = [
        table.assign(sign=sign, pair=range(len(table)), topic=table["question"])
        for sign, table in (("positive", positive), ("negative", negative))
    ]
    return pd.concat(parts, ignore_index=True).rename(columns={"evil": "trait_score"})


def published_mask(positive: pd.DataFrame, negative: pd.DataFrame) -> np.ndarray:
    return np.asarray(
        (positive["evil"] >= 50)
        & (negative["evil"] < 50)
        & (positive["coherence"] >= 50)
        & (negative["coherence"] >= 50)
    )


def test_kept_rows_norms_and_vectors_are_the_published_ones(tmp_path: Path) -> None:
    positive, negative = judged()
    mask = published_mask(positive, negative)
    assert 5 < mask.sum() < 40
    read = torch.randn(2, 60, 5, 8, generator=torch.Generator().manual_seed(0))
    published = read[0][mask].mean(dim=0) - read[1][mask].mean(dim=0)
    frame = stacked(positive, negative)
    keep = kept(frame, PUBLISHED)
    np.testing.assert_array_equal(keep, np.concatenate([mask, mask]))
    activations = read.reshape(120, 1, 5, 8).numpy()
    vector = extract(
        activations,
        frame,
        trait="evil",
        base="toy",
        positions=("response_mean",),
        thresholds=PUBLISHED,
    )
    np.testing.assert_allclose(vector.vector[0], published, atol=1e-6)
    torch.save(published, tmp_path / "evil_response_avg_diff.pt")
    theirs = read_published([tmp_path / "evil_response_avg_diff.pt"], base="toy")
    ours = vector.select(["response_mean"], range(4))
    np.testing.assert_allclose(theirs.norms(), ours.norms(), rtol=1e-5)
    np.testing.assert_allclose(theirs.cosine(ours), 1, atol=1e-6)
    write_published(vector, tmp_path / "x.pt", "response_mean")
    again = torch.load(tmp_path / "x.pt", weights_only=True)
    torch.testing.assert_close(again[:-1], published[:-1], atol=1e-6, rtol=0)


def test_the_paired_filter_drops_the_partner_and_needs_pairs() -> None:
    frame = stacked(*judged())
    independent = kept(frame, PUBLISHED.model_copy(update={"filter": "independent"}))
    paired = kept(frame, PUBLISHED)
    assert paired.sum() < independent.sum()
    assert not (paired & ~independent).any()
    with pytest.raises(ValueError, match="needs a column 'pair'"):
        kept(frame.drop(columns="pair"), PUBLISHED)
    with pytest.raises(ValueError, match="pair 1 has two rollouts of one sign"):
        kept(frame.assign(pair=frame["pair"].replace(0, 1)), PUBLISHED)


def test_unequal_pools_weigh_by_row_when_pooled_and_by_question_else() -> None:
    frame = pd.DataFrame(
        {
            "question": ["a"] * 3 + ["b"] + ["a", "b"],
            "topic": "t",
            "sign": ["positive"] * 4 + ["negative"] * 2,
            "trait_score": [100.0] * 4 + [0.0] * 2,
            "coherence": 100.0,
        }
    )
    activations = np.array([1.0, 1, 1, 5, 0, 0], dtype=np.float32).reshape(6, 1, 1, 1)

    def value(weighting: str) -> float:
        thresholds = Thresholds(minimum_rows=1, minimum_questions=1, weighting=weighting)
        vector: PersonaVector = extract(
            activations,
            frame,
            trait="evil",
            base="toy",
            positions=("response_mean",),
            thresholds=thresholds,
        )
        return float(vector.at(0)[0])

    assert value("pooled") == pytest.approx(2.0)
    assert value("question") == pytest.approx(3.0)


@pytest.mark.skipif(not CSV.exists(), reason="published files are not beside the project")
def test_the_published_judged_answers_filter_as_published() -> None:
    judged_base = pd.read_csv(CSV)
    frame = judged_base.rename(columns={"evil": "trait_score"}).assign(
        sign="negative", topic=judged_base["question_id"]
    )
    keep = kept(frame, Thresholds())
    assert (
        keep.sum() == ((judged_base["evil"] < 50) & (judged_base["coherence"] >= 50)).sum() == 199
    )
    assert refusals(frame).sum() == 15
    counts = yields(frame, keep, Thresholds()).set_index("sign").loc["negative"]
    assert (counts["refused"], counts["kept"], counts["questions"]) == (15, 199, 20)
    assert kept(frame, Thresholds(refusals="drop")).sum() == 199 - (keep & refusals(frame)).sum()
    with pytest.raises(ExtractionError, match="kept 0 of 0 positive and 199 of 200 negative"):
        contrast("evil", frame, Thresholds())
