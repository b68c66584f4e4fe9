"""When an instrument's market was not recorded, or did not trade: gaps of its streams, and halts."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from capture.gateway.feed import Break
from capture.lake.sql_text import NEWEST_GAPS
from capture.wire.messages.absent import HALTS

from .catalog import FOREVER_US, Catalog
from .store import Store

STREAMS = (("quotes", "ticks"), ("all_last", "last", "ticks"))  # of each the first that was recorded is the market
# Gaps begin at IB's time of a stream's last row, which came `lag_s` later. What history restored is no gap.
_GAPS = f"""
select instrument_id, recorder, stream, epoch_us(to_ts) as to_us,
    epoch_us(from_ts + to_microseconds((coalesce(lag_s, 0) * 1e6)::bigint)) + 1 as from_us
from {NEWEST_GAPS} where state <> 'backfilled' and instrument_id is not null order by from_ts
"""
_HALTS = f"""
select instrument_id, recorder, epoch_us(ts) as ts_us, coalesce(value, 0) > 0 as is_halted
from ticks where tick_type in ({", ".join(map(str, sorted(HALTS)))}) order by ts, seq, "row"
"""
Span = tuple[int, int]


class Breaks:
    """Knows when a recorded market was not seen or did not trade."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog
        self.forget()

    def forget(self) -> None:
        """Look anew when it is asked next: something came."""
        self._gaps: dict[tuple[int, str, str], list[Span]] | None = None  # instrument, recorder, stream
        self._halts: dict[tuple[int, str], list[Span]] = {}

    def of(self, con_id: int, from_us: int, to_us: int) -> Sequence[Break]:
        """Return the breaks of an instrument of which a part is in a range."""
        if self._gaps is None:
            self._gaps, self._halts = self._find_gaps(), self._find_halts()
        gaps, recorders = [], set()
        for names in STREAMS:
            series = next(filter(None, (self._catalog.series(con_id, name) for name in names)), None)
            if series is not None:
                recorders.add(series.recorder)
                gaps += [span for stream in series.streams
                         for span in self._gaps.get((con_id, series.recorder, stream), ())]  # fmt: skip
        halts = [span for recorder in sorted(recorders) for span in self._halts.get((con_id, recorder), ())]
        found = [Break(*span, is_halt) for spans, is_halt in ((gaps, False), (halts, True)) for span in _joined(spans)]
        return sorted(one for one in found if one.from_us < to_us and one.to_us > from_us)

    def _find_gaps(self) -> dict[tuple[int, str, str], list[Span]]:
        found = defaultdict(list)
        for row in self._store.query(_GAPS).to_pylist():
            end_us = FOREVER_US if row["to_us"] is None else row["to_us"]
            found[row["instrument_id"], row["recorder"], row["stream"]].append((row["from_us"], end_us))
        return dict(found)

    def _find_halts(self) -> dict[tuple[int, str], list[Span]]:
        found = defaultdict(list)
        begun: dict[tuple[int, str], int] = {}
        for row in self._store.query(_HALTS).to_pylist():
            key = row["instrument_id"], row["recorder"]
            if row["is_halted"]:
                begun.setdefault(key, row["ts_us"])
            elif key in begun:
                found[key].append((begun.pop(key), row["ts_us"]))
        for key, from_us in begun.items():
            found[key].append((from_us, FOREVER_US))
        return dict(found)


def _joined(spans: Sequence[Span]) -> Iterator[Span]:
    """Yield spans in order, those that overlap as one."""
    last: Span | None = None
    for from_us, to_us in sorted(span for span in spans if span[0] < span[1]):
        if last is not None and from_us <= last[1]:
            last = last[0], max(last[1], to_us)
            continue
        if last is not None:
            yield last
        last = from_us, to_us
    if last is not None:
        yield last
