"""The key-value cache of a batch that rows leave and enter while it runs.

All rows end at the same column, so a step writes one column whatever the rows' lengths; a row that
enters is written so that its prompt ends there too. The columns in use slide along a buffer with
room to spare, and are moved to its front when they reach its end.
"""

import torch
from transformers import DynamicCache, PreTrainedConfig
from transformers.cache_utils import Cache, DynamicLayer, DynamicSlidingWindowLayer

SLACK = 16
"""Columns of a buffer beyond what its rows need: moving to the front is once in so many steps."""


class WindowLayer(DynamicLayer):  # type: ignore[misc]  # transformers is not typed
    """One layer's keys and values, [B, heads, window, head size], in a larger buffer.

    Also used for sliding-window layers: the window is in the attention mask, so keeping older
    columns changes nothing but memory.
    """

    def __init__(self) -> None:
        """Start without a buffer."""
        super().__init__()
        self.keys: torch.Tensor
        self.values: torch.Tensor
        self._buffers: list[torch.Tensor] = []
        self._start = self._end = self._rows = 0

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: object, **kwargs: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append one column and return all keys and values of the window."""
        end = self._end + 1
        for buffer, states in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[: self._rows, :, self._end : end] = states
        self.show(self._rows, self._start, end)
        return self.keys, self.values

    def show(self, rows: int, start: int, end: int) -> None:
        """Say which rows and columns of the buffer are in use."""
        self._rows, self._start, self._end = rows, start, end
        self.keys, self.values = (buffer[:rows, :, start:end] for buffer in self._buffers)

    def reserve(self, like: DynamicLayer, rows: int, columns: int) -> None:
        """Move to a buffer of another size, at least as large as what is in use."""
        if not self.is_initialized:
            self.lazy_initialization(like.keys, like.values)
        used = (self.keys, self.values) if self._buffers else (None, None)
        width = self._end - self._start
        for place, states in enumerate((like.keys, like.values)):
            buffer = states.new_empty((rows, states.shape[1], columns, states.shape[3]))
            old = used[place]
            if old is not None:
                buffer[: self._rows, :, :width] = old
            self._buffers[place : place + 1] = [buffer]
        self.show(self._rows, 0, width)

    def move(self, end: int) -> None:
        """Let the window end at another column."""
        start = end - (self._end - self._start)
        for buffer in self._buffers:
            used = buffer[: self._rows]
            used[:, :, start:end] = used[:, :, self._start : self._end].clone()
        self.show(self._rows, start, end)

    def join(self, read: DynamicLayer, share: torch.Tensor) -> None:
        """Add rows, given as indices [E] into the prompts of a cache, aligned at their end."""
        rows = self._rows + len(share)
        start = self._end - read.keys.shape[2]
        for buffer, states in zip(self._buffers, (read.keys, read.values), strict=True):
            buffer[self._rows : rows, :, start : self._end] = states.index_select(0, share)
        self._rows = rows

    def clear(self, rows: slice, columns: slice) -> None:
        """Put zeros where nothing was written: masked columns are multiplied by 0, not left out."""
        for buffer in self._buffers:
            buffer[rows, :, columns] = 0

    def replace(self, gaps: torch.Tensor, sources: torch.Tensor) -> None:
        """Copy the rows ``sources`` over the rows ``gaps``."""
        for buffer in self._buffers:
            used = buffer[:, :, self._start : self._end]
            used.index_copy_(0, gaps, used.index_select(0, sources))


class WindowCache:
    """The cache of a model whose layers are all plain attention."""

    takes_rows = True
    """Whether rows can enter while others run."""

    def __init__(self, layers: int) -> None:
        """Start empty."""
        self.cache = Cache(layers=[WindowLayer() for _ in range(layers)])
        """What the model is given; its length is that of the window."""
        self.start = self.end = 0
        """The window: columns of the buffer in use."""
        self.columns = 0
        """Columns of the buffer."""
        self._rows = self._reserved = 0

    def prompt_cache(self) -> Cache:
        """Return an empty cache to read prompts with."""
        return Cache(layers=[DynamicLayer() for _ in self.cache.layers])

    def trim(self, start: int) -> None:
        """Let go of the columns before ``start``."""
        self.start = start
        self._show()

    def make_room(self) -> int:
        """See that a column can be appended.

        Returns:
            How many columns to the left the rows have moved.
        """
        moved = 0
        if self.end == self.columns:
            moved = self._move(self.end - self.start)
        self.end += 1
        return moved

    def admit(
        self, read: Cache, share: torch.Tensor, length: int, *, rows: int, columns: int
    ) -> int:
        """Add rows whose prompts have been read.

        Args:
            read: The cache of their prompts, padded on the left.
            share: Which prompt each new row has [E].
            length: Columns of ``read``.
            rows: Most rows that the batch will have, for the size of a new buffer.
            columns: Columns that the batch needs, for the same.

        Returns:
            How many columns to the left the rows have moved, below 0 for the right.
        """
        if not self._rows:
            self.trim(self.end)
        moved = 0
        if self._rows + len(share) > self._reserved or columns != self.columns:
            rows = max(rows, self._rows + len(share))
            for layer, prompts in zip(self.cache.layers, read.layers, strict=True):
                layer.reserve(prompts, rows, columns)
            moved = self.start
            self._reserved, self.columns = rows, columns
            self.start, self.end = 0, self.end - self.start
        if length > self.end:
            moved += self._move(length)
        first, rows = self.end - length, self._rows + len(share)
        for layer, prompts in zip(self.cache.layers, read.layers, strict=True):
            layer.clear(slice(self._rows), slice(first, self.start))
            layer.clear(slice(self._rows, rows), slice(self.start, first))
            layer.join(prompts, share)
        self._rows, self.start = rows, min(self.start, first)
        self._show()
        return moved

    def select(self, rows: torch.Tensor) -> None:
        """Keep some rows, given as indices [B'].

        Rows may only fill the places of rows that left, so that nothing but them is copied.
        """
        gaps = (rows != torch.arange(len(rows), device=rows.device)).nonzero()[:, 0]
        if len(gaps):
            for layer in self.cache.layers:
                layer.replace(gaps, rows[gaps])
        self._rows = len(rows)
        self._show()

    def _move(self, end: int) -> int:
        moved = self.end - end
        for layer in self.cache.layers:
            layer.move(end)
        self.start, self.end = self.start - moved, end
        return moved

    def _show(self) -> None:
        for layer in self.cache.layers:
            if layer.is_initialized:
                layer.show(self._rows, self.start, self.end)


class StockCache:
    """The cache of any other model (recurrent or convolutional state): no row enters midway."""

    takes_rows = False
    """Whether rows can enter while others run."""

    def __init__(self, config: PreTrainedConfig) -> None:
        """Start empty."""
        self._config = config
        self.cache: Cache = DynamicCache(config=config)
        self.start = self.end = self.columns = 0

    def prompt_cache(self) -> Cache:
        """Return an empty cache to read prompts with."""
        return DynamicCache(config=self._config)

    def trim(self, start: int) -> None:
        """Keep all columns: the state of their tokens cannot be taken apart."""

    def make_room(self) -> int:
        """Count the column that is appended; nothing moves."""
        self.end += 1
        return 0

    def admit(
        self, read: Cache, share: torch.Tensor, length: int, *, rows: int, columns: int
    ) -> int:
        """Begin with rows whose prompts have been read; see :class:`WindowCache`."""
        read.batch_select_indices(share)
        moved = self.end - length
        self.cache, self.end, self.columns = read, length, columns
        return moved

    def select(self, rows: torch.Tensor) -> None:
        """Keep some rows, given as indices [B']."""
        self.cache.batch_select_indices(rows)


def make_cache(config: PreTrainedConfig) -> WindowCache | StockCache:
    """Return an empty cache for a batch of a model with this config."""
    layers = DynamicCache(config=config).layers
    if layers and all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers):
        return WindowCache(len(layers))
    return StockCache(config)
