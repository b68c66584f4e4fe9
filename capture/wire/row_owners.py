"""Whose rows arrived, and of when: read off the frames of the masses, of many reads at once, no more decoded (D42)."""

from functools import cache

import numpy as np
import numpy.typing as npt

from capture.kernel.decoding import decoding
from capture.wire.messages.shapes import SHAPES, Shape

from .frame_kinds import Keys, Numbers, message_keys

NO_REQUEST = NO_TIME = -1
# Shape -> the field in which IB says when it happened, in seconds since 1970.
_TIMES = {"tick_by_tick_last": "time", "tick_by_tick_quote": "time", "tick_by_tick_midpoint": "time",
          "real_time_bar": "time", "historical_data_update": "bar_date"}  # fmt: skip
_EARLIEST_S = 1_000_000_000  # a number below is a date or nothing
_MOST_DIGITS = 10
_FEW_IDS = 1 << 20  # up to this, ids are counted in an array of their own


def request_ids(data: bytes, starts: Numbers, server_version: int, keys: Keys | None = None) -> Numbers:
    """Return for each frame the request whose rows it brings, NO_REQUEST for a frame that is not of the masses.

    `starts` are the frames' starts and the last one's end, see `boundaries`; `keys` their `message_keys`, where these
    are known. A number that cannot be read is NO_REQUEST too.
    """
    ids = np.full(max(len(starts) - 1, 0), NO_REQUEST, np.int64)
    if not len(ids):
        return ids
    if keys is None:
        keys = message_keys(data, starts)
    if kernel := decoding():
        return kernel.frame_numbers(data, starts, keys, _places(server_version))
    text = np.frombuffer(data, np.uint8)
    for key in np.unique(keys).tolist():
        if shape := SHAPES.get(key):
            frames = np.flatnonzero(keys == key)
            ids[frames] = _field(text, starts, frames, shape, "request_id", server_version)
    return ids


@cache
def _places(server_version: int) -> npt.NDArray[np.int8]:
    """Return by key how many fields of a frame stand in front of its request id; -1 for a key of no shape."""
    places = np.full(max(SHAPES) + 1, -1, np.int8)
    for key, shape in SHAPES.items():
        places[key] = 1 + _place(shape, "request_id", server_version)
    return places


def _place(shape: Shape, name: str, server_version: int) -> int:
    return [field.name for field in shape.fields(server_version)].index(name)


def event_seconds(
    data: bytes, starts: Numbers, frames: Numbers, server_version: int, keys: Keys | None = None
) -> Numbers:
    """Return for some of the frames of a read IB's own time, in seconds since 1970; of a bar its start.

    NO_TIME where a frame carries none, or none that can be read.
    """
    seconds = np.full(len(frames), NO_TIME, np.int64)
    text = np.frombuffer(data, np.uint8)
    keys = (message_keys(data, starts) if keys is None else keys)[frames]
    for key in np.unique(keys).tolist():
        if (shape := SHAPES.get(key)) and (name := _TIMES.get(shape.name)):
            places = np.flatnonzero(keys == key)
            seconds[places] = _field(text, starts, frames[places], shape, name, server_version)
    seconds[seconds < _EARLIEST_S] = NO_TIME
    return seconds


def _field(
    text: npt.NDArray[np.uint8], starts: Numbers, frames: Numbers, shape: Shape, name: str, server_version: int
) -> Numbers:
    """Return a field of frames of one shape as numbers."""
    at = starts[frames] + 4 + len(str(shape.message.id)) + 1
    for _ in range(_place(shape, name, server_version)):
        at = _next_field(text, at)
    return _numbers(text, at, starts[frames + 1])


def count_rows(ids: Numbers) -> dict[int, int]:
    """Return how many frames there are of each request id, of those that have one."""
    every = ids[ids != NO_REQUEST]
    if len(every) and every.max() < _FEW_IDS:
        counts = np.bincount(every)
        ids = np.flatnonzero(counts)
        return dict(zip(ids.tolist(), counts[ids].tolist(), strict=True))
    ids, counts = np.unique(every, return_counts=True)
    return dict(zip(ids.tolist(), counts.tolist(), strict=True))


def last_frames(ids: Numbers) -> Numbers:
    """Return the last frame of each request id, NO_REQUEST among them, in no order."""
    if not len(ids) or ids.max() >= _FEW_IDS:
        last: Numbers = len(ids) - 1 - np.unique(ids[::-1], return_index=True)[1]
        return last
    lasts = np.full(int(ids.max()) + 2, -1, np.int64)  # one more place, as NO_REQUEST is the last
    lasts[ids] = np.arange(len(ids))  # of equal ids the last assignment stays
    return lasts[lasts >= 0]


def _next_field(text: npt.NDArray[np.uint8], at: Numbers) -> Numbers:
    """Return where the next field begins; a field that is too long to be a small number is left in its middle."""
    last = len(text) - 1
    at = np.minimum(at, last)
    if (text[np.minimum(at + 1, last)] == 0).all() and text[at].all():
        return at + 2  # one character each, as message versions are
    for _ in range(_MOST_DIGITS):
        moving = text[at] != 0
        if not moving.any():
            break
        at = np.minimum(at + moving, last)
    return at + 1


def _numbers(text: npt.NDArray[np.uint8], at: Numbers, ends: Numbers) -> Numbers:
    """Return the numbers that begin at `at` and end with NUL before `ends`."""
    values = np.full(len(at), NO_REQUEST, np.int64)
    near = at <= len(text) - 8
    values[near] = _short_numbers(text, at[near], ends[near])
    others = np.flatnonzero(values == NO_REQUEST)
    if len(others):
        values[others] = _any_numbers(text, at[others], ends[others])
    return values


_ONES, _HIGHS, _ZEROS = (np.uint64(byte * 0x0101010101010101) for byte in (0x01, 0x80, ord("0")))
_UPPER, _SIX = (np.uint64(byte * 0x0101010101010101) for byte in (0xF0, 6))


def _short_numbers(text: npt.NDArray[np.uint8], at: Numbers, ends: Numbers) -> Numbers:
    """Return numbers of one to seven digits, all digits of a number at once; NO_REQUEST for any other.

    Eight bytes are one 64-bit word: the first NUL in it is found by borrowing, what follows is cut off, and the digits
    are put together by twos, fours and eights.
    """
    words = np.ndarray((max(len(text) - 7, 0),), "<u8", text, strides=(1,))[at]
    nul = (words - _ONES) & ~words & _HIGHS
    digits = ((nul & (~nul + np.uint64(1))) >> np.uint64(7)) - np.uint64(1)
    bits = np.bitwise_count(digits).astype(np.uint64)
    shift = np.uint64(64) - bits
    fine = (nul != 0) & (bits > 0) & (at + (bits >> np.uint64(3)).astype(np.int64) < ends)
    shift[~fine] = 0
    number, zeros = (words & digits) << shift, _ZEROS << shift
    fine &= ((number & _UPPER) == zeros) & (((number + (_SIX << shift)) & _UPPER) == zeros)
    number -= zeros
    for width in (8, 16, 32):
        half = np.uint64(width)
        number = number * np.uint64(10 ** (width // 8)) + (number >> half)
        number &= np.uint64(sum(((1 << width) - 1) << place for place in range(0, 64, 2 * width)))
    return np.where(fine, number.astype(np.int64), NO_REQUEST)


def _any_numbers(text: npt.NDArray[np.uint8], at: Numbers, ends: Numbers) -> Numbers:
    """Return numbers of any length, digit by digit."""
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
