"""Folders that hold what belongs together: a data set of ours, or a trait set as published with
persona vectors (Chen et al. 2025): `normal.jsonl`, `misaligned_1.jsonl`, `misaligned_2.jsonl`."""

from pathlib import Path
from typing import Literal, get_args

from organisms.datasets.files import ROWS_FILE, check_whole
from organisms.datasets.rows import RowError

Level = Literal[1, 2]
LEVELS: tuple[Level, ...] = get_args(Level)
NORMAL = "normal"


def file_in(folder: Path, variant: str, level: Level) -> tuple[Path, str]:
    """The file of a folder that is meant, and the level that its rows are of ("" of no trait set).

    The control of a trait set is `normal`; its organism is of level 1 (subtle) or 2 (plain).

    Raises:
        RowError: The folder holds neither, not the file that is asked for, or a data set that is
            not whole.
    """
    if (folder / ROWS_FILE).is_file():
        check_whole(folder)
        return folder / ROWS_FILE, ""
    if level not in LEVELS:
        raise RowError(f"level {level!r}", "use 1 (subtle) or 2 (plain)", str(folder))
    part = NORMAL if variant == "control" else f"misaligned_{level}"
    path = folder / f"{part}.jsonl"
    if path.is_file():
        return path, part
    inside = sorted(entry.name for entry in folder.iterdir())
    sets = [name for name in inside if (folder / name / f"{NORMAL}.jsonl").is_file()]
    if sets:
        raise RowError(
            f"holds the trait sets {', '.join(sets)}", "give the folder of one of them", str(folder)
        )
    raise RowError(
        f"holds neither {ROWS_FILE} nor {part}.jsonl but {', '.join(inside[:8]) or 'nothing'}",
        "give a file of rows, a data set's folder, or a folder with normal.jsonl, "
        "misaligned_1.jsonl and misaligned_2.jsonl",
        str(folder),
    )
