"""Of which kind each frame of a read is, by its first bytes; without Arrow, as a recorder asks it of each read."""

import numpy as np
import numpy.typing as npt

from capture.kernel.decoding import decoding
from capture.wire.messages.shapes import KINDS_BASE, MASS_IDS, SHAPES, TICK_BY_TICK_ID

Numbers = npt.NDArray[np.int64]
Keys = npt.NDArray[np.int32]


def message_keys(data: bytes, starts: Numbers) -> Keys:
    """Return a number per frame that tells shapes apart: the message id, KINDS_BASE + kind for tick_by_tick.

    -1 where the frame does not begin with an id of one to three digits without leading zeros.
    """
    if kernel := decoding():
        return kernel.frame_keys(data, starts, TICK_BY_TICK_ID, KINDS_BASE)
    a = np.frombuffer(data, np.uint8)
    at, last = starts[:-1] + 4, len(a) - 1
    b0, b1, b2, b3 = (a[np.minimum(at + i, last)].astype(np.int32) for i in range(4))
    d0, d1, d2 = b0 - 48, b1 - 48, b2 - 48
    one, two, three = b1 == 0, b2 == 0, b3 == 0
    keys = np.where(one, d0, np.where(two, d0 * 10 + d1, np.where(three, d0 * 100 + d1 * 10 + d2, -1)))
    fine = (d0 > 0) & (d0 <= 9)
    fine &= one | ((d1 >= 0) & (d1 <= 9) & (two | ((d2 >= 0) & (d2 <= 9))))
    keys[~fine] = -1
    ticks = np.flatnonzero(keys == TICK_BY_TICK_ID)
    if len(ticks):
        keys[ticks] = _tick_by_tick_keys(a, at[ticks] + 3)
    return keys


def _tick_by_tick_keys(a: npt.NDArray[np.uint8], at: Numbers) -> Keys:
    """Return KINDS_BASE + kind for frames whose request id starts at `at`; KINDS_BASE where the kind is no digit."""
    last = len(a) - 1
    at = np.minimum(at, last)
    for _ in range(11):  # a request id has no more digits and sign than this
        moving = a[at] != 0
        if not moving.any():
            break
        at = np.minimum(at + moving, last)
    kinds = a[np.minimum(at + 1, last)].astype(np.int32) - 48
    single = a[np.minimum(at + 2, last)] == 0
    return KINDS_BASE + np.where(single & (kinds > 0) & (kinds <= 9), kinds, 0)


def control_frames(data: bytes, starts: Numbers, keys: Keys | None = None) -> list[int]:
    """Return which frames steer a session: those not of the masses, and answers of history.

    `keys` are the frames' `message_keys`; with few frames it is quicker to do without.
    """
    if keys is not None:
        return np.flatnonzero(_IS_CONTROL[keys]).tolist()
    heads = [data[start + 4 : start + 8].partition(b"\0")[0] for start in starts[:-1].tolist()]
    return [frame for frame, head in enumerate(heads) if head not in _MASS_HEADS]


_PAST_IDS = {key for key, shape in SHAPES.items() if shape.repeat is not None}
# By key; the last place stands for -1.
_IS_CONTROL = np.ones(KINDS_BASE + 11, np.bool_)
_IS_CONTROL[[*(SHAPES.keys() - _PAST_IDS), KINDS_BASE]] = False
_MASS_HEADS = frozenset(str(number).encode() for number in MASS_IDS - _PAST_IDS)
