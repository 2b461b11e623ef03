"""The GGUF container, as far as control vectors need it: key-values and float32 tensors.

Source: the GGUF specification of the ggml project (docs/gguf.md), version 3, little-endian: magic,
version, counts; key-values; tensor names, shapes, types and offsets; then the data, each tensor at
a multiple of `general.alignment`. Version 2 has the same layout and is read too. The file knows
nothing of vectors.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Value = bool | int | float | str | list["Value"]

MAGIC: Final = b"GGUF"
VERSION: Final = 3
ALIGNMENT: Final = 32
_ALIGNMENT_KEY: Final = "general.alignment"
_UINT32, _STRING, _ARRAY = 4, 8, 9
_SCALARS: Final[Mapping[int, str]] = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    _UINT32: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
"""Value type -> its format for `struct`."""
_FLOAT32: Final = 0
_MOST: Final = 1 << 20
"""More key-values, tensors, dimensions or array entries than this are a damaged file."""


class GgufError(ValueError):
    """A file is no GGUF file, is damaged, or holds what this reader does not know."""


@dataclass(frozen=True)
class Gguf:
    """The content of a file."""

    values: Mapping[str, Value]
    """Key -> value."""
    tensors: Mapping[str, Floats]
    """Name -> array, in the order of the file; dimensions outermost first."""


def write_gguf(
    path: str | Path, values: Mapping[str, str | int], tensors: Mapping[str, Floats]
) -> None:
    """Write texts, unsigned 32-bit numbers and float32 tensors; equal content gives equal bytes."""
    head = [MAGIC, struct.pack("<IQQ", VERSION, len(tensors), len(values))]
    for key, value in values.items():
        head.append(_text(key))
        if isinstance(value, str):
            head.append(struct.pack("<I", _STRING) + _text(value))
        else:
            head.append(struct.pack("<II", _UINT32, value))
    data: list[bytes] = []
    offset = 0
    for name, tensor in tensors.items():
        shape = tensor.shape[::-1]
        head.append(_text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape))
        head.append(struct.pack("<IQ", _FLOAT32, offset))
        content = np.ascontiguousarray(tensor, dtype="<f4").tobytes()
        data.append(content + b"\0" * (-len(content) % ALIGNMENT))
        offset += len(data[-1])
    start = b"".join(head)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(start + b"\0" * (-len(start) % ALIGNMENT) + b"".join(data))


def read_gguf(path: str | Path) -> Gguf:
    """Read a whole file.

    Raises:
        GgufError: it is no GGUF file of version 2 or 3, is damaged, or has tensors that are not
            float32.
    """
    try:
        content = Path(path).read_bytes()
        return _Reader(content).read()
    except (struct.error, GgufError, UnicodeDecodeError, OSError) as error:
        raise GgufError(f"{path} is not a GGUF file that can be read here: {error}") from error


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded


class _Reader:
    """Walks through the bytes of a file once."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0

    def read(self) -> Gguf:
        if self._bytes(4) != MAGIC:
            raise GgufError("it does not begin with GGUF")
        (version,) = self._unpack("I")
        if version not in (2, VERSION):
            raise GgufError(f"version {version}; known are 2 and 3, little-endian")
        number, pairs = (self._count(count) for count in self._unpack("QQ"))
        values = {self._string(): self._value(self._unpack("I")[0]) for _ in range(pairs)}
        shapes: dict[str, tuple[tuple[int, ...], int]] = {}
        for _ in range(number):
            name, shape, offset = self._tensor_info()
            if name in shapes:
                raise GgufError(f"tensor {name!r} stands twice")
            shapes[name] = (shape, offset)
        alignment = values.get(_ALIGNMENT_KEY, ALIGNMENT)
        if not isinstance(alignment, int) or alignment < 1:
            raise GgufError(f"{_ALIGNMENT_KEY} is {alignment!r}")
        start = self._place + -self._place % alignment
        return Gguf(values, {name: self._tensor(start, *place) for name, place in shapes.items()})

    def _tensor_info(self) -> tuple[str, tuple[int, ...], int]:
        name = self._string()
        dimensions = self._count(self._unpack("I")[0])
        shape = self._unpack(f"{dimensions}Q")
        kind, offset = self._unpack("IQ")
        if kind != _FLOAT32:
            raise GgufError(f"tensor {name!r} has type {kind}; only float32 (type 0) is known")
        return name, tuple(shape[::-1]), offset

    def _tensor(self, start: int, shape: tuple[int, ...], offset: int) -> Floats:
        self._place = start + offset
        data = self._bytes(4 * math.prod(shape))
        return np.frombuffer(data, dtype="<f4").astype(np.float32).reshape(shape)

    def _value(self, kind: int) -> Value:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            inner, count = self._unpack("IQ")
            return [self._value(inner) for _ in range(self._count(count))]
        if kind not in _SCALARS:
            raise GgufError(f"a value has type {kind}, which the format does not know")
        value: Value = self._unpack(_SCALARS[kind])[0]
        return value

    def _string(self) -> str:
        return self._bytes(self._unpack("Q")[0]).decode()

    def _unpack(self, form: str) -> tuple[int, ...]:
        return struct.unpack(f"<{form}", self._bytes(struct.calcsize(f"<{form}")))

    def _bytes(self, number: int) -> bytes:
        end = self._place + number
        if end > len(self._content):
            raise GgufError("it ends too early")
        found = self._content[self._place : end]
        self._place = end
        return found

    def _count(self, number: int) -> int:
        if number > _MOST:
            raise GgufError(f"it claims {number} entries")
        return number
