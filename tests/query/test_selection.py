"""Rows by instrument and time, as Python asks for them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

import capture
from capture.query import QueryError
from capture.query.selection import Moment, moment
from capture.schemas import MARKET_TABLES, TABLES

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def lake(script: Any) -> Iterator[capture.Lake]:
    """Trades of two instruments, one each minute from noon on, and one the day after."""
    now_ns = 0

    def now() -> int:
        return now_ns

    made = type(script)(script.data.parent / "days", now=now)
    now_ns = int(NOON.timestamp() * 1e9)
    made.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    made.ask(6, "req_tick_by_tick", con_id=7, symbol="MSFT", tick_kind="AllLast")
    for minute in (0, 1, 2, 24 * 60):
        now_ns = int((NOON + timedelta(minutes=minute)).timestamp() * 1e9)
        made.trade(5, 100 + minute).trade(6, 200 + minute)
    with capture.open_lake(made.data) as opened:
        yield opened
    made.writer.close()


def prices(answer: Any) -> list[float]:
    return [row[0] for row in answer.rows()]


def test_rows_are_chosen_by_instrument_and_time(lake: capture.Lake) -> None:
    one = ["price"]
    assert prices(lake.trades("AAPL", columns=one)) == [100, 101, 102, 1540]
    assert prices(lake.trades(["AAPL", 7], "2026-01-06", columns=one)) == [1540, 1640]
    assert prices(lake.trades(7, "2026-01-05", "2026-01-06", columns=one)) == [200, 201, 202]
    assert prices(lake.trades("AAPL", NOON + timedelta(minutes=1), "2026-01-05T12:02Z", columns=one)) == [101]
    assert prices(lake.trades("AAPL", "2026-01-05T07:01:00-05:00", date(2026, 1, 6), columns=one)) == [101, 102]
    assert prices(lake.trades(stream="last", columns=one)) == []
    assert lake.trades("AAPL").columns == [column.name for column in TABLES["trades"].columns]
    assert len(lake.rows("subscriptions").rows()) == 2


def test_every_table_of_market_data_has_a_method_of_its_name(lake: capture.Lake) -> None:
    for table in MARKET_TABLES:
        assert getattr(lake, table.name)("AAPL").columns == [column.name for column in table.columns]


def test_a_time_without_zone_is_refused_with_a_hint(lake: capture.Lake) -> None:
    for naive in ("2026-01-05T12:00", datetime(2026, 1, 5, 12)):
        with pytest.raises(QueryError, match="does not say its zone: write 2026-01-05T12:00:00Z"):
            lake.trades("AAPL", naive)
    with pytest.raises(QueryError, match="'noon' is no time"):
        lake.trades("AAPL", "noon")
    with pytest.raises(QueryError, match="has no column cost; it has ts"):
        lake.trades("AAPL", columns=["cost"])
    with pytest.raises(QueryError, match="there is no table 'payments'"):
        lake.rows("payments")


def test_what_is_no_instrument_and_no_time_is_told(lake: Any) -> None:  # whose types say it too
    aapl = lake.trades("AAPL").rows()
    assert aapl and lake.trades([np.int64(265598)]).rows() == aapl
    with pytest.raises(QueryError, match=r"265598\.0 is no instrument"):
        lake.trades([265598.0])
    with pytest.raises(QueryError, match=r"265598\.0 is no instrument"):
        lake.trades(265598.0)
    with pytest.raises(QueryError, match="5 is no time"):
        lake.trades("AAPL", 5)
    assert lake.trades("AAPL", "0001-01-01", "0001-01-01").rows() == []  # before which there is no moment


def test_a_time_beyond_the_calendar_is_told(lake: capture.Lake) -> None:
    first, last = (timezone(timedelta(hours=hours)) for hours in (5, -5))
    for start, end in ((datetime.min.replace(tzinfo=first), None), (None, datetime.max.replace(tzinfo=last))):
        with pytest.raises(QueryError, match="beyond the years 1 to 9999 in UTC"):
            lake.trades("AAPL", start, end)


def test_rows_that_are_of_no_instrument_are_not_asked_for_by_one(lake: capture.Lake) -> None:
    for table in TABLES.values():
        if "symbol" in table.schema.names:
            assert lake.rows(table.name, ["AAPL", 265598]).arrow().schema.names == table.schema.names
            continue
        with pytest.raises(QueryError, match=f"rows of {table.name} are of no instrument: ask for them without one"):
            lake.rows(table.name, 265598)


def test_times_of_every_kind_are_the_same_moment() -> None:
    zone = timezone(timedelta(hours=-5))
    same: list[Moment] = ["2026-01-05T12:00Z", "2026-01-05T07:00-05:00", NOON, NOON.astimezone(zone)]
    assert {moment(one) for one in same} == {NOON}
    assert moment("2026-01-05") == moment(date(2026, 1, 5)) == datetime(2026, 1, 5, tzinfo=UTC)
