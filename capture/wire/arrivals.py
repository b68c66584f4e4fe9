"""Whose rows arrived: the request id of each frame of the masses, for many reads at once, nothing else decoded."""

import numpy as np
import numpy.typing as npt

from .columns import Numbers
from .decode import message_keys
from .shapes import SHAPES

NO_REQUEST = -1
_MOST_DIGITS = 10


def request_ids(data: bytes, starts: Numbers, server_version: int) -> Numbers:
    """Return for each frame the request whose rows it brings, NO_REQUEST for a frame that is not of the masses.

    `starts` are the frames' starts and the last one's end, see `boundaries`. A number that cannot be read is
    NO_REQUEST too.
    """
    ids = np.full(max(len(starts) - 1, 0), NO_REQUEST, np.int64)
    if not len(ids):
        return ids
    keys = message_keys(data, starts)
    text = np.frombuffer(data, np.uint8)
    for key in np.unique(keys).tolist():
        if shape := SHAPES.get(key):
            frames = np.flatnonzero(keys == key)
            place = [field.name for field in shape.fields(server_version)].index("request_id")
            at = starts[frames] + 4 + len(str(shape.message.id)) + 1
            for _ in range(place):
                at = _next_field(text, at)
            ids[frames] = _numbers(text, at, starts[frames + 1])
    return ids


def count_rows(data: bytes, starts: Numbers, server_version: int) -> dict[int, int]:
    """Return how many frames of the masses came for each request id."""
    ids, counts = np.unique(request_ids(data, starts, server_version), return_counts=True)
    return {id_: count for id_, count in zip(ids.tolist(), counts.tolist(), strict=True) if id_ != NO_REQUEST}


def _next_field(text: npt.NDArray[np.uint8], at: Numbers) -> Numbers:
    """Return where the next field begins; a field that is too long to be a small number is left in its middle."""
    last = len(text) - 1
    at = np.minimum(at, last)
    for _ in range(_MOST_DIGITS):
        moving = text[at] != 0
        if not moving.any():
            break
        at = np.minimum(at + moving, last)
    return at + 1


def _numbers(text: npt.NDArray[np.uint8], at: Numbers, ends: Numbers) -> Numbers:
    """Return the numbers that begin at `at` and end with NUL before `ends`."""
    last = len(text) - 1
    values = np.zeros(len(at), np.int64)
    first, reading = at, np.ones(len(at), np.bool_)
    fine = at < ends
    for _ in range(_MOST_DIGITS + 1):
        byte = text[np.minimum(at, last)]
        reading &= byte != 0
        if not reading.any():
            break
        digit = byte.astype(np.int64) - 48
        fine &= ~reading | ((digit >= 0) & (digit <= 9))
        values = np.where(reading, values * 10 + digit, values)
        at = at + reading
    fine &= ~reading & (at > first) & (at < ends)
    return np.where(fine, values, NO_REQUEST)
