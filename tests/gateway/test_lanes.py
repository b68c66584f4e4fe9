"""What of a feed is the market that orders meet: in order, in time, and as far as it was recorded."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from capture.gateway.broker.interest import Interest
from capture.gateway.feed import Break
from capture.gateway.passage.lanes import BACK, BREAK, QUOTE, TRADE, load
from capture.schemas import QUOTES, TRADES, Table

S = 1_000_000
BEGIN_US = 1_000 * S


def rows(table: Table, found: list[dict[str, Any]]) -> pa.Table:
    """Rows of a table with these fields, the others null."""
    fields = pa.schema([field.with_nullable(True) for field in table.schema])
    return pa.Table.from_pylist([{field.name: one.get(field.name) for field in fields} for one in found], fields)


class Fed:
    """A feed of one instrument, of given rows. Places in the recording count up as they are given."""

    def __init__(self, quotes: list[dict[str, Any]], trades: list[dict[str, Any]], offered: tuple[str, ...],
                 breaks: tuple[Break, ...] = ()) -> None:  # fmt: skip
        self._quotes, self._trades, self._offered, self._breaks = quotes, trades, offered, breaks

    def offers(self, _con_id: int, stream: str) -> bool:
        return stream in self._offered

    def quotes(self, _con_id: int, from_us: int, to_us: int) -> pa.Table:
        return rows(QUOTES, [one for one in self._quotes if from_us <= one["ts"] < to_us])

    def trades(self, _con_id: int, from_us: int, to_us: int, _reported_only: bool = False) -> pa.Table:
        return rows(TRADES, [one for one in self._trades if from_us <= one["ts"] < to_us])

    def breaks(self, _con_id: int, from_us: int, to_us: int) -> list[Break]:
        return [one for one in self._breaks if one.from_us < to_us and one.to_us > from_us]


def quote(at_s: float, bid: float, seq: int = 0, late_s: float = 0.0, **more: Any) -> dict[str, Any]:
    at_us = BEGIN_US + round(at_s * S)
    return {"ts": at_us, "ts_event": at_us - round(late_s * S), "seq": seq, "row": 0, "bid_price": bid,
            "bid_size": 5.0, "ask_price": bid + 1, "ask_size": 5.0} | more  # fmt: skip


def trade(at_s: float, price: float | None, seq: int = 0, late_s: float = 0.0, **more: Any) -> dict[str, Any]:
    at_us = BEGIN_US + round(at_s * S)
    return {"ts": at_us, "ts_event": at_us - round(late_s * S), "seq": seq, "row": 0, "price": price, "size": 2.0,
            "exchange": "ARCA"} | more  # fmt: skip


def lane(quotes: list[dict[str, Any]], trades: list[dict[str, Any]], offered: tuple[str, ...] = ("quotes", "all_last"),
         breaks: tuple[Break, ...] = (), stale_us: int = 5 * S) -> Any:  # fmt: skip
    return load(Fed(quotes, trades, offered, breaks), 1, BEGIN_US, BEGIN_US + 60 * S, stale_us)  # type: ignore[arg-type]


def bids(found: Any) -> list[float]:
    return [found.quote(int(row)).bid for kind, row in zip(found.kinds, found.rows, strict=True) if kind == QUOTE]


def prices(found: Any) -> list[float]:
    return [found.trade(int(row)).price for kind, row in zip(found.kinds, found.rows, strict=True) if kind == TRADE]


@pytest.mark.parametrize(("late_s", "stale_s", "comes"), [
    (5.0, 5, True), (5.1, 5, False), (60, 0, True), (-9, 5, True)])  # fmt: skip
def test_a_tick_that_comes_late_is_no_part_of_the_market(late_s: float, stale_s: int, comes: bool) -> None:
    found = lane([quote(1, 10.0), quote(2, 11.0, late_s=late_s)], [trade(3, 10.0), trade(4, 9.0, late_s=late_s)],
                 stale_us=stale_s * S)  # fmt: skip
    assert bids(found) == ([10.0, 11.0] if comes else [10.0])
    assert prices(found) == ([10.0, 9.0] if comes else [10.0])


def test_what_has_no_time_of_its_event_is_in_time() -> None:
    assert bids(lane([quote(1, 10.0, ts_event=None)], [])) == [10.0]


def test_trades_that_do_not_move_the_last_price_and_notices_of_halts_are_none() -> None:
    found = lane([], [trade(1, 10.0), trade(2, 4.0, unreported=True), trade(3, None), trade(4, 0.0, size=0.0),
                      trade(5, 11.0, unreported=False), trade(6, 12.0, size=None)])  # fmt: skip
    assert prices(found) == [10.0, 11.0, 12.0] and found.trades[1].tolist() == [2.0, 2.0, 0.0]
    assert found.prices.tolist() == [10.0, 11.0, 12.0]


def test_events_of_one_moment_come_in_the_order_of_the_recording() -> None:
    found = lane([quote(1, 10.0, seq=1), quote(1, 12.0, seq=3)], [trade(1, 11.0, seq=2), trade(1, 13.0, seq=4)])
    assert found.kinds.tolist() == [QUOTE, TRADE, QUOTE, TRADE]
    assert [found.quote(found.quote_before(place)).bid for place in (1, 3)] == [10.0, 12.0]
    assert found.trade(1, found.quote_before(3)).quote.bid == 12.0


def test_what_stood_before_a_stretch_is_known_and_happens_not_again() -> None:
    found = lane([quote(-20, 9.0), quote(5, 10.0)], [trade(-3, 9.5)])
    assert bids(found) == [10.0] and not prices(found) and not len(found.prices)
    assert found.quote_at(BEGIN_US).bid == 9.0 and found.quote_at(BEGIN_US + 6 * S).bid == 10.0
    assert found.trade(found.trade_before(0)).price == 9.5
    assert found.price_at(BEGIN_US + 1) == 9.5 and lane([], [trade(-3, 9.25)]).price_at(BEGIN_US) == 9.25


def test_where_only_trades_were_recorded_each_is_the_quote_and_fills_once() -> None:
    found = lane([], [trade(1, 10.0), trade(2, 11.0)], offered=("all_last",))
    assert found.of_trades_only and found.kinds.tolist() == [QUOTE, TRADE, QUOTE, TRADE]
    shown = found.quote(1)
    assert (shown.bid, shown.bid_size, shown.ask, shown.ask_size) == (11.0, 2.0, 11.0, 2.0)
    assert [found.trade(row, found.quote_before(place)).seller_began for row, place in ((0, 1), (1, 3))] == [None, None]


def test_breaks_begin_and_end_before_what_comes_then_and_nothing_is_seen_over_them() -> None:
    gap = Break(BEGIN_US + 2 * S, BEGIN_US + 4 * S, False)
    found = lane([quote(1, 10.0), quote(4, 11.0)], [], breaks=(gap,))
    assert found.kinds.tolist() == [QUOTE, BREAK, BACK, QUOTE]
    assert found.quote_at(BEGIN_US + 2 * S).bid == 10.0
    assert np.isnan(found.quote_at(BEGIN_US + 3 * S).bid) and np.isnan(found.quote_at(BEGIN_US + 4 * S).bid)
    assert found.quote_at(BEGIN_US + 4 * S + 1).bid == 11.0


@pytest.mark.parametrize(("wanted", "places"), [
    (Interest(), [2]),
    (Interest(quotes=True), [0, 2, 3, 5, 6]),
    (Interest(trades=True), [1, 2, 4]),
    (Interest(ask_to=11.0), [0, 2]),
    (Interest(bid_from=12.0), [2, 5, 6]),
    (Interest(bid_to=10.0), [0, 2, 3]),  # 3 has no bid
    (Interest(ask_from=13.0), [2, 5, 6]),
    (Interest(middle_from=12.5), [2, 5, 6]),
    (Interest(middle_to=10.5), [0, 2]),
    (Interest(traded_to=10.0), [1, 2]),
    (Interest(traded_from=12.0), [2, 4]),
])  # fmt: skip
def test_what_matters_is_found_by_its_prices(wanted: Interest, places: list[int]) -> None:
    gap = Break(BEGIN_US + 3 * S, BEGIN_US + 90 * S, False)
    found = lane([quote(1, 10.0), quote(4, 11.0, bid_price=None, bid_size=None), quote(6, 12.0), quote(7, 13.0)],
                 [trade(2, 10.0), trade(5, 12.0)], breaks=(gap,))  # fmt: skip
    assert found.matter(wanted, 0, len(found)) == places
