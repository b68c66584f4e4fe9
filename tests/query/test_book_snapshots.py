"""Order books asked of a lake: against the invented market's own, and over gaps."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import capture
from capture.gateway.market import Market
from capture.query import QueryError
from capture.wanted.settings import RecordBlock
from tests.recording import record

pytestmark = pytest.mark.slow

START = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
LIVED = timedelta(seconds=150)
ZERO = datetime(1970, 1, 1, tzinfo=UTC)
US = timedelta(microseconds=1)
AAPL, ESZ6 = 265598, 649180695
RECORD = [RecordBlock(instruments=["AAPL"], streams=["smart_depth:10"]),
          RecordBlock(instruments=["ESZ6"], streams=["depth:5"])]  # fmt: skip
BOOKS = {"AAPL": (AAPL, 10, True), "ESZ6": (ESZ6, 5, False)}
MARKET = Market(5, rate=0.5)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("books") / "data"
    # The books are reset after 40 s, and the line breaks after 70 s, for some 20 s.
    commands = [(40, "reset"), (70, "refuse", 20.0), (70, "drop")]
    record(data, MARKET, START, LIVED.total_seconds(), RECORD, commands)
    return data


@pytest.fixture
def lake(recorded: Path) -> Iterator[capture.Lake]:
    with capture.open_lake(recorded) as opened:
        yield opened


def own_book(symbol: str, at: datetime) -> dict[str, list[tuple[float, float, str | None]]]:
    """Return the market's own book."""
    con_id, rows, smart = BOOKS[symbol]
    sides: dict[str, list[tuple[float, float, str | None]]] = {"bid": [], "ask": []}
    for row in MARKET.book(con_id, (at - ZERO) // US, rows, smart).to_pylist():
        sides[row["side"]].append((row["price"], row["size"], row["market_maker"]))
    return sides


@pytest.mark.parametrize("symbol", BOOKS)
def test_a_book_is_the_markets_own_at_any_moment(lake: capture.Lake, symbol: str) -> None:
    times = lake.sql("select distinct ts from depth where symbol = $1 and operation <> 'reset' order by ts",
                     [symbol]).pl()["ts"].to_list()  # fmt: skip
    beginnings = lake.sql("select ts from subscriptions where symbol = $1 and event = 'requested'", [symbol]).rows()
    assert len(times) > 200
    assert len(beginnings) == 2
    wanted = random.Random(1).sample(times, 12)
    rows = lake_snapshots(lake, symbol, None)
    assert set(times) <= set(rows["ts"])
    for at in wanted:
        found = lake.book(symbol, at).pl()
        own = own_book(symbol, at)
        assert found["valid"].all()
        for side in ("bid", "ask"):
            of_side = found.filter(pl.col("side") == side)
            assert of_side["position"].to_list() == list(range(len(of_side)))
            assert of_side.select("price", "size", "market_maker").rows() == own[side]
        assert rows.filter(pl.col("ts") == at).select(columns()).rows() == [flat(own)]


def columns() -> list[str]:
    return [f"{side}_{what}_{level:02}" for side in ("bid", "ask") for level in range(5) for what in ("px", "sz")]


def flat(own: dict[str, list[tuple[float, float, str | None]]]) -> tuple[float, ...]:
    return tuple(value for side in ("bid", "ask") for row in own[side][:5] for value in row[:2])


def lake_snapshots(lake: capture.Lake, symbol: str, every: str | None, **more: Any) -> pl.DataFrame:
    given: dict[str, Any] = {"start": START, "end": START + LIVED, "levels": 5} | more
    return lake.book_snapshots(symbol, every=every, **given).pl()


def test_snapshots_in_steps_are_those_of_the_changes_before(lake: capture.Lake) -> None:
    changes = lake_snapshots(lake, "ESZ6", None).drop("stream")
    steps = lake_snapshots(lake, "ESZ6", "700 ms").drop("stream")
    assert steps["ts"].to_list() == [START + timedelta(milliseconds=700) * n for n in range(len(steps))]
    assert steps["ts"][-1] + timedelta(milliseconds=700) >= START + LIVED
    joined = steps.select("ts").join_asof(changes, on="ts")
    assert joined.equals(steps.select(joined.columns))


def test_a_range_begins_with_what_came_before_it(lake: capture.Lake) -> None:
    whole = lake_snapshots(lake, "AAPL", "1 second")
    later = lake_snapshots(lake, "AAPL", "1 second", start=START + timedelta(seconds=55))
    assert later.equals(whole.filter(pl.col("ts") >= START + timedelta(seconds=55)))
    assert later["valid"][0]


def test_no_book_is_shown_while_the_line_is_down(lake: capture.Lake) -> None:
    gap, last = lake.sql("select from_ts, to_ts, reason from gaps where symbol = 'AAPL' and code is null "
                         "qualify row_number() over (partition by gap_id order by seq desc, row desc) = 1 "
                         "order by from_ts").rows()  # fmt: skip
    assert timedelta(seconds=15) < gap[1] - gap[0] < timedelta(seconds=40)
    rows = lake_snapshots(lake, "AAPL", "100 ms", end=START + LIVED + timedelta(seconds=30))
    inside = ((pl.col("ts") > gap[0]) & (pl.col("ts") < gap[1])) | (pl.col("ts") > last[0])
    down = rows.filter(inside)
    assert len(down) > 150
    assert not down["valid"].any()
    assert down.select(pl.all().exclude("^(bid|ask)_.*$")).select("reason").null_count().item() == 0
    assert down.select(columns()).null_count().sum_horizontal().item() == len(down) * len(columns())
    resets = lake.sql("select ts from depth where operation = 'reset' and symbol = 'AAPL'").pl()["ts"].to_list()
    others = rows.filter(~inside & (pl.col("ts") > START + timedelta(seconds=5)))
    beside = [row["ts"] for row in others.filter(~pl.col("valid")).to_dicts()]
    assert len(resets) == 1
    assert all(resets[0] - timedelta(seconds=1) <= ts <= resets[0] + timedelta(seconds=1) for ts in beside), beside
    asked = lake.book("AAPL", gap[0] + (gap[1] - gap[0]) / 2).rows()
    assert len(asked) == 1
    assert dict(zip(lake.book("AAPL").columns, asked[0], strict=True))["valid"] is False


def test_nothing_is_known_of_moments_after_the_last_byte(script: Any) -> None:
    script.open().ask(1, "req_market_depth", smart=True, rows=5)
    script.answer("market_depth_l2", request_id=1, position=0, market_maker="X", operation=0, side=1, price=10, size=5,
                  smart=True)
    with capture.open_lake(script.data) as lake:  # as if it had been killed then
        (last,) = lake.sql("select max(ts) from depth").rows()[0]
        assert lake.book("AAPL", last + timedelta(seconds=59)).pl()["valid"].to_list() == [True]
        (later,) = lake.book("AAPL", last + timedelta(hours=16)).pl().rows(named=True)
        assert (later["valid"], later["reason"]) == (False, f"nothing was heard after {last:%Y-%m-%d %H:%M:%S}")
        steps = lake.book_snapshots("AAPL", last, last + timedelta(minutes=2), every="30 s").pl()
        assert steps["valid"].to_list() == [True, True, False, False]


def test_the_forms_of_the_answer_agree_and_batches_are_small(lake: capture.Lake) -> None:
    answer = lake.book_snapshots([ESZ6, "AAPL"], START, START + LIVED, every="50 ms", levels=2)
    frame = answer.pl()
    assert frame["symbol"].unique(maintain_order=True).to_list() == ["AAPL", "ESZ6"]
    assert answer.columns == frame.columns == answer.duckdb().columns
    assert answer.arrow().to_pylist() == frame.to_dicts()
    assert answer.rows() == frame.rows()
    assert len(answer.df()) == len(frame)
    batches = list(answer.batches(100))
    assert max(len(batch) for batch in batches) == 100
    assert sum(len(batch) for batch in batches) == len(frame) == 2 * 3_000
    assert "6000 rows" in repr(answer)


def test_mistakes_are_explained(lake: capture.Lake) -> None:
    with pytest.raises(QueryError, match="no order book of MSFT was recorded"):
        lake.book("MSFT").rows()
    with pytest.raises(QueryError, match="a book of 0 levels cannot be given: ask for 1 to 128"):
        lake.book("AAPL", levels=0)
    for wrong in ("often", "0 s", "-1 s", timedelta()):
        with pytest.raises(QueryError, match="is no length of time"):
            lake.book_snapshots("AAPL", every=wrong)
    assert lake.book("AAPL", of_stream="depth").rows() == []
    assert {row[1] for row in lake.book(None).rows()} == {"AAPL", "ESZ6"}
    assert lake.book("AAPL", recorded_by="main", of_stream="smart_depth", at=START + timedelta(seconds=30)).rows()
