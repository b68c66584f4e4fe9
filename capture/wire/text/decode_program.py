"""A message's fields as a program for the kernel, and what the kernel read by it as Arrow columns.

Made of the tables of messages, so that nothing is listed twice: which fields there are, of what kind, which numbers
mean no value, and which make a row that cannot be (D153).
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.kernel.decoding import FIELD, Decoding, Numbers, Reading
from capture.wire.messages.message import UNSET_FLOAT, UNSET_INT, UNSET_LONG, Field, Kind
from capture.wire.messages.shapes import REQUIRED, Shape

from .codec import UNSET_SIZES
from .typed_columns import ARROW_TYPES, Columns

_ID = "message_id"  # which is passed over, as the frames of a group have the same

_READINGS = {
    Kind.INT: Reading.WHOLE_32,
    Kind.BOOL: Reading.WHOLE_32,
    Kind.LONG: Reading.WHOLE_64,
    Kind.FLOAT: Reading.REAL,
    Kind.DECIMAL: Reading.REAL,
    Kind.TEXT: Reading.TEXT,
    Kind.ESCAPED: Reading.TEXT,
}
_BITS = {Reading.WHOLE_32: 31, Reading.WHOLE_64: 63}
_UNSET = {Kind.INT: UNSET_INT, Kind.LONG: UNSET_LONG}
_ABOVE_32_BITS = 1 << 31  # of a truth no number means no value
_MARKERS = {Kind.FLOAT: np.array([UNSET_FLOAT]), Kind.DECIMAL: np.array(sorted(UNSET_SIZES))}


@dataclass(frozen=True, slots=True)
class Program:
    """The fields of a message for `Decoding.read_columns`, and those of them that give columns, by place."""

    fields: npt.NDArray[np.void]
    columns: tuple[tuple[int, Field], ...]


@cache
def program_of(shape: Shape, server_version: int, unused: frozenset[str]) -> Program:
    """Return the program of a message without repeated rows; the fields that are `unused` give no column."""
    described = [Field(_ID, Kind.TEXT), *shape.fields(server_version)]
    limits = {name: (lowest, highest) for name, lowest, highest in shape.limits}
    unused = unused | {_ID}
    fields = np.zeros(len(described), FIELD)
    for field, entry in zip(described, fields, strict=True):
        reading = Reading.PASSED_OVER if field.name in unused else _READINGS[field.kind]
        entry["kind"], entry["required"] = reading, field.name in REQUIRED
        if reading in _BITS:
            ends = 1 << _BITS[reading]
            entry["lowest"], entry["highest"] = limits.get(field.name, (-ends, ends - 1))
            entry["unset"] = _UNSET.get(field.kind, _ABOVE_32_BITS)
        elif reading is Reading.REAL:
            markers = _MARKERS[field.kind]
            entry["markers"], entry["marked"] = markers.ctypes.data, len(markers)
            entry["least_marker"] = np.abs(markers).min()
    assert limits.keys() <= {field.name for field in described}, "limits are of fields that are there"
    return Program(fields, tuple((at, field) for at, field in enumerate(described) if field.name not in unused))


def read_columns(
    decoding: Decoding, program: Program, data: bytes, starts: Numbers, index: Numbers
) -> tuple[Columns, Numbers]:
    """Return the columns of frames of one message, and the places in `index` of those that do not fit, left out."""
    fields = program.fields.copy()
    made = {field.name: _Column(field, fields[at], len(index), len(data)) for at, field in program.columns}
    unfit = decoding.read_columns(data, starts, index, fields)
    return {name: column.filled(len(index) - len(unfit)) for name, column in made.items()}, unfit


class _Column:
    """A column's buffers, which the kernel fills by its `entry` of the program."""

    def __init__(self, field: Field, entry: Any, rows: int, text_bytes: int) -> None:
        self.type, self.entry = ARROW_TYPES[field.kind], entry
        self.offsets: npt.NDArray[np.int32] | None = None
        if entry["kind"] == Reading.TEXT:
            self.values = np.empty(text_bytes, np.uint8)
            self.offsets = np.empty(rows + 1, np.int32)
            self.offsets[0] = 0
            entry["offsets"], entry["text_bytes"] = self.offsets.ctypes.data, len(self.values)
        else:
            self.values = np.empty(rows, self.type.to_pandas_dtype())
            self.valid = np.full(rows // 8 + 1, 0xFF, np.uint8)
            entry["valid"] = self.valid.ctypes.data
        entry["values"] = self.values.ctypes.data

    def filled(self, rows: int) -> pa.Array:
        """Return the first rows as an array."""
        if self.offsets is not None:
            text = self.values[: self.offsets[rows]].copy()  # the room was for far more
            buffers = [None, pa.py_buffer(self.offsets), pa.py_buffer(text)]
            return pa.Array.from_buffers(self.type, rows, buffers)
        nulls = int(self.entry["nulls"])
        valid = pa.py_buffer(self.valid) if nulls else None
        return pa.Array.from_buffers(self.type, rows, [valid, pa.py_buffer(self.values)], nulls)
