"""Marks: of each instrument the newest price that a lake has as of a moment, and where it is from."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from capture.query.answer import Answer
from capture.risk.valuation import mark

Ask = Callable[[str, dict[str, Any]], Answer]  # the `sql` of a lake

LOOKBACK = timedelta(days=8)  # a price may be of before a long weekend

# Newest values of an instrument: those of quotes and trades, and of level 1 each by its name, live or delayed.
_NEWEST = """
select instrument_id, 'quote' as source, epoch_us(max(ts)) as ts_us, arg_max(bid_price, ts) as bid,
    arg_max(ask_price, ts) as ask, null as price
from quotes where list_contains($ids, instrument_id) and ts <= $at and ts > $since group by all
union all by name
select instrument_id, 'last' as source, epoch_us(max(ts)) as ts_us, arg_max(price, ts) as price
from trades where list_contains($ids, instrument_id) and ts <= $at and ts > $since and price is not null group by all
union all by name
select instrument_id, lower(replace(tick_name, 'DELAYED_', '')) as source, epoch_us(max(ts)) as ts_us,
    arg_max(price, ts) as price
from ticks where list_contains($ids, instrument_id) and ts <= $at and ts > $since and price is not null
    and replace(tick_name, 'DELAYED_', '') in ('BID', 'ASK', 'LAST', 'CLOSE')
group by instrument_id, 2
"""


class Mark(NamedTuple):
    """A price in quote units, when it was heard (microseconds since 1970), and what it is: mid, last, close, …"""

    price: float
    ts_us: int
    source: str


def marks(ask: Ask, ids: Collection[int], at: datetime) -> dict[int, Mark]:
    """Return the mark of each instrument that has one: the middle of its newest quote, else its last trade, else close.

    Nothing older than eight days counts.
    """
    rows = ask(_NEWEST, {"ids": sorted(ids), "at": at, "since": at - LOOKBACK}).arrow().to_pylist()
    by_id: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        by_id.setdefault(row["instrument_id"], []).append(row)
    found = {instrument_id: _mark(of_one) for instrument_id, of_one in by_id.items()}
    return {instrument_id: one for instrument_id, one in found.items() if one is not None}


def newer(one: Mark | None, other: Mark | None) -> Mark | None:
    """Return the newer of two marks."""
    return max((each for each in (one, other) if each is not None), key=lambda each: each.ts_us, default=None)


def _mark(rows: list[dict[str, Any]]) -> Mark | None:
    by_source = {row["source"]: row for row in sorted(rows, key=lambda row: row["ts_us"])}
    sides = [row for row in (_quote(by_source), _level1(by_source)) if row]
    newest = max(sides, key=lambda row: row["ts_us"], default={"bid": None, "ask": None, "ts_us": 0})
    last, close = (by_source.get(name, {"price": None, "ts_us": 0}) for name in ("last", "close"))
    price, source = mark(newest["bid"], newest["ask"], last["price"], close["price"])
    if price is None:
        return None
    of: dict[str, dict[str, Any]] = {"mid": newest, "last": last, "close": close}
    return Mark(price, of[source]["ts_us"], source)


def _quote(by_source: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    return by_source.get("quote")


def _level1(by_source: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    if "bid" not in by_source or "ask" not in by_source:
        return None
    bid, ask = by_source["bid"], by_source["ask"]
    return {"bid": bid["price"], "ask": ask["price"], "ts_us": min(bid["ts_us"], ask["ts_us"])}
