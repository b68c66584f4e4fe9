"""Research functions that are computed without SQL give what their SQL gives."""

import random
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from capture.functions import FUNCTIONS
from capture.lake.layout import Layout
from capture.lake.views import prepare
from capture.query import lake_reader
from capture.query.arguments import call_sql
from capture.query.direct import direct_functions
from tests.query.direct.random_lake import DAYS, FIRST, RECORDERS, SYMBOLS, RandomLake

NAMES = [*filter(None, SYMBOLS)]
WIDTHS = ("1 minute", "7 seconds", "2 HOURS", "1 day", "3 days", timedelta(minutes=30))
QUESTIONS = 12  # about each lake
# How far these may differ, as a share of themselves: sums are added in another order.
SUMS = {"volume": 1e-12, "vwap": 1e-12, "gap_s": 1e-6}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("random") / "lake"
    (made / "tape").mkdir(parents=True)
    prepare(Layout(made))
    return made


def lakes(folder: Path, seeds: range) -> Iterator[tuple[RandomLake, random.Random]]:
    for seed in seeds:
        made = RandomLake(folder, seed)
        yield made, random.Random(seed)
        made.lake.close()


def span(rng: random.Random) -> tuple[datetime | None, datetime | None]:
    first, last = sorted(datetime.combine(FIRST, datetime.min.time(), UTC) + timedelta(
        seconds=rng.choice((0, 43_200, 43_333, 43_790, 86_400)), days=rng.randrange(5)) for _ in range(2))
    return rng.choice(((None, None), (first, None), (None, last), (first, last), (first, last)))


def agree(found: pa.Table, expected: pa.Table) -> bool:
    """Return whether two answers are the same, but for the order in which sums were added."""
    if found.schema != expected.schema or len(found) != len(expected):
        return False
    for name in found.column_names:
        ours, theirs = found[name].to_pylist(), expected[name].to_pylist()
        if name in SUMS:
            ours = [one if one is None else pytest.approx(one, rel=SUMS[name], abs=SUMS[name]) for one in ours]
        if ours != theirs:
            return False
    return True


def ask(made: RandomLake, name: str, *arguments: Any) -> tuple[pa.Table, pa.Table]:
    """Return the answer to a call of a function, and what its SQL gives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = made.lake.call(name, *arguments).arrow()
    return found, made.lake.sql(call_sql(FUNCTIONS[name], arguments)).arrow()


def test_time_bars_are_those_of_sql(folder: Path) -> None:
    rows = with_gaps = 0
    for made, rng in lakes(folder, range(3)):
        for _ in range(QUESTIONS):
            symbols = rng.choice(("AAPL", "AAPL", NAMES, rng.sample(NAMES, 2)))
            arguments = (symbols, rng.choice(WIDTHS), *span(rng), False, rng.random() < 0.2, rng.random() < 0.3,
                         rng.choice((None, None, None, *RECORDERS, "none")))
            found, expected = ask(made, "time_bars", *arguments)
            assert agree(found, expected), arguments
            rows, with_gaps = rows + len(found), with_gaps + sum(one > 0 for one in found["gap_s"].to_pylist())
    assert rows > 100
    assert rows > with_gaps > 10


def test_trades_with_quotes_are_those_of_sql(folder: Path) -> None:
    rows = stale = 0
    for made, rng in lakes(folder, range(40, 43)):
        for _ in range(QUESTIONS):
            symbols = rng.choice(("AAPL", "AAPL", NAMES, rng.sample(NAMES, 2)))
            arguments = (symbols, *span(rng), rng.choice(("1 hour", "2 days", "30 seconds")), rng.random() < 0.3,
                         rng.random() < 0.3, rng.choice((None, None, None, *RECORDERS, "none")))
            found, expected = ask(made, "trades_with_quotes", *arguments)
            assert found.combine_chunks().equals(expected.combine_chunks()), arguments
            rows, stale = rows + len(found), stale + sum(found["stale"].to_pylist())
    assert rows > 100
    assert rows > stale > 10


def test_bars_of_one_sealed_day_are_equal_bit_by_bit(folder: Path) -> None:
    for made, _ in lakes(folder, range(30, 33)):
        found, expected = ask(made, "time_bars", "AAPL", "1 hour", DAYS[0], DAYS[1], False, False, True, "main")
        assert found.drop_columns("gap_s").equals(expected.drop_columns("gap_s").combine_chunks())


def test_what_only_duckdb_knows_is_left_to_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = RandomLake(folder, 9)
    monkeypatch.delitem(direct_functions.FUNCTIONS, "time_bars")
    by_sql = made.lake.time_bars("AAPL", "1 minute").arrow()
    monkeypatch.undo()
    assert agree(made.lake.time_bars("AAPL", "1 minute").arrow(), by_sql)
    monkeypatch.setattr(lake_reader, "computed", lambda *_: pytest.fail("not asked of DuckDB"))
    for symbols, width, fill in ((None, "1 minute", False), ("AAPL", "1 month", False), ("AAPL", "1 minute", True),
                                 ("[AAPL]", "1 minute", False), ([], "1 minute", False), ("AAPL", "90 days", False)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.lake.time_bars(symbols, width, fill=fill).arrow()
    made.lake.close()


def test_quotes_are_looked_at_from_the_first_day_of_the_calendar_on(folder: Path) -> None:
    made = RandomLake(folder, 1)
    with made.lake as lake:
        found = lake.trades_with_quotes("AAPL", "0001-01-01").arrow()
        assert found.equals(lake.trades_with_quotes("AAPL").arrow())
        assert len(found) > 3
