"""The functions of tape.c on buffers: the records of a tape, and what they hold."""

import ctypes

import numpy as np
import numpy.typing as npt

from .library import declare, functions

Numbers = npt.NDArray[np.int64]

FIELDS = START, END, KIND, WALL_NS, MONO_NS = range(5)  # what is known of a record, as tape.c has it
FRONT_BYTES = 27  # of a record, before its body
ROOM = 4_096  # records that are found at once

_BYTES, _AT, _SIZE = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int64
# Function -> what it gives, and what it takes.
_FUNCTIONS = {
    "tape_records": (_SIZE, [_BYTES, _SIZE, _SIZE, ctypes.c_int32, _SIZE, _SIZE, _AT, _AT]),
    "tape_bodies": (None, [_BYTES, _AT, _SIZE, _BYTES, _AT]),
}  # fmt: skip


# Makes bytes that whoever asked for them is to fill before anybody else sees them: one copy less.
_unfilled = ctypes.pythonapi.PyBytes_FromStringAndSize
_unfilled.restype, _unfilled.argtypes = ctypes.py_object, [ctypes.c_char_p, ctypes.c_ssize_t]


class Walking:
    """The functions of a library that was loaded."""

    def __init__(self, loaded: ctypes.CDLL) -> None:
        declare(loaded, _FUNCTIONS)
        self._records, self._bodies = loaded.tape_records, loaded.tape_bodies

    def records(self, buffer: bytes, start: int, longest: int, *, more: bool) -> tuple[Numbers, int]:
        """Return a row of FIELDS for each of the next whole records, and from where to look again.

        Where there are ROOM of them more may follow at once. `more` says whether bytes may follow the buffer.
        """
        assert 0 <= start <= len(buffer)
        found, resume = np.empty((ROOM, len(FIELDS)), np.int64), ctypes.c_int64()
        count = self._records(buffer, len(buffer), start, more, longest, ROOM, found.ctypes.data, ctypes.byref(resume))
        return found[:count], resume.value

    def bodies(self, buffer: bytes, records: Numbers) -> tuple[bytes, Numbers]:
        """Return what records hold, one behind the other, and where each ends in that."""
        assert records.flags.c_contiguous and records[-1, END] <= len(buffer)
        size = int((records[:, END] - records[:, START]).sum()) - FRONT_BYTES * len(records)
        bodies, ends = _unfilled(None, size), np.empty(len(records), np.int64)
        self._bodies(buffer, records.ctypes.data, len(records), bodies, ends.ctypes.data)
        return bodies, ends


def walking() -> Walking | None:
    """Return the functions; None where the kernel is not there, or is not wanted."""
    return functions(Walking)
