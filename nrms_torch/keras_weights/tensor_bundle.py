"""TensorFlow's checkpoint files, read without TensorFlow.

`NAME.index` is a sorted table, in the format of LevelDB's table_format.md, of protobuf messages
(tensor_bundle.proto), which say where in `NAME.data-SHARD-of-SHARDS` the bytes of a tensor are.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nrms_torch.errors import InputError

_MAGIC = bytes.fromhex("57fb808b247547db")
_FOOTER_SIZE = 48
_FLOAT32 = 1
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class _Entry(NamedTuple):
    """Where a tensor is: `offset` bytes into the data file of number `shard`."""

    kind: int
    shape: tuple[int, ...]
    shard: int
    offset: int


class TensorBundle:
    """The float32 tensors of the checkpoint `prefix`, by their keys; read when asked for.

    Raises InputError where the index is missing or damaged.
    """

    def __init__(self, prefix: Path) -> None:
        self._prefix = prefix
        index = prefix.with_name(f"{prefix.name}.index")
        try:
            messages = dict(_read_table(index.read_bytes()))
            self._shards = _integer(_fields(messages.pop(b"")), 1)
            self._entries = {key.decode(): _entry(value) for key, value in messages.items()}
        except (IndexError, KeyError, ValueError) as error:
            raise InputError(f"{index}: damaged: expected a TensorFlow checkpoint") from error

    @property
    def keys(self) -> list[str]:
        """The keys of all tensors, of whatever type."""
        return list(self._entries)

    def read(self, key: str) -> np.ndarray:
        """Read a tensor; InputError where its data file lacks it or it is no float32."""
        entry = self._entries[key]
        data = self._prefix.with_name(
            f"{self._prefix.name}.data-{entry.shard:05d}-of-{self._shards:05d}"
        )
        if not data.is_file():
            raise InputError(f"{data}: no such file; the checkpoint's values are in it")
        if entry.kind != _FLOAT32:
            raise InputError(f"{data}: {key} has TensorFlow's type {entry.kind}, expected float32")
        count = math.prod(entry.shape)
        if data.stat().st_size < entry.offset + 4 * count:
            raise InputError(f"{data}: ends before the end of {key}; the file is not whole")
        values = np.fromfile(data, dtype="<f4", count=count, offset=entry.offset)
        return values.reshape(entry.shape)


def _entry(message: bytes) -> _Entry:
    fields = _fields(message)
    sizes = _fields(_bytes(fields, 2)).get(2, [])
    shape = tuple(_integer(_fields(size), 1) for size in sizes if isinstance(size, bytes))
    return _Entry(_integer(fields, 1), shape, _integer(fields, 3), _integer(fields, 4))


def _read_table(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give a table's keys and values; its footer leads to a block that leads to all others."""
    if not content.endswith(_MAGIC):
        raise ValueError("a table ends with a number of its own")
    footer = content[-_FOOTER_SIZE:]
    _, position = _handle(footer, 0)
    index, _ = _handle(footer, position)
    for _, handle in _read_block(content, index):
        yield from _read_block(content, _handle(handle, 0)[0])


def _read_block(content: bytes, place: slice) -> Iterator[tuple[bytes, bytes]]:
    """Give a block's keys and values; a key is told by what it does not share with the one before.

    Behind the entries stand restart points, of no use to one who reads them all, and their number.
    """
    block = content[place]
    if content[place.stop] != 0:
        raise ValueError("TensorFlow does not compress its blocks")
    end = len(block) - 4 - 4 * int.from_bytes(block[-4:], "little")
    position, key = 0, b""
    while position < end:
        shared, position = _varint(block, position)
        own, position = _varint(block, position)
        size, position = _varint(block, position)
        key = key[:shared] + block[position : position + own]
        position += own
        yield key, block[position : position + size]
        position += size


def _handle(content: bytes, position: int) -> tuple[slice, int]:
    """Read where a block is, and give the position behind it."""
    offset, position = _varint(content, position)
    size, position = _varint(content, position)
    return slice(offset, offset + size), position


def _fields(message: bytes) -> dict[int, list[int | bytes]]:
    """Take a protobuf message apart: values by field number."""
    fields: dict[int, list[int | bytes]] = {}
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, kind = tag >> 3, tag & 7
        value: int | bytes
        if kind == _VARINT:
            value, position = _varint(message, position)
        else:
            size = {_FIXED64: 8, _FIXED32: 4}.get(kind)
            if size is None:
                if kind != _BYTES:
                    raise ValueError(f"no such kind of field: {kind}")
                size, position = _varint(message, position)
            value = message[position : position + size]
            position += size
        fields.setdefault(number, []).append(value)
    return fields


def _integer(fields: dict[int, list[int | bytes]], number: int) -> int:
    """Give a field's integer; protobuf leaves out what is 0."""
    (value,) = fields.get(number, [0])
    if not isinstance(value, int):
        raise ValueError(f"field {number} is no integer")
    return value


def _bytes(fields: dict[int, list[int | bytes]], number: int) -> bytes:
    (value,) = fields.get(number, [b""])
    if not isinstance(value, bytes):
        raise ValueError(f"field {number} is no message")
    return value


def _varint(content: bytes, position: int) -> tuple[int, int]:
    """Read an integer of seven bits a byte, the lowest first, and give the position behind it."""
    value = shift = 0
    while True:
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
