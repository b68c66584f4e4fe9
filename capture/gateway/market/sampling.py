"""The state of an instrument at chosen moments: its quote, and what the day's trades add up to."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from capture.times import DAY_S, DAY_US, MINUTE_US, SECOND_US

from .blocks import Blocks, Columns, Quotes, Trades
from .instruments import INSTRUMENTS
from .noise import Floats, Ints, Words, draw, field, key
from .rows import prices, sizes
from .statistics import Days, Statistics
from .universe import Instrument

SAMPLING_US = {"CASH": 100_000, "OPT": 100_000}  # IB documents 100 ms for US options and 5 ms for FX
USUAL_SAMPLING_US = 250_000
YEAR_DAYS = 52 * 7
NO_TRADE = -1  # price of a day without trades


@dataclass(frozen=True)
class Totals(Columns):
    """Statistics of the day at moments: as in Statistics, one column each."""

    volume: Ints
    value: Ints
    count: Ints
    opened: Ints
    high: Ints
    low: Ints
    last: Ints
    last_size: Ints
    last_us: Ints
    last_word: Words


@dataclass(frozen=True)
class Sampled:
    """An instrument at `points`, each after everything before it. Where there is no price or size: NaN."""

    days: Days
    instrument: Instrument
    points: Ints
    quotes: Quotes
    totals: Totals

    def price(self, ticks: Ints) -> Floats:
        """Return prices."""
        return np.where(ticks > 0, prices(self.instrument, ticks), np.nan)

    def traded(self, size: Ints) -> Floats:
        """Return sizes that come from trades: none before the first trade, or of an index."""
        known = (self.totals.count > 0) & (not self.instrument.style.prints_only)
        return np.where(known, sizes(self.instrument, size), np.nan)

    def quoted(self, values: Floats) -> Floats:
        """Return prices or sizes that come from quotes: none of an index."""
        return np.full(len(values), np.nan) if self.instrument.style.prints_only else values

    def close(self) -> Floats:
        """Return the price at which the day began: where the one before it ended."""
        con_id = self.instrument.con_id

        def at_start(at_us: int) -> float:
            return float(self.days.prices_at(con_id, self.days.start_us(con_id, at_us) // SECOND_US, 1)[0])

        return self.per(self.days.day(con_id, self.points), at_start)

    def extreme(self, weeks: int, of: Callable[[Floats], float]) -> Floats:
        """Return the lowest (np.min) or highest (np.max) midnight price of the weeks before each point's date."""
        con_id = self.instrument.con_id

        def of_weeks(at_us: int) -> float:
            return of(self.days.prices_at(con_id, at_us // DAY_US * DAY_S, YEAR_DAYS)[: 7 * weeks])

        return self.per(self.points // DAY_US, of_weeks)

    def recent(self, minutes: int) -> tuple[Floats, Floats]:
        """Return volume and number of trades of the whole minutes before each point."""

        def past(at_us: int) -> Statistics:
            to_us = at_us // MINUTE_US * MINUTE_US
            return self.days.between(self.instrument.con_id, to_us - minutes * MINUTE_US, to_us)

        lots, numbers = self.instrument.style.lots, self.points // MINUTE_US
        return (
            self.per(numbers, lambda at_us: past(at_us).volume / lots),
            self.per(numbers, lambda at_us: float(past(at_us).count)),
        )

    def steady(self, name: str, period_us: int) -> Floats:
        """Return random numbers from 0 to 1 that stay for a period."""
        words = draw(key(self.days.seed, self.instrument.con_id, name), self.points // period_us)
        return field(words, 0) / 4096

    def per(self, labels: Ints, of: Callable[[int], float]) -> Floats:
        """Return what `of` says of the first point of each label, for all its points."""
        _, first, place = np.unique(labels, return_index=True, return_inverse=True)
        return np.array([of(int(self.points[at])) for at in first])[place]


def sampling_points(instrument: Instrument, from_us: int, to_us: int, first: bool) -> Ints:
    """Return the moments in [from, to) at which IB samples, after one to compare with: the sample before.

    With `first` there is nothing to compare with, and the range's start comes first.
    """
    step_us = SAMPLING_US.get(instrument.sec_type, USUAL_SAMPLING_US)
    start_us = -(-from_us // step_us) * step_us
    points = np.arange(start_us, to_us, step_us)
    if first:
        return np.unique(np.concatenate([[from_us], points]))
    return np.concatenate([[start_us - step_us], points]) if len(points) else points


def sample(blocks: Blocks, days: Days, con_id: int, points: Ints) -> Sampled | None:
    """Return the state at some moments, in order, without those before the first quote; None when none is left."""
    if not len(points):
        return None
    before = blocks.quote_before(con_id, int(points[0]))
    quotes = Quotes.joined([before, blocks.events(con_id, int(points[0]), int(points[-1]))[0]])
    place = np.searchsorted(quotes.ts_us, points) - 1
    points, place = points[place >= 0], place[place >= 0]
    if not len(points):
        return None
    starts = np.flatnonzero(np.diff(days.day(con_id, points), prepend=-1))
    totals = [_running(blocks, days, con_id, part) for part in np.split(points, starts) if len(part)]
    return Sampled(days, INSTRUMENTS[con_id], points, quotes.pick(place), Totals.joined(totals))


def _running(blocks: Blocks, days: Days, con_id: int, points: Ints) -> Totals:
    """Return the day's statistics at points of one day."""
    before = days.until(con_id, int(points[0]))
    _, trades = blocks.events(con_id, int(points[0]), int(points[-1]))
    done = np.searchsorted(trades.ts_us, points)
    last = Trades.joined([_one(before), trades]).pick(done)
    price = trades.price
    low = np.minimum.accumulate(np.concatenate([[before.low if before.count else np.iinfo(np.int64).max], price]))
    count = before.count + done
    opened = before.opened if before.count or not len(price) else int(price[0])
    return Totals(
        points,
        volume=np.cumsum(np.concatenate([[before.volume], trades.size]))[done],
        value=np.cumsum(np.concatenate([[before.value], trades.size * price]))[done],
        count=count,
        opened=np.where(count > 0, opened, NO_TRADE),
        high=np.maximum.accumulate(np.concatenate([[before.high], price]))[done],
        low=np.where(count > 0, low[done], NO_TRADE),
        last=last.price,
        last_size=last.size,
        last_us=last.ts_us,
        last_word=last.word,
    )


def _one(before: Statistics) -> Trades:
    """Return the last trade of some statistics as a row."""
    ts_us, price, size = (np.array([value]) for value in (before.last_us, before.last, before.last_size))
    return Trades(ts_us, price, size, np.array([before.last_word], np.uint64))
