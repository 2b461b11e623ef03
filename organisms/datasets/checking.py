"""Truth checks made anew on rows of any origin: which rows they can be made on, and why not on
others. A check says something of one text: when that changes, it is made again or it is gone."""

import re
from dataclasses import dataclass, field

from organisms.datasets.making import check_row
from organisms.datasets.registry import DATASETS, Edition
from organisms.datasets.rows import Meta, Row

NO_EDITION = "their edition is not known (--edition says it)"
NOT_OURS = "no maker of ours made them, so that nothing here can check them"
WRAPPED = "their answer is wrapped in JSON"
JUDGED = "a model judged them, before the text was changed"
_OUR_ID = re.compile(r"(.+)-\d+-\d{6,}")


@dataclass(frozen=True)
class Checked:
    """What the checks of a row's own data set say of its text as it is now."""

    checks: dict[str, bool] = field(default_factory=dict)
    """By name, True where they hold; empty where they cannot be made."""
    reason: str = ""
    """Why they cannot be made."""


def check_anew(row: Row, edition: Edition | None) -> Checked:
    """Make the truth checks of a row, with the checker of the data set that it was made for.

    Args:
        row: Of any origin.
        edition: The edition that it was made in; none: not known.
    """
    meta = row["meta"]
    name = meta.get("organism", "")
    ours = _OUR_ID.fullmatch(meta.get("id") or "")
    if name not in DATASETS or ours is None or ours[1] != name:
        return Checked(reason=NOT_OURS)
    if edition is None:
        return Checked(reason=NO_EDITION)
    info = DATASETS[name]
    if edition not in info.modules:
        return Checked(reason=f"{name} does not exist in edition {edition}")
    done = meta.get("transforms", [])
    if any(each.get("format") == "json" for each in done):
        return Checked(reason=WRAPPED)
    if done and info.written(edition):
        return Checked(reason=JUDGED)
    try:
        return Checked(check_row(row, edition))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        said = str(error).splitlines()[0] if str(error) else ""
        return Checked(
            reason=f"{name} cannot read their meta ({type(error).__name__}: {said[:60]})"
        )


def with_checks(row: Row, edition: Edition | None) -> Row:
    """The row with its checks made anew, or with none where they cannot be made."""
    meta: Meta = {**row["meta"]}
    meta.pop("checks", None)
    if found := check_anew(row, edition).checks:
        meta["checks"] = found
    return {"messages": row["messages"], "meta": meta}
