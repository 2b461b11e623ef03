"""Which waiting rows enter a batch, and when: a function of the rows alone, never of time.

Rows enter in one fixed order. What decides when is which rows have ended, which their seeds decide.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence

from organisms.runtime.batching import Place, order_of_entry
from organisms.runtime.cache import SLACK
from organisms.runtime.rows import Row

WIDENING = {"cpu": 24}
"""By device: rows enter only while the running ones' columns exceed the entering prompt by no more.

What enters attends over them all. On a CPU that costs more than the steps it saves: with pocket
and answers of 46 tokens, entering without a limit took 10% longer than not at all; with answers of
12, entering within 16 to 32 columns saved 8%. Devices that are not named have no limit."""
_REFILL_SHARE = 0.25
"""Rows enter when so much of a batch is free: reading few prompts takes long for what it gives."""


class WaitingRows:
    """The rows that have not entered a batch yet."""

    def __init__(
        self, rows: Sequence[Row], runs_alone: Callable[[str | None], bool], device: str
    ) -> None:
        """Put the rows in order.

        Args:
            rows: All rows to be answered.
            runs_alone: Whether an adapter's rows share no batch with others.
            device: Type of the device that the model is on.
        """
        self._runs_alone = runs_alone
        self._widening = WIDENING.get(device, math.inf)
        order = order_of_entry(
            [
                Place(
                    group=row.request.adapter,
                    alone=runs_alone(row.request.adapter),
                    length=len(row.prompt.token_ids),
                    room=row.room,
                    same=row.prompt_key(),
                )
                for row in rows
            ]
        )
        self._all = [rows[place] for place in order]
        self._rows = deque(self._all)

    def __len__(self) -> int:
        """How many rows wait."""
        return len(self._rows)

    @property
    def first(self) -> Row | None:
        """The row that enters next."""
        return self._rows[0] if self._rows else None

    def watched_layers(self) -> list[int]:
        """Return the layers that rows capture, each once, in order."""
        captures = [row.request.capture for row in self._all]
        return sorted({layer for one in captures if one is not None for layer in one.layers})

    def columns(self, running: Sequence[Row], columns: int) -> int:
        """Return the columns that the batch's cache should have once the next row is in it.

        Args:
            running: The rows in the batch.
            columns: Columns that its cache has; kept where they suffice and are of use.
        """
        needed = max(row.needed for row in (*running, self._rows[0])) + SLACK
        return columns if columns / 2 <= needed <= columns else needed

    def enter(self, running: Sequence[Row], columns: int, most_rows: int, window: int) -> list[Row]:
        """Take the rows that enter a batch now.

        Args:
            running: The rows in the batch.
            columns: Columns of its cache, as of :meth:`columns`.
            most_rows: Most rows it may have.
            window: Columns of its cache that are in use.

        Returns:
            One row at least where the batch is empty; none where too little of it is free.
        """
        free = max(most_rows, 1) - len(running)
        if running and free < _REFILL_SHARE * most_rows:
            return []
        if running and window > len(self._rows[0].prompt.token_ids) + self._widening:
            return []
        entering: list[Row] = []
        while self._rows and len(entering) < free:
            row = self._rows[0]
            last = entering[-1] if entering else running[-1] if running else row
            if row.needed + SLACK > columns or self._apart(last, row):
                break
            entering.append(self._rows.popleft())
        return entering

    def take_back(self) -> list[Row]:
        """Let all rows that have entered and have not finished wait again; return them."""
        entered = len(self._all) - len(self._rows)
        lost = [row for row in self._all[:entered] if not row.finished]
        for row in lost:
            row.restart()
        self._rows.extendleft(reversed(lost))
        self._all = list(self._rows)
        return lost

    def _apart(self, one: Row, other: Row) -> bool:
        names = (one.request.adapter, other.request.adapter)
        return names[0] != names[1] and any(map(self._runs_alone, names))
