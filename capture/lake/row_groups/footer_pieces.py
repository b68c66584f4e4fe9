"""A Parquet footer taken apart, and one of a few row groups put together from its pieces: reading the whole costs more.

A footer is a struct in Thrift's compact protocol: schema, number of rows, row groups, and what the file says of itself.
"""

from collections.abc import Sequence
from typing import NamedTuple

MAGIC = b"PAR1"
END_BYTES = 8  # behind the footer: its size, and the magic word

_NUMBERS, _TEXT, _LIST, _SET, _STRUCT = (4, 5, 6), 8, 9, 10, 12
_BYTES = {1: 0, 2: 0, 3: 1, 7: 8}  # of a field by its kind: true, false, a byte, a double; there are no others
_LISTED_BYTES = {**_BYTES, 1: 1, 2: 1}
_ROWS_FIELD, _GROUPS_FIELD = 3, 4
_LONG = 15  # elements, of which a list's first byte does not say how many


class Pieces(NamedTuple):
    """What stands before the number of rows, where each row group begins and ends, and what stands behind them all."""

    head: bytes
    groups: list[tuple[int, int]]
    tail: bytes


def taken_apart(footer: bytes) -> Pieces:
    """Return the pieces of a footer. Raises ValueError for what is none, or is of another order of fields."""
    try:
        return _Walk(footer).pieces()
    except (LookupError, RecursionError) as error:
        raise ValueError("it is no footer of a Parquet file") from error


def put_together(head: bytes, rows: int, groups: Sequence[bytes], tail: bytes) -> bytes:
    """Return a file of a footer alone, of some row groups that have so many rows together."""
    size = len(groups)
    many = bytes([size << 4 | _STRUCT]) if size < _LONG else bytes([_LONG << 4 | _STRUCT]) + _varint(size)
    footer = b"".join([head, _varint(rows << 1), bytes([1 << 4 | _LIST]), many, *groups, tail])
    return MAGIC + footer + len(footer).to_bytes(4, "little") + MAGIC


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


class _Walk:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def pieces(self) -> Pieces:
        while (field := self._byte()) >> 4 == 1 and self._number != _ROWS_FIELD - 1:
            self._number += 1
            self._skip(field & 15)
        head = self._data[: self._at]
        self._varint()
        if self._number != _ROWS_FIELD - 1 or self._byte() != 1 << 4 | _LIST:
            raise ValueError("its fields are in another order")
        kind, size = self._list()
        if kind != _STRUCT:
            raise ValueError("its row groups are none")
        groups = []
        for _ in range(size):
            begin = self._at
            self._skip(_STRUCT)
            groups.append((begin, self._at))
        return Pieces(head, groups, self._data[self._at :])

    _number = 0  # of the field that was read last

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _varint(self) -> int:
        number = shift = 0
        while (byte := self._byte()) > 127:
            number |= (byte & 127) << shift
            shift += 7
        return number | byte << shift

    def _list(self) -> tuple[int, int]:
        """Return the kind of a list's elements, and how many there are."""
        first = self._byte()
        return first & 15, first >> 4 if first >> 4 != _LONG else self._varint()

    def _skip(self, kind: int, *, listed: bool = False) -> None:
        if kind == _STRUCT:
            self._skip_fields()
        elif kind in _NUMBERS:
            self._varint()
        elif kind == _TEXT:
            size = self._varint()
            self._at += size
        elif kind in (_LIST, _SET):
            of, size = self._list()
            for _ in range(size):
                self._skip(of, listed=True)
        else:
            self._at += _LISTED_BYTES[kind] if listed else _BYTES[kind]

    def _skip_fields(self) -> None:
        while field := self._byte():
            if not field >> 4:
                self._varint()  # the field's number, far from that of the one before
            self._skip(field & 15)
