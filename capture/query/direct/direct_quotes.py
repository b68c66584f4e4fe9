"""Trades beside the quote they met, without SQL: what the research function `trades_with_quotes` gives."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from capture.functions import FUNCTIONS
from capture.schemas import TIMESTAMP

from .columns import NOTHING, Array, Columns, Floats, Integers, Mask, in_order, ranks
from .missing_time import Spans

TYPES = {"symbol": pa.string(), "instrument_id": pa.int64(), "ts": TIMESTAMP, "exchange": pa.string(),
         "conditions": pa.string(), "side": pa.string(), "side_by": pa.string(), "stale": pa.bool_(), "seq": pa.int64(),
         "row": pa.int32(), "recorder": pa.string()}  # fmt: skip
SCHEMA = pa.schema([(name, TYPES.get(name, pa.float64())) for name, _ in FUNCTIONS["trades_with_quotes"].returns])
PRICES = ("bid_price", "ask_price", "bid_size", "ask_size")
EVEN = 0.5e-9  # a price nearer to the mid than this is at it


def with_quotes(trades: Columns, quotes: Columns, missing: Spans, *, by_event: bool) -> pa.Table:
    """Return trades, each once, in order of symbol and time, beside the quotes of the same recorder.

    `missing` are the spans of which quotes were missed. `by_event`: times are IB's own, where it sent any.
    """
    symbols = ranks(trades.words["symbol"])[trades["symbol"]]
    told = _told(trades, by_event=by_event)
    order = in_order((symbols, trades["instrument_id"], told, trades["seq"], trades["row"]))
    trades, told, symbols = trades.where(order), told[order], symbols[order]
    quotes_told = _told(quotes, by_event=by_event)
    met = np.full(len(trades), -1)
    again = np.full(len(trades), NOTHING)
    for instrument_id in np.unique(trades["instrument_id"]).tolist():
        mine = trades["instrument_id"] == instrument_id
        for code in np.unique(trades["recorder"][mine]).tolist():
            places = np.flatnonzero(mine & (trades["recorder"] == code))
            name = trades.words["recorder"][code]
            theirs = np.flatnonzero((quotes["instrument_id"] == instrument_id)
                                    & (quotes["recorder"] == quotes.code("recorder", name)))
            met[places] = _before(trades, places, told, quotes, theirs, quotes_told)
        again[mine] = _again(told[mine], missing.get(instrument_id, []))
    stale = (met >= 0) & (again > quotes["ts"][met] if len(quotes) else False)
    return _table(trades, told, symbols, _Met(quotes, quotes_told, met, stale))


class _Met:
    """The quote that each trade met, by its place, -1 for none; a `stale` one counts for its age alone."""

    def __init__(self, quotes: Columns, told: Integers, met: Integers, stale: Mask) -> None:
        self._quotes, self._told, self._met, self.stale = quotes, told, met, stale
        self._counts = (met >= 0) & ~stale

    def price(self, name: str) -> Floats:
        """Return a column of the quotes, nan where none counts."""
        found = np.full(len(self._met), np.nan)
        found[self._counts] = self._quotes[name][self._met[self._counts]]
        return found

    def age_s(self, told: Integers) -> Floats:
        """Return how many seconds before each time the quote was, nan where there is none."""
        found = np.full(len(self._met), np.nan)
        some = self._met >= 0
        found[some] = told[some] / 1e6 - self._told[self._met[some]] / 1e6
        return found


def _told(rows: Columns, *, by_event: bool) -> Integers:
    times: Integers = rows["ts"]
    return np.where(rows["ts_event"] == NOTHING, times, rows["ts_event"]) if by_event else times


def _before(
    trades: Columns, places: Array, told: Integers, quotes: Columns, theirs: Array, quotes_told: Integers
) -> Integers:
    """Return for some trades of a recorder which of its quotes was the last before each; -1 for none."""
    theirs = theirs[in_order((quotes_told[theirs], quotes["seq"][theirs], quotes["row"][theirs]))]
    times, seqs, rows = quotes_told[theirs], quotes["seq"][theirs], quotes["row"][theirs]
    at, seq, row = told[places], trades["seq"][places], trades["row"][places]
    found = np.searchsorted(times, at, side="right") - 1
    while len(theirs):  # what came in one read has one time: the order is that of the frames
        last = np.maximum(found, 0)
        behind = (found >= 0) & (times[last] == at) & (
            (seqs[last] > seq) | ((seqs[last] == seq) & (rows[last] > row)))
        if not behind.any():
            break
        found[behind] -= 1
    return np.where(found >= 0, theirs[np.maximum(found, 0)], -1) if len(theirs) else found


def _again(told: Integers, spans: list[tuple[int, int]]) -> Integers:
    """Return for each time when quotes came again after the last span that had begun by then; NOTHING for none."""
    if not spans:
        return np.full(len(told), NOTHING)
    begins, ends = np.array(spans, np.int64).T
    found = np.searchsorted(begins, told, side="right") - 1
    return np.where(found >= 0, ends[np.maximum(found, 0)], NOTHING)


def _table(trades: Columns, told: Integers, symbols: Integers, met: _Met) -> pa.Table:
    quote = {name: met.price(name) for name in PRICES}
    price = trades["price"]
    mid = (quote["bid_price"] + quote["ask_price"]) / 2
    by_quote = np.where(np.abs(price - mid) * 1e9 >= EVEN * 1e9, np.sign(price - mid), 0.0)  # nan is none either
    by_tick = _by_tick(price, (symbols, trades["instrument_id"]))
    side = np.where(by_quote != 0, by_quote, by_tick)
    numbers: Mapping[str, Floats] = {
        **quote, "price": price, "size": trades["size"], "mid": mid, "spread": quote["ask_price"] - quote["bid_price"],
        "effective_spread": 2 * np.abs(price - mid), "quote_age_s": met.age_s(told)}
    everything = np.arange(len(trades))
    columns: dict[str, pa.Array] = {name: pa.array(values, mask=np.isnan(values)) for name, values in numbers.items()}
    columns |= {name: trades.texts(name, everything) for name in ("symbol", "exchange", "conditions", "recorder")}
    columns |= {name: pa.array(trades[name]).cast(SCHEMA.field(name).type)
                for name in ("instrument_id", "ts", "seq", "row")}
    columns |= {"stale": pa.array(met.stale), "side": _words(side, ("sell", "buy")),
                "side_by": _words(np.where(by_quote != 0, 1.0, -np.abs(by_tick)), ("tick", "quote"))}
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _by_tick(price: Floats, keys: tuple[Array, Array]) -> Floats:
    """Return the sign of the last change of price up to each trade, of the same instrument; 0 where there was none."""
    steps = np.zeros(len(price))
    firsts = np.ones(len(price), bool)
    firsts[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    steps[1:] = np.sign(price[1:] - price[:-1])
    steps[firsts] = 0.0
    begin = np.maximum.accumulate(np.where(firsts, np.arange(len(price)), 0)) if len(price) else np.zeros(0, int)
    last = np.maximum.accumulate(np.where(steps != 0, np.arange(len(price)), -1)) if len(price) else begin
    return np.where(last >= begin, steps[np.maximum(last, 0)], 0.0) if len(price) else steps


def _words(signs: Floats, words: tuple[str, str]) -> pa.Array:
    """Return one word for signs below 0, another for those above, null for 0."""
    return pa.array(words).take(pa.array(signs > 0, mask=signs == 0).cast(pa.int32()))
