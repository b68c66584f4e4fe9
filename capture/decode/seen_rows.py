"""Whose rows came: of each request the first and the last among some frames, which is what gaps begin and end by."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.wire.table_rows import Rows

from .event_time import proven_us
from .gaps import Seen

# Request ids up to this are looked up in an array; they count up from 1 in every session.
MOST_IDS = 1 << 20

Numbers = npt.NDArray[np.int64]


def seen(parts: list[Rows], begin: int, end: int, times_us: Numbers, first_seq: int) -> dict[int, Seen]:
    """Return per request id its first and last row among the frames from `begin` up to `end`.

    `times_us` says when each frame came, `first_seq` is the number of the first of all frames.
    """
    found = [_ends(rows, begin, end, times_us) for rows in parts]
    if not found:
        return {}
    ids, firsts, lasts, first_events, last_events = (np.concatenate(each) for each in zip(*found, strict=True))
    first, last = _least(ids, firsts), _least(ids, -lasts)
    told = zip(ids[first].tolist(), times_us[firsts[first]].tolist(), (first_seq + firsts[first]).tolist(),
               first_events[first].tolist(), times_us[lasts[last]].tolist(), last_events[last].tolist(), strict=True)
    return {request_id: Seen(*of) for request_id, *of in told}


def _ends(rows: Rows, begin: int, end: int, times_us: Numbers) -> tuple[Numbers, ...]:
    """Return the request ids of one part's rows, for each its first and last frame, and up to when these prove it
    whole by IB's time."""
    a, b = np.searchsorted(rows.frames, (begin, end))
    ids, firsts, lasts = edges(rows.columns["request_id"].to_numpy()[a:b])
    places = np.concatenate((firsts, lasts)) + a
    proven = proven_us(_taken(rows, places), times_us)
    return ids, rows.frames[firsts + a], rows.frames[lasts + a], proven[: len(ids)], proven[len(ids) :]


def _taken(rows: Rows, places: Numbers) -> Rows:
    """Return some rows, with what tells IB's time of them."""
    names = {"ts_event", "origin", "bar_size", "form"} & rows.columns.keys()
    taken = {name: rows.columns[name].take(pa.array(places)) for name in names}
    return Rows(rows.table, rows.frames[places], rows.places[places], taken)


def _least(ids: Numbers, numbers: Numbers) -> Numbers:
    """Return the place of each id's least number, in the order of ids."""
    order = np.lexsort((numbers, ids))
    least: Numbers = order[np.diff(ids[order], prepend=-(1 << 40)) != 0]
    return least


def edges(ids: npt.NDArray[np.int32]) -> tuple[Numbers, Numbers, Numbers]:
    """Return the distinct ids, and the first and the last place of each."""
    distinct: npt.NDArray[Any]
    codes: npt.NDArray[Any]
    if not len(ids) or ids.min() < 0 or ids.max() >= MOST_IDS:
        distinct, codes = np.unique(ids, return_inverse=True)
    else:
        distinct, codes = np.arange(int(ids.max()) + 1), ids.astype(np.int64)
    firsts = np.full(len(distinct), -1, np.int64)
    lasts = firsts.copy()
    # Of equal indices the last assignment stays: forwards that is the last frame, backwards the first.
    places = np.arange(len(ids))
    lasts[codes] = places
    firsts[codes[::-1]] = places[::-1]
    there = lasts >= 0
    return distinct[there].astype(np.int64), firsts[there], lasts[there]
