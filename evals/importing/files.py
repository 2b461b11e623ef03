"""Files of answers, whatever they are: judged CSVs and inspect logs, together in one table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evals.importing.judged_csv import Source, read_judged_csv
from evals.importing.logs import read_log

if TYPE_CHECKING:
    import pandas as pd


def import_answers(paths: Sequence[Path], source: Source | None = None) -> pd.DataFrame:
    """The answers of several files: `.csv` by `read_judged_csv`, `.eval` and `.json` by `read_log`.

    Raises:
        ValueError: on a file that is missing, of another kind, named twice, or that its reader
            refuses.
    """
    import pandas as pd

    if not paths:
        raise ValueError("no file is named; name at least one CSV file or inspect log")
    if len({path.resolve() for path in paths}) < len(paths):
        raise ValueError(f"a file is named twice: {', '.join(map(str, paths))}")
    frames = []
    for path in paths:
        if not path.is_file():
            raise ValueError(f"there is no file {path}")
        if path.suffix == ".csv":
            frames.append(read_judged_csv(path, source))
        elif path.suffix in (".eval", ".json"):
            frames.append(read_log(path))
        else:
            raise ValueError(
                f"{path} is neither a judged .csv nor an inspect log (.eval, .json); other formats "
                "have to be brought to one of these"
            )
    return pd.concat(frames, ignore_index=True)
