"""The functions of merge.c on buffers: runs of rows into one order, then column by column."""

import ctypes

import numpy as np
import numpy.typing as npt

from .library import declare, functions

Numbers = npt.NDArray[np.int64]
Turns = npt.NDArray[np.int32]
Structs = npt.NDArray[np.void]

# As `struct run` and `struct lane` have it.
RUN = np.dtype([("ts", "<u8"), ("seq", "<u8"), ("rank", "<u8"), ("row", "<u8"), ("rank_step", "<i8"),
                ("row_step", "<i8"), ("at", "<i8"), ("end", "<i8")])  # fmt: skip
NEXT_BYTES = 16  # of `struct next`
LANE = np.dtype([("values", "<u8"), ("step", "<i8"), ("at", "<i8"), ("map", "<u8")])

_AT, _SIZE = ctypes.c_void_p, ctypes.c_int64
# Function -> what it gives, and what it takes.
_FUNCTIONS = {
    "run_bytes": (_SIZE, []), "lane_bytes": (_SIZE, []), "next_bytes": (_SIZE, []),
    "cut_runs": (_SIZE, [_AT, _SIZE, _AT]),
    "merge_runs": (_SIZE, [_AT, _SIZE, _SIZE, _SIZE, _AT, _AT]),
    "gather_values": (None, [_AT, _SIZE, _SIZE, _AT, _AT]),
    "gather_codes": (None, [_AT, _SIZE, _AT, _AT]),
    "gather_bits": (_SIZE, [_AT, _SIZE, _AT, _AT]),
}  # fmt: skip


class Merging:
    """The functions of a library that was loaded."""

    def __init__(self, found: ctypes.CDLL) -> None:
        # Each is over in a millisecond or so, and many are called: a thread that lets go of the interpreter for each
        # waits long to have it back from one that plays records.
        loaded = ctypes.PyDLL(found._name, handle=found._handle)
        declare(loaded, _FUNCTIONS)
        assert loaded.run_bytes() == RUN.itemsize, "a run is laid out here as in merge.c"
        assert loaded.lane_bytes() == LANE.itemsize, "a lane is laid out here as in merge.c"
        assert loaded.next_bytes() == NEXT_BYTES
        self._functions = loaded

    def cut(self, rows: Structs) -> Numbers:
        """Return where the runs end that lie behind one another in what is given as one."""
        assert rows.dtype == RUN and len(rows) == 1
        ends = np.empty(int(rows["end"][0] - rows["at"][0]), np.int64)
        count = self._functions.cut_runs(rows.ctypes.data, len(ends), ends.ctypes.data)
        return ends[:count].copy()

    def merge(self, runs: Structs, until_us: int, most: int) -> Turns:
        """Return which run each of the next rows is of, at most `most` and before a time; runs move on."""
        assert runs.dtype == RUN and runs.flags.c_contiguous
        room = min(most, int((runs["end"] - runs["at"]).sum()))
        turns, heap = np.empty(room, np.int32), np.empty(len(runs) * NEXT_BYTES, np.uint8)
        taken = self._functions.merge_runs(runs.ctypes.data, len(runs), until_us, room, heap.ctypes.data,
                                           turns.ctypes.data)  # fmt: skip
        return turns[:taken]

    def values(self, turns: Turns, width: int, lanes: Structs, out: int) -> None:
        """Write values of 4 or 8 bytes to an address, in their turns."""
        self._functions.gather_values(*_given(turns, lanes), width, lanes.ctypes.data, out)

    def codes(self, turns: Turns, lanes: Structs, out: int) -> None:
        """Write codes to an address, as the maps of their lanes call them."""
        self._functions.gather_codes(*_given(turns, lanes), lanes.ctypes.data, out)

    def bits(self, turns: Turns, lanes: Structs, out: int) -> int:
        """Write bits to an address; return how many are not set."""
        return int(self._functions.gather_bits(*_given(turns, lanes), lanes.ctypes.data, out))


def _given(turns: Turns, lanes: Structs) -> tuple[int, int]:
    assert turns.dtype == np.int32 and turns.flags.c_contiguous and lanes.dtype == LANE and lanes.flags.c_contiguous
    return turns.ctypes.data, len(turns)


def merging() -> Merging | None:
    """Return the functions; None where the kernel is not there, or is not wanted."""
    return functions(Merging)
