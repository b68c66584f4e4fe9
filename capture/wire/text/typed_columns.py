"""Many frames of one shape to typed columns at once: no Python per frame (D33).

The frames' payloads are gathered into one text, the NULs that end its fields are found in one pass, and each wanted
field becomes an Arrow array of slices that Arrow casts to its type.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.wire.messages.message import UNSET_FLOAT, UNSET_INT, UNSET_LONG, Field, Kind

from .codec import UNSET_SIZES

Numbers = npt.NDArray[np.int64]
Columns = dict[str, pa.Array]

ARROW_TYPES = {
    Kind.INT: pa.int32(),
    Kind.LONG: pa.int64(),
    Kind.BOOL: pa.int32(),
    Kind.FLOAT: pa.float64(),
    Kind.DECIMAL: pa.float64(),
    Kind.TEXT: pa.string(),
    Kind.ESCAPED: pa.string(),
}


class IrregularError(ValueError):
    """The frames do not all have the expected shape; decode them one by one."""


class Payloads:
    """The payloads of some frames, back to back, with the positions of the NULs that end their fields.

    `text` is a uint8 array, `ends` where each payload ends, `nuls` the positions of all NULs in `text`.
    """

    def __init__(self, data: bytes, starts: Numbers, index: Numbers) -> None:
        count = len(index)
        edges = np.empty(2 * count + 1, np.int64)
        edges[0:-1:2] = starts[index] + 4
        edges[1::2] = starts[index + 1]
        edges[-1] = edges[-2] if count else 0
        gathered = _every_second(pa.large_binary(), edges, data)
        self.ends = np.frombuffer(gathered.buffers()[1], np.int64, count + 1)[1:]
        self.text = np.frombuffer(gathered.buffers()[2] or b"", np.uint8)[: self.ends[-1] if count else 0]
        self.nuls = np.flatnonzero(self.text == 0)
        self.is_ascii = not len(self.text) or int(self.text.max()) < 128

    def fields_per_frame(self) -> Numbers:
        """Return how many fields each payload has, its message id among them; 0 where the last NUL is missing."""
        last = np.searchsorted(self.nuls, self.ends)
        counts = np.diff(last, prepend=0)
        closed = self.text[self.ends - 1] == 0
        return np.where(closed, counts, 0)

    def regular(self, fields: int) -> bool:
        """Return whether every payload has exactly this many fields."""
        count = len(self.ends)
        return len(self.nuls) == count * fields and bool((self.nuls[fields - 1 :: fields] + 1 == self.ends).all())


def _every_second(kind: pa.DataType, edges: npt.NDArray[Any], data: object) -> pa.Array:
    """Return the slices between edges 0-1, 2-3, 4-5, … of `data`, copied back to back."""
    slices = pa.Array.from_buffers(kind, len(edges) - 1, [None, pa.py_buffer(edges), pa.py_buffer(data)])
    return slices.take(pa.array(np.arange(0, len(edges) - 1, 2)))


class Rows:
    """Rows of fields within `payloads`: row i begins with the field number `bases[i]` of all the text's fields.

    A slice stands for rows that begin every `step` fields. The very first field of the text, a message id, cannot be
    asked for: a column is found by the NUL in front of it.
    """

    def __init__(self, payloads: Payloads, bases: Numbers | slice) -> None:
        self.payloads = payloads
        self.bases = bases

    def column(self, field: Field, place: int) -> pa.Array:
        """Return the field at this place of every row, in its Arrow type, None for what means no value.

        Raises IrregularError when a word is not of the field's kind.
        """
        left, right = self._edges(place)
        if field.kind in (Kind.INT, Kind.BOOL) and (digits := self._digits(left, right)) is not None:
            return digits
        if field.kind in (Kind.INT, Kind.LONG, Kind.BOOL) and self._leading_zeros(left, right):
            raise IrregularError("Arrow would read 0x10 as 16")
        words = self._words(left, right)
        if field.kind in (Kind.TEXT, Kind.ESCAPED):
            return self._texts(words)
        empty = right == left
        if empty.any():
            words = pc.if_else(pa.array(empty), None, words)
        try:
            return unset_to_null(pc.cast(words, ARROW_TYPES[field.kind]), field.kind)
        except pa.ArrowInvalid as error:
            raise IrregularError(str(error)) from None

    def _edges(self, place: int) -> tuple[Numbers, Numbers]:
        nuls = self.payloads.nuls
        if isinstance(self.bases, slice):
            step = self.bases.step
            return nuls[place - 1 :: step] + 1, nuls[place::step]
        return nuls[self.bases + (place - 1)] + 1, nuls[self.bases + place]

    def _digits(self, left: Numbers, right: Numbers) -> pa.Array | None:
        """Return the numbers of words that are one digit each, the commonest case; None when some are not."""
        if not (right - left == 1).all():
            return None
        digits = self.payloads.text[left] - np.uint8(48)
        return pa.array(digits.astype(np.int32)) if not len(digits) or digits.max() <= 9 else None

    def _leading_zeros(self, left: Numbers, right: Numbers) -> bool:
        return bool(((self.payloads.text[left] == ord("0")) & (right - left > 1)).any())

    def _words(self, left: Numbers, right: Numbers) -> pa.Array:
        edges = np.empty(2 * len(right) + 1, np.int32)
        edges[0:-1:2] = left
        edges[1::2] = right
        edges[-1] = right[-1] if len(right) else 0
        return _every_second(pa.string(), edges, self.payloads.text)

    def _texts(self, words: pa.Array) -> pa.Array:
        if not self.payloads.is_ascii:
            try:
                words.validate(full=True)
            except pa.ArrowInvalid as error:
                raise IrregularError(str(error)) from None
        return words


def flat(payloads: Payloads, fields: Sequence[Field], wanted: frozenset[str]) -> Columns:
    """Return the wanted columns of payloads that each hold the message id and then exactly `fields`.

    Raises IrregularError when the payloads have another number of fields or a word is not of its kind.
    """
    width = len(fields) + 1
    if not payloads.regular(width):
        raise IrregularError("the number of fields differs")
    rows = Rows(payloads, slice(0, None, width))
    return {f.name: rows.column(f, place) for place, f in enumerate(fields, 1) if f.name in wanted}


def unset_to_null(values: pa.Array, kind: Kind) -> pa.Array:
    """Return the values with IB's markers of no value, NaN and infinity turned into nulls."""
    if kind in (Kind.INT, Kind.LONG):
        return _null_where(values, {UNSET_INT if kind is Kind.INT else UNSET_LONG})
    if kind in (Kind.FLOAT, Kind.DECIMAL):
        return _null_where(values, UNSET_SIZES if kind is Kind.DECIMAL else {UNSET_FLOAT})
    return values


def _null_where(values: pa.Array, markers: frozenset[float] | set[float] | set[int]) -> pa.Array:
    numbers = values.to_numpy(zero_copy_only=False) if values.null_count else values.to_numpy()
    if not len(numbers):
        return values
    # One pass finds that nothing in the column can be a marker, as is nearly always the case. NaN fails it too.
    if numbers.min() > -9e18 and numbers.max() < UNSET_INT:
        return values
    marked = np.isin(numbers, list(markers)) | ~np.isfinite(numbers)
    return pc.if_else(pa.array(marked), None, values)
