"""The table of functions: what it says is what SQL gives; arguments in all their forms; little is read."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from capture.functions import FUNCTIONS, Function, named
from capture.query import QueryError

from .conftest import NOON, MadeLake

EACH = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda one: one.name)


@EACH
@pytest.mark.slow
def test_columns_and_example_are_what_it_says(random_lake: MadeLake, function: Function) -> None:
    query = f"select * from {function.name}({function.example})"
    assert random_lake.lake.sql(query).columns == [name for name, _ in function.returns]
    random_lake.sql(query)


def test_the_views_file_says_what_functions_are_for(random_lake: MadeLake) -> None:
    import duckdb

    _ = random_lake.lake
    random_lake.close()  # to be opened anew by whoever asks next
    with duckdb.connect(str(random_lake.layout.database), read_only=True) as connection:
        found = connection.execute(
            "select distinct function_name, comment from duckdb_functions() where function_type = 'table_macro'"
            " and not internal").fetchall()  # fmt: skip
    assert dict(found) == {one.name: one.meaning for one in FUNCTIONS.values()}


TIMES = ["'2026-11-18T12:00:01Z'", "'2026-11-18 12:00:01'", "'2026-11-18 13:00:01+01'", "'2026-11-18T12:00:01.000'",
         "'2026-11-18 07:00:01-05:00'", "'2026-11-18 07:00:01 America/New_York'", "timestamp '2026-11-18 12:00:01'",
         "timestamptz '2026-11-18 12:00:01+00'", "timestamptz '2026-11-18 12:00:00+00' + interval 1 second"]


@pytest.mark.slow
def test_times_mean_the_same_in_every_form_and_in_every_zone(made: MadeLake) -> None:
    for i in range(3):
        made.trade(i, i)
    for start in TIMES:
        rows = made.sql(f"select price from trades_once('AAPL', {start}, null)")
        assert [row["price"] for row in rows] == [1, 2], start
        assert len(made.sql(f"select price from trades_once('AAPL', null, {start})")) == 1
    for day in ("'2026-11-18'", "date '2026-11-18'", "'2026-11-18T00:00'", "'2026-11-17T19:00-05:00'"):
        assert len(made.sql(f"from trades_once(null, {day}, null)")) == 3
        assert made.sql(f"from trades_once(null, null, {day})") == []


@pytest.mark.slow
def test_symbols_may_be_one_several_or_all(made: MadeLake) -> None:
    for symbol in ("AAPL", "MSFT", "ESZ6"):
        made.trade(0, 1, symbol=symbol)
    for given, count in (("'AAPL'", 1), ("['AAPL', 'MSFT']", 2), ("['ESZ6']", 1), ("null", 3), ("[]", 0), ("'A'", 0),
                         ("['AAPL', 'it''s, \"so\"']", 1)):  # fmt: skip
        assert len(made.sql(f"from trades_once({given}, null, null)")) == count, given


@pytest.mark.slow
def test_only_the_days_that_are_asked_for_are_read(made: MadeLake) -> None:
    for day in range(20):
        made.trade(NOON - timedelta(days=day), 1)
        made.quote(NOON - timedelta(days=day), 1, 2)
    for call in ("time_bars('AAPL', '1 minute', '2026-11-10', '2026-11-12')",
                 "vwap(null, date '2026-11-10', '2026-11-12')",
                 "quotes_once(['AAPL'], '2026-11-10', timestamptz '2026-11-12 00:00:00+00')"):  # fmt: skip
        ((_, plan),) = made.lake.sql(f"explain analyze from {call}").rows()
        scans = re.findall(r"Scanning Files: *(\d+)/(\d+)", plan)
        assert {int(read) for read, of in scans if int(of) > 10} == {2}, plan


@pytest.mark.slow
def test_methods_are_the_same_functions(made: MadeLake) -> None:
    for i in range(10):
        made.trade(i, i)
    lake = made.lake
    bars = lake.time_bars("AAPL", "2 seconds", "2026-11-18", datetime(2026, 11, 18, 12, 0, 6, tzinfo=UTC))
    assert bars.rows() == lake.sql("from time_bars('AAPL', '2 seconds', '2026-11-18', '2026-11-18T12:00:06')").rows()
    assert bars.arrow()["close"].to_pylist() == [1, 3, 5]
    assert lake.time_bars(["AAPL"], timedelta(seconds=5), whole=True).pl()["trades"].to_list() == [5, 5]
    assert lake.tick_bars(None, 4, date(2026, 11, 18)).pl()["trades"].to_list() == [4, 4, 2]
    assert lake.last_state("AAPL", "2026-11-18T12:00:03Z").arrow()["price"].to_pylist() == [3]


@pytest.mark.parametrize(("arguments", "said"), [
    (("AAPL", "1 minute", "2026-11-18T12:00"), "does not say its zone"),
    (("AAPL", 60), "give an interval"),
    ((7, "1 minute"), "give a symbol, a list"),
    (("AAPL", "1 minute", 5), "give a time"),
    (("AAPL", "a while"), "a while"),
    (("AAPL", None), "give an interval"),
])  # fmt: skip
def test_an_argument_that_is_none_is_told(made: MadeLake, arguments: Any, said: str) -> None:
    made.trade(0, 1)
    with pytest.raises(QueryError, match=said):
        made.lake.time_bars(*arguments).rows()


def test_numbers_of_numpy_are_numbers(made: MadeLake) -> None:
    for i in range(4):
        made.trade(i, 100)
    numbers: list[Any] = [np.int64(2), np.float64(2)]
    nones: list[Any] = [np.nan, np.inf, True, None]
    for two in numbers:
        assert len(made.lake.tick_bars("AAPL", two).rows()) == 2
    for none in nones:
        with pytest.raises(QueryError, match="give a number"):
            made.lake.tick_bars("AAPL", none)


@pytest.mark.slow
def test_a_damaged_file_is_named(made: MadeLake) -> None:
    made.trade(0, 1)
    assert len(made.lake.vwap("AAPL").rows()) == 1
    path = made.layout.live_file("trades", "2026-11-18", "main", 1)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(QueryError, match=path.name):
        made.lake.vwap("AAPL").rows()


def test_a_query_gets_the_functions_that_it_names() -> None:
    assert [one.name for one in named("select * from TIME_BARS('AAPL')")] == ["time_bars"]
    assert named("select time from trades") == []
