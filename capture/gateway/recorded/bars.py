"""Bars of recorded instruments: as IB made them where that was recorded, else made of what was."""

from bisect import bisect_right
from datetime import UTC, datetime
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.gateway import bar_streams
from capture.gateway.feed import fed_what
from capture.gateway.subscription import with_column
from capture.schemas import BARS
from capture.times import DAY_S, DAY_US, MINUTE_S, SECOND_US
from capture.wire.zones import exchange_zone

from .catalog import Catalog
from .contracts import Contracts
from .fine_bars import SLACK_US, Fine, FineBars, slack
from .lagging import LAGGED_US, ON_TIME_US, RECENT_US, sent_us
from .store import Bars, Series, Store, empty

WEEK_S, MONTH_S = 7 * DAY_S, 28 * DAY_S
QUARTER_S = 900  # sessions begin and end at quarters of an hour
CLOSED_S = bar_streams.CLOSED_S
DIGITS = 8  # of averages
COLUMNS = ("ts", "ts_event", "what", "open", "high", "low", "close", "volume", "wap", "trade_count")

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class BarMaker:
    """Bars as clients ask for them. Bars of TRADES are made of every recorded trade."""

    def __init__(self, store: Store, catalog: Catalog, contracts: Contracts) -> None:
        self._store, self._catalog, self._contracts = store, catalog, contracts
        self._fine = FineBars(store, catalog)
        self.forget = self._fine.forget

    def offers(self, con_id: int) -> bool:
        """Return whether there are bars of an instrument, of whatever kind."""
        for kind in self._catalog.bar_kinds(con_id):
            if kind.size_s == CLOSED_S and (series := self._catalog.bar_series(con_id, kind, ("bars",))) is not None:
                self._store.expect(series)
        return bool(self._catalog.bar_kinds(con_id)) or any(
            self._fine.offers(con_id, what) for what in ("TRADES", "MIDPOINT"))

    def bars(
        self, con_id: int, from_us: int, to_us: int, bar_size_s: int, what: str, regular_hours: bool, known_us: int
    ) -> pa.Table:
        """Return the bars that start in a range: recorded ones, and between them those made, known by a moment."""
        what = "TRADES" if what == "ADJUSTED_LAST" else what
        made = self._made(con_id, from_us, to_us, bar_size_s, what, regular_hours, known_us)
        for kind in self._kinds(con_id, bar_size_s, what, regular_hours):
            series = self._catalog.bar_series(con_id, kind)
            if series is not None:
                made = _joined(made, self._recorded(series, from_us, to_us, known_us))
        return made

    def closed_bars(self, con_id: int, from_us: int, to_us: int, what: str, regular_hours: bool) -> pa.Table:
        """Return the 5-second bars that are sent in a range."""
        series = self._streamed(con_id, CLOSED_S, what, regular_hours, ("bars",))
        if series is None:
            return self._made_closed(con_id, from_us, to_us, what, regular_hours)
        rows = self._store.rows(series, from_us, to_us)
        if series.bars is None or series.bars.regular_hours == regular_hours:
            return rows
        return rows.filter(pa.array(self._is_liquid(con_id, _times_us(rows, "ts_event"), to_us)))

    def bar_updates(
        self, con_id: int, from_us: int, to_us: int, bar_size_s: int, what: str, regular_hours: bool
    ) -> pa.Table:
        """Return the states of bars in the making that are sent in a range."""
        series = self._streamed(con_id, bar_size_s, what, regular_hours, ("live_bars",))
        if series is not None and series.bars is not None and series.bars.regular_hours == regular_hours:
            return self._store.rows(series, from_us, to_us)
        begin_us = (from_us - 1) // (bar_size_s * SECOND_US) * bar_size_s * SECOND_US
        if bar_size_s < DAY_S and self._is_silent(con_id, begin_us, to_us, bar_size_s, what, regular_hours):
            return bar_streams.EMPTY

        def bars_of(first_us: int, last_us: int, known_us: int) -> pa.Table:
            return self.bars(con_id, first_us, last_us, bar_size_s, what, regular_hours, known_us)

        return bar_streams.bar_updates(bars_of, from_us, to_us, bar_size_s)

    # Recorded

    def _kinds(self, con_id: int, size_s: int, what: str, regular_hours: bool) -> list[Bars]:
        wanted = (size_s, what, regular_hours)
        return [kind for kind in self._catalog.bar_kinds(con_id)
                if (kind.size_s, fed_what(kind.what), kind.regular_hours) == wanted]  # fmt: skip

    def _is_silent(
        self, con_id: int, from_us: int, to_us: int, size_s: int, what: str, regular_hours: bool
    ) -> bool:
        """Return whether nothing came that a bar could be made of: silences of many bars are passed over."""
        kinds = self._kinds(con_id, size_s, what, regular_hours)
        found = (self._fine.series(con_id, what), *(self._catalog.bar_series(con_id, kind) for kind in kinds))
        return not any(len(self._store.rows(series, from_us - SLACK_US, to_us)) for series in found
                       if series is not None)  # fmt: skip

    def _streamed(
        self, con_id: int, size_s: int, what: str, regular_hours: bool, streams: tuple[str, ...]
    ) -> Series | None:
        """Return a recorded stream of bars, also one of all hours where regular ones are asked for."""

        def find() -> Series | None:
            kinds = [kind for hours in (regular_hours, False) for kind in self._kinds(con_id, size_s, what, hours)]
            found = (self._catalog.bar_series(con_id, kind, streams) for kind in kinds)
            return next((series for series in found if series is not None), None)

        return self._catalog.remembered(("streamed", con_id, size_s, what, regular_hours, streams), find)

    def _recorded(self, series: Series, from_us: int, to_us: int, known_us: int) -> pa.Table:
        """Return the newest state of each recorded bar that was known by a moment."""
        assert series.bars is not None
        size_us = series.bars.size_s * SECOND_US
        slack_us = slack(self._store, "bars", from_us, to_us)
        rows = self._store.rows(series, from_us, max(min(to_us + size_us + slack_us, known_us), from_us))
        starts_us = _times_us(rows, "ts_event")
        wanted = (starts_us >= from_us) & (starts_us < to_us) & ~self._is_unfinished(series, rows, starts_us)
        rows, starts_us = rows.filter(pa.array(wanted)), starts_us[wanted]
        newest = np.lexsort((rows["row"].to_numpy(), rows["seq"].to_numpy(), starts_us))
        last = newest[np.append(starts_us[newest][1:] != starts_us[newest][:-1], True)[: len(newest)]]
        found = rows.take(pa.array(last))
        return _plain(with_column(found, "ts", found["ts_event"]))

    def _is_unfinished(self, series: Series, rows: pa.Table, starts_us: Numbers) -> Flags:
        """Return which bars of IB's history were in the making when they were asked for."""
        assert series.bars is not None
        starts = self._catalog.starts(series)
        if not starts:
            return np.zeros(len(rows), np.bool_)
        asked = np.searchsorted([start.seq for start in starts], rows["seq"].to_numpy(), "right") - 1
        asked_us = np.array([start.ts_us for start in starts])[asked]
        of_history: Flags = pc.equal(rows["form"], "history").to_numpy()
        unfinished: Flags = of_history & (starts_us + series.bars.size_s * SECOND_US > asked_us)
        return unfinished

    # Made

    def _made(
        self, con_id: int, from_us: int, to_us: int, size_s: int, what: str, regular_hours: bool, known_us: int
    ) -> pa.Table:
        fine = self._fine.bars(con_id, from_us, to_us, min(size_s, MINUTE_S), what, known_us)
        if regular_hours:
            fine = fine.pick(self._is_liquid(con_id, fine.start_us, known_us))
        numbers = self._numbers(con_id, fine.start_us, size_s, known_us)
        begun = self._numbers(con_id, np.array([from_us - 1]), size_s, known_us)
        whole = numbers != begun
        fine, numbers = fine.pick(whole), numbers[whole]
        dates_us = self._dates(con_id, fine.start_us, known_us) * DAY_US if size_s >= DAY_S else fine.start_us
        size_us = size_s * SECOND_US
        merged = fine.merged(
            numbers, lambda first: dates_us[first] if size_s >= DAY_S else numbers[first] * size_us)
        return _table(merged, what)

    def _made_closed(self, con_id: int, from_us: int, to_us: int, what: str, regular_hours: bool) -> pa.Table:
        """Return the 5-second bars made of ticks, each of what had come when it was sent."""
        size_us = CLOSED_S * SECOND_US
        late_us = self._late_us(con_id, what, from_us, to_us)
        first_us = -(-(from_us - max(ON_TIME_US, late_us)) // size_us) * size_us
        if self._is_silent(con_id, first_us - size_us, to_us, CLOSED_S, what, regular_hours):
            return _plain(empty("bars"))
        ends_us = np.arange(first_us, to_us - ON_TIME_US, size_us)
        times_us = self._sent_us(con_id, what, ends_us, to_us) if late_us else ends_us + ON_TIME_US
        there = (times_us >= from_us) & (times_us < to_us)
        bars = [(at_us, self.bars(con_id, end_us - size_us, end_us, CLOSED_S, what, regular_hours, at_us))
                for end_us, at_us in zip(ends_us[there].tolist(), times_us[there].tolist(), strict=True)]  # fmt: skip
        rows = pa.concat_tables([_plain(empty("bars")), *(made for _, made in bars)])
        return with_column(rows, "ts", pa.array([at_us for at_us, made in bars for _ in range(len(made))], pa.int64()))

    def _late_us(self, con_id: int, what: str, from_us: int, to_us: int) -> int:
        """Return how late after its end a bar may be sent at the most, 0 where nothing lagged."""
        series = self._fine.series(con_id, what)
        if series is None or series.bars is not None or series.by_event:
            return 0
        late_us = self._store.late_us(series.table, from_us, to_us)
        return late_us + RECENT_US if late_us > LAGGED_US else 0

    def _sent_us(self, con_id: int, what: str, ends_us: Numbers, to_us: int) -> Numbers:
        series = self._fine.series(con_id, what)
        assert series is not None
        rows = self._store.rows(series, int(ends_us[0]) - RECENT_US, to_us) if len(ends_us) else empty(series.table)
        return sent_us(ends_us, CLOSED_S * SECOND_US, _times_us(rows, "ts"), _times_us(rows, "ts_event"))

    def _numbers(self, con_id: int, starts_us: Numbers, size_s: int, known_us: int) -> Numbers:
        """Return the number of the bar each moment falls into: by the clock, or by trading days, weeks and months."""
        if size_s < DAY_S:
            return starts_us // (size_s * SECOND_US)
        dates = self._dates(con_id, starts_us, known_us)
        if size_s >= MONTH_S:
            return dates.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        return (dates + 3) // 7 if size_s >= WEEK_S else dates  # 1970-01-01 was a Thursday; weeks start on Monday

    def _dates(self, con_id: int, starts_us: Numbers, known_us: int) -> Numbers:
        """Return days since 1970 of the trading date of each moment: that on which its session ends, or its own."""
        details = self._contracts.at(con_id, known_us)
        zone = exchange_zone(details["time_zone_id"] if details else None) or UTC
        spans = sorted({span for hours in self._contracts.hours(con_id, known_us) for span in hours.trading})
        begins = [begin for begin, _ in spans]

        def local_day(at_s: float) -> int:
            return (datetime.fromtimestamp(at_s, zone).date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days

        @cache
        def date_of(quarter: int) -> int:
            at_s = float(quarter * QUARTER_S)
            place = bisect_right(begins, at_s) - 1
            inside = place >= 0 and at_s < spans[place][1] and spans[place][1] - spans[place][0] <= DAY_S
            return local_day(spans[place][1] - 1 if inside else at_s)

        return np.array([date_of(quarter) for quarter in (starts_us // (QUARTER_S * SECOND_US)).tolist()], np.int64)

    def _is_liquid(self, con_id: int, starts_us: Numbers, known_us: int) -> Flags:
        """Return which moments are in regular hours; all where the hours are not known."""
        spans = sorted({span for hours in self._contracts.hours(con_id, known_us) for span in hours.liquid})
        if not spans:
            return np.ones(len(starts_us), np.bool_)
        begins, ends = (np.array(edge) * SECOND_US for edge in zip(*spans, strict=True))
        place = np.searchsorted(begins, starts_us, "right") - 1
        within = (place >= 0) & (starts_us < ends[np.maximum(place, 0)])
        liquid: Flags = within | (starts_us < begins[0] - DAY_US) | (starts_us > ends[-1] + DAY_US)
        return liquid


def _table(bars: Fine, what: str) -> pa.Table:
    """Return made bars as rows of the lake's table; those of no trades have no volume."""
    has_trades = what == "TRADES"
    opens, closes = bars.open, bars.close
    if what == "BID_ASK":  # IB: the average bid stands in open, the average ask in close
        opens, closes = (np.round(total / bars.count, DIGITS) for total in (bars.bids, bars.asks))
    with np.errstate(invalid="ignore"):  # bars whose trades had no size have no average
        wap = np.round(bars.value / bars.volume, DIGITS)
    columns = {
        "ts": bars.start_us, "ts_event": bars.start_us, "what": np.full(len(opens), what, object),
        "open": opens, "high": bars.high, "low": bars.low, "close": closes,
        "volume": bars.volume, "wap": wap, "trade_count": bars.count}  # fmt: skip
    absent = () if has_trades else ("volume", "wap", "trade_count")
    arrays = [pa.nulls(len(opens)) if name in absent else pa.array(columns[name], from_pandas=True) for name in COLUMNS]
    return pa.table([array.cast(BARS.column(name).type) for name, array in zip(COLUMNS, arrays, strict=True)],
                    names=list(COLUMNS))  # fmt: skip


def _joined(made: pa.Table, recorded: pa.Table) -> pa.Table:
    """Return recorded bars, and those made that start at other times, in order."""
    others = ~np.isin(_times_us(made, "ts_event"), _times_us(recorded, "ts_event"))
    return pa.concat_tables([made.filter(pa.array(others)), recorded]).sort_by("ts_event")


def _plain(rows: pa.Table) -> pa.Table:
    return rows.select(list(COLUMNS))


def _times_us(rows: pa.Table, name: str) -> Numbers:
    times_us: Numbers = rows[name].cast(pa.int64()).fill_null(-1).to_numpy()
    return times_us
