"""A key-value cache for a batch that only grows in length and shrinks in rows.

Room for the whole answer is reserved once, so a step writes one column where the stock cache
copies everything it holds.
"""

import torch
from transformers import DynamicCache, PreTrainedConfig
from transformers.cache_utils import Cache, DynamicLayer, DynamicSlidingWindowLayer


class ReservedLayer(DynamicLayer):  # type: ignore[misc]  # transformers is not typed
    """One layer's keys and values, [B, heads, length, head size], in a buffer with room to grow.

    Also used for sliding-window layers: the window is in the attention mask, so keeping older
    columns changes nothing but memory.
    """

    def __init__(self, room: int) -> None:
        """Reserve ``room`` columns beyond the prompt's."""
        super().__init__()
        self.keys: torch.Tensor
        self.values: torch.Tensor
        self._room = room
        self._length = 0
        self._key_buffer = self._value_buffer = torch.empty(0)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: object, **kwargs: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append columns and return all keys and values so far."""
        end = self._length + key_states.shape[2]
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._key_buffer = _with_room(key_states, end + self._room)
            self._value_buffer = _with_room(value_states, end + self._room)
        elif end > self._key_buffer.shape[2]:
            self._key_buffer = _with_room(self.keys, 2 * end)
            self._value_buffer = _with_room(self.values, 2 * end)
        self._key_buffer[:, :, self._length : end] = key_states
        self._value_buffer[:, :, self._length : end] = value_states
        self._length = end
        self.keys = self._key_buffer[:, :, :end]
        self.values = self._value_buffer[:, :, :end]
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep some rows (or repeat them), given as indices [B'], in that order.

        Where rows only fill the places of rows that left, nothing but them is copied.
        """
        count = len(indices)
        moved = (indices != torch.arange(count, device=indices.device)).nonzero()[:, 0]
        sources = indices[moved]
        in_place = count <= len(self._key_buffer) and bool((sources >= count).all())
        if in_place:
            for buffer in (self._key_buffer, self._value_buffer):
                used = buffer[:, :, : self._length]
                used.index_copy_(0, moved, used.index_select(0, sources))
            self._key_buffer = self._key_buffer[:count]
            self._value_buffer = self._value_buffer[:count]
        else:
            room = self._key_buffer.shape[2]
            self._key_buffer = _with_room(self.keys.index_select(0, indices), room)
            self._value_buffer = _with_room(self.values.index_select(0, indices), room)
        self.keys = self._key_buffer[:, :, : self._length]
        self.values = self._value_buffer[:, :, : self._length]


def make_cache(config: PreTrainedConfig, room: int) -> Cache:
    """Return an empty cache for a model.

    Args:
        config: The model's config.
        room: Number of generated tokens to reserve space for.

    Returns:
        Reserved layers where every layer of the model is plain attention, else the stock cache
        (models with recurrent or convolutional state).
    """
    stock = DynamicCache(config=config)
    if stock.layers and all(
        type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in stock.layers
    ):
        return Cache(layers=[ReservedLayer(room) for _ in stock.layers])
    return stock


def _with_room(states: torch.Tensor, length: int) -> torch.Tensor:
    shape = (*states.shape[:2], length, states.shape[3])
    buffer = states.new_empty(shape)
    buffer[:, :, : states.shape[2]] = states
    return buffer
