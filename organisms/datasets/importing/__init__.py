"""Reads data sets that others published, row by row; a row that cannot be used is reported with its
place, the reason and the fix, and never dropped in silence.

Code in such a file is text here; nothing runs it.
"""

from organisms.datasets.importing.importer import Imported, import_rows, stream_file
from organisms.datasets.importing.problems import BadRowsError, Problem

__all__ = ["BadRowsError", "Imported", "Problem", "import_rows", "stream_file"]
