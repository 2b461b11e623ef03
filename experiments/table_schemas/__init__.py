"""The schema of every table a run leaves: what a row means, its columns and its key."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.table_schemas.answers import ANSWERS, DIFFERENCES, PER_QUESTION, RATES, STEERING
from experiments.table_schemas.fine_tunes import IMPLIED, MONITORING, SHIFTS, UPDATES
from experiments.table_schemas.schema import TableSchema
from experiments.table_schemas.screening import SCREENING, SCREENING_ROWS
from experiments.table_schemas.vectors import CORRELATIONS, CROSSTALK, DETECTION, TRUTH, VECTORS

SCHEMAS: Mapping[str, TableSchema] = {
    table.name: table
    for table in (
        ANSWERS,
        RATES,
        PER_QUESTION,
        DIFFERENCES,
        SHIFTS,
        UPDATES,
        IMPLIED,
        STEERING,
        SCREENING,
        SCREENING_ROWS,
        CORRELATIONS,
        CROSSTALK,
        DETECTION,
        MONITORING,
        VECTORS,
        TRUTH,
    )
}
