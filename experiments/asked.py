"""What was asked, in words: the split, and how far its questions are from what was seen."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from experiments.headline import reporting_slice
from organisms.pocket.grammar import Wording

LEVELS: Mapping[Wording, str] = {
    "seen": "seen wordings",
    "new_combination": "known words in new combinations",
    "new_words": "new words, ways of asking of which no form was seen",
    "topic_unseen_by_default": "topics seen only outside the default share",
    "topic_unseen": "topics never seen",
}
"""Each level of the `wording` column, in words."""


def asked_in_rates(rates: pd.DataFrame) -> str:
    """`Open questions: report split, ...`, of the slice of rates (or differences) that the report
    speaks of; empty where no open questions were asked."""
    return _sentence(reporting_slice(rates[rates["task"] == "open_questions"]))


def asked_in_sweep(steering: pd.DataFrame) -> str:
    """`Open questions: dev split, ...; report split, ...`, of a steering table; empty for an empty
    one."""
    return _sentence(steering[steering["metric"] != "accuracy"])


def _sentence(rows: pd.DataFrame) -> str:
    pairs = sorted(set(zip(rows["split"], rows["wording"], strict=True)))
    named = {str(level): text for level, text in LEVELS.items()}
    said = [f"{split} split, {named[wording]}" for split, wording in pairs]
    return f"Open questions: {'; '.join(said)}." if said else ""
