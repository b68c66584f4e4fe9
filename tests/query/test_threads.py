"""One lake is asked by many threads, beside a recorder that is rolled and sealed: each answer is right."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import capture
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.sealed import sealed_through
from capture.lake.sealing import Sealer
from capture.lake.views import prepare
from tests.conftest import ScriptedTape

BEGIN = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)
THREADS, QUESTIONS = 8, 12
TRADES_A_ROLL, MOST_DAYS = 20, 28


class Market:
    """Writes trades of the prices 1, 2, 3, … and rolls them, a day after each two rolls; seals what is over."""

    def __init__(self, data: Path) -> None:
        self.layout, self.now_ns, self.written = Layout(data), int(BEGIN.timestamp() * 1e9), 0
        self.script = ScriptedTape(data, now=self._tick)
        prepare(self.layout)
        self.script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
        self.done = threading.Event()

    def write(self) -> None:
        """Write and roll day after day, until told to stop or enough days were written."""
        roller = Roller(self.layout, "main")
        for day in range(MOST_DAYS * 2):
            for _ in range(TRADES_A_ROLL):
                self.script.trade(5, self.written + 1)
                self.written += 1
            self.script.mark()
            list(roller.roll())
            if day % 2:
                self.now_ns += int(DAY.total_seconds() * 1e9)
            if self.done.wait(0.05):
                break

    def seal(self) -> None:
        """Seal again and again; what is sealed is cleared once no question can need it."""
        sealer = Sealer(self.layout, settle_s=2.0, now_s=lambda: self.now_ns / 1e9)
        clearer = Sealer(self.layout, grace_s=120.0)
        while not self.done.wait(0.1):
            list(sealer.seal())
            clearer.clear()

    def _tick(self) -> int:
        self.now_ns += 1_000_000
        return self.now_ns


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    made = Market(tmp_path / "lake")
    yield made
    made.script.writer.close()


def by_sql(lake: capture.Lake) -> tuple[int, int, float]:
    return lake.sql("select count(*), count(distinct price), coalesce(max(price), 0) from trades").rows()[0]


def by_rows(lake: capture.Lake) -> tuple[int, int, float]:
    prices = [price for price, in lake.trades("AAPL", BEGIN, BEGIN + DAY * 30, columns=["price"]).rows()]
    return len(prices), len(set(prices)), max(prices, default=0)


def by_function(lake: capture.Lake) -> tuple[int, int, float]:
    query = "select coalesce(sum(trades), 0), coalesce(max(high), 0) from time_bars('AAPL', '1 day', null, null)"
    count, highest = lake.sql(query).rows()[0]
    return count, count, highest


def by_table(lake: capture.Lake) -> tuple[int, int, float]:
    (count,) = (row["rows"] for row in lake.tables() if row["table"] == "trades")
    return count, count, count


def in_batches(lake: capture.Lake) -> tuple[int, int, float]:
    prices: list[float] = []
    for batch in lake.sql("select price from trades order by seq").batches(100):
        prices += batch["price"].to_pylist()
        time.sleep(0.001)
    return len(prices), len(set(prices)), max(prices, default=0)


ASKING: list[Callable[[capture.Lake], tuple[int, int, float]]] = [by_sql, by_rows, by_function, in_batches, by_table]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_threads_that_share_a_lake_get_right_answers(market: Market) -> None:
    least = [0]  # what any thread has seen

    def ask(number: int) -> set[str]:
        kinds = set()
        for question in range(QUESTIONS):
            way = ASKING[(number + question) % len(ASKING)]
            before, written = least[0], market.written
            count, distinct, highest = way(lake)
            assert count == distinct == highest, way.__name__
            assert max(before, written) <= count <= market.written + 1, way.__name__
            least[0] = max(least[0], count)
            assert lake.heard_s() > 0
            kinds.add(way.__name__)
        return kinds

    with capture.open_lake(market.layout.root) as lake, ThreadPoolExecutor(THREADS + 2) as pool:
        working: list[Any] = [pool.submit(market.write), pool.submit(market.seal)]
        try:
            asked = [pool.submit(ask, number) for number in range(THREADS)]
            assert all(one.result() == {way.__name__ for way in ASKING} for one in asked)
            while sealed_through(market.layout, "trades") < BEGIN.date() and not working[0].done():
                time.sleep(0.05)
            assert by_sql(lake)[0] >= least[0]
        finally:
            market.done.set()
        for one in working:
            one.result()
    assert sealed_through(market.layout, "trades") >= BEGIN.date()


def test_functions_are_made_once_for_threads_that_want_them_at_the_same_time(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1)
    query = "select sum(trades) from {}('AAPL', {} null, null)"
    queries = [query.format(name, width) for name, width in (("time_bars", "'1 day',"), ("tick_bars", "5,"),
                                                             ("session_bars", ""), ("vwap", ""))] * 4
    with capture.open_lake(script.data) as lake, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda one: lake.sql(one).rows(), queries)) == [[(1,)]] * len(queries)
