"""The functions of decode.c on buffers: frames, message ids, columns of fields, words of text. None knows a message."""

import ctypes
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from .library import declare, functions

Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

LENGTH_BYTES = 4
MOST_FIELDS = 64
MOST_BYTES = (1 << 31) - 1
# Of a column of text with more different words than this there is no use in numbering them.
MOST_WORDS = 4_096


class Reading(IntEnum):
    """How a field is read, as `enum kind` has it."""

    PASSED_OVER = 0
    WHOLE_32 = 1
    WHOLE_64 = 2
    REAL = 3
    TEXT = 4


# As `struct field` has it.
FIELD = np.dtype(
    [("kind", "<i8"), ("required", "<i8"), ("lowest", "<i8"), ("highest", "<i8"), ("unset", "<i8"),
     ("markers", "<u8"), ("marked", "<i8"), ("least_marker", "<f8"), ("values", "<u8"), ("valid", "<u8"),
     ("nulls", "<i8"), ("offsets", "<u8"), ("text_bytes", "<i8")])  # fmt: skip

_BYTES, _AT, _SIZE, _NUMBER = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
# Function -> what it gives, and what it takes.
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "field_bytes": (_SIZE, []),
    "frame_starts": (_SIZE, [_BYTES, _SIZE, _SIZE, _AT]),
    "frame_keys": (None, [_BYTES, _AT, _SIZE, _NUMBER, _NUMBER, _AT]),
    "frame_numbers": (None, [_BYTES, _AT, _SIZE, _AT, _AT, _NUMBER, _AT]),
    "read_columns": (_SIZE, [_BYTES, _SIZE, _AT, _AT, _SIZE, _AT, _SIZE, _AT]),
    "text_codes": (_SIZE, [_AT, _AT, _SIZE, _AT, _AT, _NUMBER, _AT, ctypes.c_uint32]),
}


class Decoding:
    """The functions of a library that was loaded."""

    def __init__(self, loaded: ctypes.CDLL) -> None:
        declare(loaded, _FUNCTIONS)
        assert loaded.field_bytes() == FIELD.itemsize, "a field is laid out here as in decode.c"
        self._functions = loaded

    def frame_starts(self, data: bytes, longest: int) -> Numbers:
        """Return where each whole frame of at most `longest` bytes starts, and last, where the last one ends."""
        room = np.empty(len(data) // (LENGTH_BYTES + 1) + 1, np.int64)
        count = self._functions.frame_starts(data, len(data), longest, room.ctypes.data)
        return room[: count + 1].copy()

    def frame_keys(self, data: bytes, starts: Numbers, split_id: int, split_base: int) -> Codes:
        """Return each frame's message id, -1 where it has none; of `split_id` instead `split_base` plus its kind."""
        assert starts[0] >= 0 and starts[-1] <= len(data) and starts.flags.c_contiguous
        keys = np.empty(len(starts) - 1, np.int32)
        self._functions.frame_keys(data, starts.ctypes.data, len(keys), split_id, split_base, keys.ctypes.data)
        return keys

    def frame_numbers(self, data: bytes, starts: Numbers, keys: Codes, places: npt.NDArray[np.int8]) -> Numbers:
        """Return of each frame a number of up to ten digits, -1 where there is none.

        `places` says by key how many fields it stands behind, the message id among them; -1 for nowhere.
        """
        assert starts[0] >= 0 and starts[-1] <= len(data) and starts.flags.c_contiguous
        assert len(keys) == len(starts) - 1 and keys.flags.c_contiguous
        numbers = np.empty(len(keys), np.int64)
        self._functions.frame_numbers(data, starts.ctypes.data, len(keys), keys.ctypes.data, places.ctypes.data,
                                      len(places), numbers.ctypes.data)
        return numbers

    def read_columns(self, data: bytes, starts: Numbers, index: Numbers, fields: npt.NDArray[np.void]) -> Numbers:
        """Read frames into the buffers that `fields` name, and return the places in `index` of those that do not fit.

        The rows of all others are there in order. `index` is in order; text has room for as many bytes as `data` has.
        """
        assert len(data) <= MOST_BYTES, "places in text are of 32 bits"
        assert fields.dtype == FIELD and len(fields) <= MOST_FIELDS
        assert starts.flags.c_contiguous and index.flags.c_contiguous
        assert not len(index) or (index.min() >= 0 and index.max() < len(starts) - 1)
        unfit = np.empty(len(index), np.int64)
        rows = self._functions.read_columns(data, len(data), starts.ctypes.data, index.ctypes.data, len(index),
                                            fields.ctypes.data, len(fields), unfit.ctypes.data)
        return unfit[: len(index) - rows]

    def text_codes(self, text: npt.NDArray[np.uint8], offsets: Codes) -> tuple[Codes, Codes] | None:
        """Return the number of each row's word, -1 for an empty one, and the row in which each word came first.

        None where there are more than MOST_WORDS different words.
        """
        count = len(offsets) - 1
        assert count >= 0 and offsets[0] >= 0 and offsets[-1] <= len(text)
        most = min(count, MOST_WORDS)
        slots = np.full(4 << most.bit_length(), -1, np.int32)
        codes, firsts = np.empty(count, np.int32), np.empty(most, np.int32)
        distinct = self._functions.text_codes(text.ctypes.data, offsets.ctypes.data, count, codes.ctypes.data,
                                              firsts.ctypes.data, most, slots.ctypes.data, len(slots))
        return None if distinct < 0 else (codes, firsts[:distinct])


def decoding() -> Decoding | None:
    """Return the functions; None where the kernel is not there, or is not wanted."""
    return functions(Decoding)
