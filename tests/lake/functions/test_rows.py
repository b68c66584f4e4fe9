"""Trades beside quotes, the last state, missing time, sessions: small cases worked out by hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from .conftest import NOON, MadeLake

pytestmark = pytest.mark.slow

HOURS = {"time_zone": "US/Central",
         "trading_hours": "20261030:1700-20261030:1600;20261031:CLOSED;20261101:1700-20261102:1600",
         "liquid_hours": "20261102:0830-20261102:1500"}  # fmt: skip


def test_trades_meet_the_quote_that_arrived_before_them(made: MadeLake) -> None:
    made.quote(0, 99, 101, seq=1)
    made.trade(0, 101, seq=2)
    made.quote(0, 100, 102, seq=3)  # of the same read: only seq says that it came later
    made.trade(1, 100, seq=4)
    made.trade(2, 101, seq=5)
    made.quote(3, 90, 110, seq=6, recorder="second")  # of another recorder
    made.trade(3, 101, seq=7)
    rows = made.sql("from trades_with_quotes('AAPL', '2026-11-18T12:00', '2026-11-18T13:00')")
    found = [(row["mid"], row["effective_spread"], row["side"], row["side_by"], row["quote_age_s"]) for row in rows]
    assert found == [(100, 2, "buy", "quote", 0), (101, 2, "sell", "quote", 1), (101, 0, "buy", "tick", 2),
                     (101, 0, "buy", "tick", 3)]  # fmt: skip


def test_trades_meet_quotes_by_the_time_of_the_event_where_that_is_asked_for(made: MadeLake) -> None:
    def at(second: int) -> datetime:
        return NOON + timedelta(seconds=second)

    made.quote(0, 99, 101, ts_event=at(0), seq=1)
    made.trade(3, 101, ts_event=at(2), seq=2)
    made.quote(5, 100, 102, ts_event=at(1), seq=3)  # late
    made.trade(5, 102, ts_event=at(4), seq=4)
    made.quote(5, 110, 112, ts_event=at(4), seq=5)  # of the trade's second, and later
    made.trade(6, 102, seq=6)  # without a time of its own
    query = "select mid, quote_age_s, side from trades_with_quotes('AAPL', null, null{})"
    by_arrival, by_event = (made.sql(query.format(more)) for more in ("", ", by_event := true"))
    assert [tuple(row.values()) for row in by_arrival] == [(100, 3, "buy"), (101, 0, "buy"), (111, 1, "sell")]
    assert [tuple(row.values()) for row in by_event] == [(101, 1, None), (101, 3, "buy"), (111, 2, "sell")]


def test_a_quote_from_before_a_gap_is_stale(made: MadeLake) -> None:
    made.quote(-10, 99, 101)
    made.trade(0, 100.5)
    made.gap(1, 5, stream="quotes")
    made.trade(6, 100.5)
    made.quote(7, 100, 102)
    made.trade(8, 100.5)
    rows = made.sql("from trades_with_quotes('AAPL', '2026-11-18T12:00', null)")
    assert [(row["stale"], row["mid"], row["side"]) for row in rows] == [
        (False, 100, "buy"), (True, None, None), (False, 101, "sell")]
    assert rows[1]["quote_age_s"] == 16


def test_the_last_state_of_all_symbols(made: MadeLake) -> None:
    made.quote(0, 99, 101)
    made.trade(1, 100)
    made.trade(2, 50, unreported=True)
    made.trade(9, 77)
    made.trade(3, 200, symbol="MSFT")
    made.gap(2.5, 8)
    rows = made.sql("from last_state(null, '2026-11-18T12:00:04Z')")
    found = [(row["symbol"], row["bid_price"], row["quote_age_s"], row["quote_stale"], row["price"], row["trade_age_s"],
              row["trade_stale"]) for row in rows]  # fmt: skip
    assert found == [("AAPL", 99, 4, False, 100, 3, True), ("MSFT", None, None, None, 200, 1, False)]
    assert made.sql("select symbol, price from last_state(null, '2026-11-18T12:00:04Z', lookback := '2 seconds')") == [
        {"symbol": "MSFT", "price": 200}]


def test_missing_time_goes_over_midnight_and_touching_gaps_are_one(made: MadeLake) -> None:
    made.gap(0, 60, gap_id="one")
    made.gap(30, 86_400, gap_id="two")
    made.gap(90_000, None, state="open", gap_id="three")
    made.gap(100, 200, symbol="MSFT", state="backfilled")
    (row,) = made.sql("from missing_time(null, '2026-11-18', '2026-11-19T13:00')")
    assert (row["from_ts"], row["gap_s"], row["missing"]) == (NOON, 86_400, "trades")
    (_, row) = made.sql("select missing, to_ts from missing_time(null, '2026-11-18', '2026-11-19T14:00')")
    assert row == {"missing": "trades", "to_ts": datetime(2026, 11, 19, 14, tzinfo=UTC)}


def test_a_gap_counts_by_its_newest_row(made: MadeLake) -> None:
    for state in ("open", "closed", "backfilled"):
        made.gap(0, 60, gap_id="one", state=state)
    assert made.sql("from missing_time('AAPL', null, null)") == []


def test_sessions_in_local_time_over_the_end_of_summer_time(made: MadeLake) -> None:
    made.add("instruments", datetime(2026, 10, 30, tzinfo=UTC), "ESZ6", **HOURS)
    rows = made.sql("from trading_sessions('ESZ6', null, null)")
    assert [(row["session_date"], row["kind"], row["from_ts"], row["local_to"]) for row in rows] == [
        # Summer time ends on November 1: 17:00 is 23:00 UTC.
        (date(2026, 11, 2), "trading", datetime(2026, 11, 1, 23, tzinfo=UTC), datetime(2026, 11, 2, 16)),
        (date(2026, 11, 2), "liquid", datetime(2026, 11, 2, 14, 30, tzinfo=UTC), datetime(2026, 11, 2, 15))]


def test_sessions_of_the_older_form_that_began_the_evening_before(made: MadeLake) -> None:
    said = "20261118:1700-1515,1530-1600;20261119:2000-0000"
    made.add("instruments", 0, "ESZ6", time_zone="CST (Central Standard Time)", iana_time_zone="America/Chicago",
             trading_hours=said)  # fmt: skip
    rows = made.sql("from trading_sessions('ESZ6', null, null)")
    assert [(row["session_date"].day, f"{row['local_from']:%d %H:%M}", f"{row['local_to']:%d %H:%M}", row["time_zone"])
            for row in rows] == [(18, "17 17:00", "18 15:15", "America/Chicago"),
                                 (18, "18 15:30", "18 16:00", "America/Chicago"),
                                 (19, "19 20:00", "20 00:00", "America/Chicago")]  # fmt: skip


def test_newer_details_of_a_day_count(made: MadeLake) -> None:
    said = ["20261118:0930-20261118:1600", "20261118:0930-1300,1400-2400", "20261119:0930-20261119:1600"]
    for i, hours in enumerate(said):
        made.add("instruments", i, time_zone="US/Eastern", trading_hours=hours)
    rows = made.sql("select local_from, local_to from trading_sessions('AAPL', null, '2026-11-19T12:00Z')")
    assert [tuple(row.values()) for row in rows] == [
        (datetime(2026, 11, 18, 9, 30), datetime(2026, 11, 18, 13)),
        (datetime(2026, 11, 18, 14), datetime(2026, 11, 19))]


@pytest.mark.parametrize("zone", ["Nowhere/Land", None])
def test_a_zone_that_nobody_knows_is_null(made: MadeLake, zone: str | None) -> None:
    made.add("instruments", -1, time_zone=zone, trading_hours=HOURS["trading_hours"])
    made.trade(0, 100)
    (row,) = made.sql("select local_ts, session_date, in_session from session_trades('AAPL', null, null)")
    assert row == {"local_ts": None, "session_date": None, "in_session": False}


def test_the_evening_of_a_future_belongs_to_the_next_date(made: MadeLake) -> None:
    made.add("instruments", datetime(2026, 10, 30, tzinfo=UTC), "ESZ6", **HOURS)
    # In the open session, in regular hours, a moment after the close, and long after it.
    for at in ((1, 23, 30), (2, 15, 0), (2, 22, 0), (2, 23, 30)):
        made.trade(datetime(2026, 11, *at, tzinfo=UTC), float(at[1]), symbol="ESZ6")
    rows = made.sql("from session_trades('ESZ6', null, null)")
    assert [(row["session_date"].day, row["in_session"], row["in_liquid_hours"]) for row in rows] == [
        (2, True, False), (2, True, True), (2, False, False), (2, False, False)]
    assert rows[0]["local_ts"] == datetime(2026, 11, 1, 17, 30)
    made_bars: list[dict[str, Any]] = made.sql("from session_bars('ESZ6', null, null)")
    assert [(bar["session_date"], bar["open"], bar["close"], bar["trades"]) for bar in made_bars] == [
        (date(2026, 11, 2), 23, 23, 4)]
    assert [bar["open"] for bar in made.sql("from session_bars('ESZ6', null, null, liquid_only := true)")] == [15]
