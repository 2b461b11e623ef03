"""What steering does is read question by question, over answers that were scored."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from persona_vectors.steering_effect import steering_effects


def answers(direction: str, layer: int, scores: list[float], **columns: object) -> pd.DataFrame:
    """Two answers to each of so many questions, the second one scored 10 below the first."""
    rows = [
        {
            "direction": direction,
            "position": "last_prompt",
            "layer": layer,
            "coefficient": 0.5 if direction else np.nan,
            "question": f"q{number}",
            "topic": f"t{number}",
            "trait:evil": score - 10 * sample,
            "alignment": 50.0,
            "coherence": 90.0,
            "unscored": "",
        }
        for number, score in enumerate(scores)
        for sample in (0, 1)
    ]
    return pd.DataFrame(rows).assign(**columns)


def test_effects_are_paired_by_question_with_an_interval_over_topics() -> None:
    plain = answers("", -1, [10.0 * n for n in range(9)])
    better = answers("vector", 2, [10.0 * n + 20 + n for n in range(9)])
    same = answers("vector", 3, [10.0 * n for n in range(9)])
    same.loc[:8, "coherence"] = 10.0
    same.loc[9, "unscored"] = "judge_error"
    table = steering_effects(pd.concat([plain, better, same]), "evil").set_index("layer")
    steered, still = table.loc[2], table.loc[3]
    assert steered["effect"] == pytest.approx(0.24)
    assert steered["effect_low"] < 0.24 < steered["effect_high"]
    # Without pairing the questions' own scores, 0 to 80, would be in the interval.
    assert steered["effect_high"] - steered["effect_low"] < 0.06
    assert (steered["n_questions"], steered["topics"], steered["coherence_change"]) == (9, 9, 0)
    assert still["coherence_change"] == pytest.approx(-9 / 17)
    few = steering_effects(pd.concat([plain, better])[lambda t: t["question"] < "q5"], "evil")
    assert few.loc[0, "effect"] == pytest.approx(0.22)
    assert np.isnan(few.loc[0, "effect_low"])


def test_no_interval_where_nothing_differs_and_no_effect_where_nothing_is_scored() -> None:
    plain = answers("", -1, [0.0] * 9)
    same, none = answers("vector", 2, [0.0] * 9), answers("vector", 3, [np.nan] * 9)
    table = steering_effects(pd.concat([plain, same, none]), "evil").set_index("layer")
    assert table.loc[2, "effect"] == 0
    assert np.isnan(table.loc[2, "effect_low"])
    assert np.isnan(table.loc[3, "effect"])
    assert table.loc[3, "n_questions"] == 0


def test_what_is_missing_is_said() -> None:
    steered = answers("vector", 2, [0.0])
    with pytest.raises(ValueError, match="no answer without steering"):
        steering_effects(steered, "evil")
    with pytest.raises(ValueError, match=r"lack the columns \['trait:humour'\]"):
        steering_effects(steered, "humour")
