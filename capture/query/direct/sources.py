"""Each event once, without SQL: the recorder taken of each instrument and date (D91), as `capture.functions` has it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from capture.functions.sql_pieces import HISTORY, STREAMS
from capture.times import DAY_US

from .columns import NO_WORD, NOTHING, Array, Columns, Integers, Mask, changes

Key = tuple[int, int]  # contract id, and the number of the UTC date since 1970
Ends = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Source:
    """The recorder whose rows count of an instrument and date, and when on it `all_last` and restored history began
    and ended, by time of arrival and by IB's own; None for never. Microseconds since 1970.
    """

    recorder: str
    all_us: Ends | None
    event_us: Ends | None
    history_us: Ends | None


def counted(rows: Columns, table: str, recorded_by: str | None) -> Columns:
    """Return the rows that bring a table's events, of a recorder or of all, with a contract id."""
    mask = rows.are("stream", (*STREAMS[table], HISTORY)) & (rows["instrument_id"] != NOTHING)
    if recorded_by is not None:
        mask &= rows["recorder"] == rows.code("recorder", recorded_by)
    return rows.where(mask)


def sources(rows: Columns) -> dict[Key, Source]:
    """Return the recorder to take of each instrument and date, of rows that are `counted`."""
    return {key: _source(rows, places) for key, places in _by_date(rows)}


def taken(rows: Columns, found: dict[Key, Source]) -> Columns:
    """Return the rows of the recorder that is taken of each instrument and date."""
    if len(np.unique(rows["recorder"])) < 2:
        return rows
    mask = np.zeros(len(rows), bool)
    for key, places in _by_date(rows):
        mask[places] = rows["recorder"][places] == rows.code("recorder", found[key].recorder)
    return rows.where(mask)


def without_doubles(rows: Columns, found: dict[Key, Source]) -> Columns:
    """Return trades without those of `last` that came by `all_last` too: of the time in which it was recorded."""
    lasts = rows["stream"] == rows.code("stream", "last")
    if not lasts.any():
        return rows
    mask = np.ones(len(rows), bool)
    for key, places in _by_date(rows):
        mask[places] = ~lasts[places] | _outside(found[key], rows["ts"][places], rows["ts_event"][places])
    return rows.where(mask)


def _outside(source: Source, times: Integers, events: Integers) -> Mask:
    """Return which of some times lie outside of those of `all_last`; IB's own may be NOTHING."""
    if source.all_us is None:
        return np.ones(len(times), bool)
    outside: Mask = (times < source.all_us[0]) | (times > source.all_us[1])
    if source.event_us is not None:
        outside &= (events == NOTHING) | (events < source.event_us[0]) | (events > source.event_us[1])
    return outside


def _source(rows: Columns, places: Array) -> Source:
    recorders, streams = rows["recorder"][places], rows["stream"][places]
    all_last, last = rows.code("stream", "all_last"), rows.code("stream", "last")
    counts = {}
    for code in np.unique(recorders).tolist():
        of = streams[recorders == code]
        several = np.count_nonzero(of == last), np.count_nonzero(of == all_last)
        counts[code] = len(of) - min(several)
    code = min(counts, key=lambda one: (-counts[one], _name(rows, one)))
    mine = recorders == code
    alls, history = (places[mine & (streams == of)] for of in (all_last, rows.code("stream", HISTORY)))
    return Source(_name(rows, code), _ends(rows["ts"][alls]), _ends(rows["ts_event"][alls]),
                  _ends(rows["ts"][history]))


def _name(rows: Columns, code: int) -> str:
    assert code != NO_WORD, "each row has a recorder"
    return rows.words["recorder"][code]


def _ends(times: Integers) -> Ends | None:
    known = times[times != NOTHING]
    return (int(known.min()), int(known.max())) if len(known) else None


def _by_date(rows: Columns) -> Iterator[tuple[Key, Array]]:
    """Yield each instrument and date with the places of its rows."""
    ids, dates = rows["instrument_id"], rows["ts"] // DAY_US
    order = np.arange(len(rows)) if _is_grouped(ids, dates) else np.lexsort((dates, ids))
    ids, dates = ids[order], dates[order]
    bounds = [*np.flatnonzero(changes((ids, dates))).tolist(), len(ids)]
    for first, last in pairwise(bounds):
        yield (int(ids[first]), int(dates[first])), order[first:last]


def _is_grouped(ids: Integers, dates: Integers) -> bool:
    """Return whether the rows are of one instrument, in order of dates."""
    return not len(ids) or bool((ids == ids[0]).all() and (dates[1:] >= dates[:-1]).all())
