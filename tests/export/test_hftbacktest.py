"""hftbacktest's own reader and backtest see the books, quotes and trades of the lake."""

import json
import tracemalloc
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pytest

import capture
from capture import Lake
from capture.export import hftbacktest
from capture.export.job import Job
from capture.export.row_writer import Rows
from capture.gateway.market import Market
from capture.query import QueryError
from capture.schemas import TABLES
from capture.wanted.settings import RecordBlock
from tests.foreign import run
from tests.lake.functions.conftest import IDS, NOON, MadeLake
from tests.recording import record

REQUIREMENTS = ("hftbacktest==2.4.4", "pyarrow")
READER = Path(__file__).parent / "readers" / "hftbacktest.py"

START = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
LIVED = timedelta(seconds=150)
RECORD = [RecordBlock(instruments=["AAPL"], streams=["smart_depth:10", "quotes", "trades"]),
          RecordBlock(instruments=["ESZ6"], streams=["depth:5", "quotes", "trades"])]  # fmt: skip
TICK_SIZES = {"AAPL": 0.01, "ESZ6": 0.25}

KIND = 0xFF
DEPTH, TRADE, CLEAR, SNAPSHOT = 1, 2, 3, 4
EXCHANGE, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28

Sides = dict[str, dict[float, float]]  # of each side the size of each price


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    data = tmp_path_factory.mktemp("hftbacktest") / "data"
    # The books are reset after 40 s, and the line breaks after 70 s, for some 20 s.
    commands = [(40, "reset"), (70, "refuse", 20.0), (70, "drop")]
    record(data, Market(5, rate=0.5), START, LIVED.total_seconds(), RECORD, commands)
    with capture.open_lake(data) as opened:
        yield opened


def written(job: Job, folder: Path) -> Path:
    """Export, and see that the file is all that is left."""
    folder.mkdir()
    path = folder / "events.npz"
    rows = hftbacktest.rows(job)
    writer = hftbacktest.open_writer(path, rows, job)
    for batch in rows.batches:
        assert batch.schema == rows.schema
        writer.write(batch)
    writer.close()
    assert list(folder.iterdir()) == [path]
    return path


@dataclass
class Read:
    """What hftbacktest read: the events, and what its backtest saw at each moment."""

    events: pl.DataFrame
    seen: list[dict[str, Any]]


def read(path: Path, moments: npt.NDArray[np.int64], tick_size: float, levels: int = 10) -> Read:
    np.save(path.parent / "moments.npy", moments)
    run(REQUIREMENTS, READER, path, path.parent / "moments.npy", tick_size, levels, path.parent)
    return Read(pl.read_parquet(path.parent / "events.parquet"), json.loads((path.parent / "seen.json").read_text()))


def chosen(times: pl.Series, count: int = 150) -> npt.NDArray[np.int64]:
    """Return moments in nanoseconds: some of some times, and any between."""
    first, last = int(times[0]), int(times[-1])
    random = Random(3)
    between = {random.randint(first, last) // 1000 * 1000 for _ in range(count)}
    return np.array(sorted(between | set(random.sample(sorted(set(times)), count))), np.int64)


def nanoseconds(column: str = "ts") -> pl.Expr:
    return pl.col(column).dt.epoch("us") * 1000


def aggregated(row: dict[str, Any]) -> Sides:
    """Return a row of best levels by price."""
    sides: Sides = {"bid": defaultdict(float), "ask": defaultdict(float)}
    for name, price in row.items():
        side, what, level = (*name.split("_"), "", "")[:3]
        if what == "px" and price is not None and (size := row[f"{side}_sz_{level}"]):
            sides[side][price] += size
    return {side: dict(levels) for side, levels in sides.items()}


def in_ticks(sides: Sides, tick_size: float) -> dict[str, list[list[float]]]:
    return {side: sorted(([round(price / tick_size), size] for price, size in levels.items()), reverse=side == "bid")
            for side, levels in sides.items()}


def states(events: pl.DataFrame) -> dict[int, Sides]:
    """Return the book after the last event of each moment, made of the events alone."""
    found: dict[int, Sides] = {}
    book: Sides = {"bid": {}, "ask": {}}
    for event in events.filter(pl.col("ev") & KIND != TRADE).iter_rows(named=True):
        side = {BUY: "bid", SELL: "ask", 0: ""}[event["ev"] & (BUY | SELL)]
        if event["ev"] & KIND == CLEAR:
            assert not side
            book = {"bid": {}, "ask": {}}
        elif event["qty"]:
            book[side][event["px"]] = event["qty"]
        else:
            del book[side][event["px"]]
        found[event["local_ts"]] = {name: dict(levels) for name, levels in book.items()}
    return found


def check_trades(events: pl.DataFrame, lake: Lake, symbol: str, **more: Any) -> int:
    """Compare all trades, one by one."""
    trades = lake.trades_with_quotes(symbol, START, START + LIVED, with_unreported=True, **more).pl()
    sides = pl.col("side").replace_strict({"buy": BUY, "sell": SELL}, default=0, return_dtype=pl.UInt64)
    expected = trades.select(nanoseconds(), "price", "size", sides.fill_null(0))
    found = events.filter(pl.col("ev") & KIND == TRADE)
    assert found.select("local_ts", "px", "qty", pl.col("ev") & (BUY | SELL)).rows() == expected.rows()
    return len(expected)


def check_all(events: pl.DataFrame) -> None:
    """Check what all events have in common."""
    assert events["exch_ts"].equals(events["local_ts"].alias("exch_ts"))
    assert events["local_ts"].is_sorted()
    assert (events["ev"] & (EXCHANGE | LOCAL) == EXCHANGE | LOCAL).all()
    assert (events["order_id"] == 0).all()
    assert (events["ival"] == 0).all()
    assert (events["fval"] == 0).all()


def check_states(found: dict[int, Sides], expected: dict[int, Sides]) -> None:
    """Compare books: after each event, and at moments without one the book is the same as before."""
    assert found.keys() <= expected.keys()
    book: Sides = {"bid": {}, "ask": {}}
    for ts, sides in expected.items():
        book = found.get(ts, book)
        assert book == sides


@pytest.mark.slow
@pytest.mark.parametrize("symbol", TICK_SIZES)
def test_books_and_trades_come_back(lake: Lake, tmp_path: Path, symbol: str) -> None:
    job = Job(lake, TABLES["depth"], [symbol], START, START + LIVED)
    path = written(job, tmp_path / "out")
    assert not job.losses
    snapshots = lake.book_snapshots(symbol, START, START + LIVED, every=None, levels=10).pl()
    expected = {row["ts"]: aggregated(row) for row in snapshots.with_columns(nanoseconds()).iter_rows(named=True)}
    back = read(path, chosen(np.load(path)["data"]["local_ts"]), TICK_SIZES[symbol])
    check_all(back.events)
    assert check_trades(back.events, lake, symbol) > 100
    check_states(states(back.events), expected)
    # A reset, the broken line and the end; after the first two, and at the beginning, a book is known anew.
    kinds = back.events.filter(pl.col("ev") & KIND != TRADE)
    kind = kinds["ev"] & KIND
    assert (kind == CLEAR).sum() == (snapshots["valid"].cast(pl.Int8).diff() == -1).sum() == 3
    begins = kinds.filter((kind == SNAPSHOT) & (kind.shift(1, fill_value=CLEAR) == CLEAR))
    valid_ts = snapshots.filter(pl.col("valid") & ~pl.col("valid").shift(1, fill_value=False)).select(nanoseconds())
    assert begins["local_ts"].to_list() == valid_ts["ts"].to_list()
    check_seen(back, path, expected, lake, symbol)


def check_seen(back: Read, path: Path, expected: dict[int, Sides], lake: Lake, symbol: str) -> None:
    """Compare what the backtest saw with the lake's book at the moment, and the trades since the one before."""
    moments = np.load(path.parent / "moments.npy").tolist()
    trades = back.events.filter(pl.col("ev") & KIND == TRADE)
    before, void = -1, 0
    for number, (at, seen) in enumerate(zip(moments, back.seen, strict=True)):
        sides = expected[max(ts for ts in expected if ts <= at)]
        assert {side: seen[side] for side in sides} == in_ticks(sides, TICK_SIZES[symbol])
        void += not any(sides.values())
        since = trades.filter(pl.col("local_ts").is_between(before, at, closed="right")).select("px", "qty")
        assert seen["trades"] == [list(row) for row in since.rows()]
        before = at
        if number % 20 == 0:
            assert asked(lake, symbol, at) == sides
    assert void > 3


def asked(lake: Lake, symbol: str, ns: int) -> Sides:
    """Return the lake's answer for one moment."""
    sides: Sides = {"bid": defaultdict(float), "ask": defaultdict(float)}
    for row in lake.book(symbol, moment(ns)).pl().filter("valid").iter_rows(named=True):
        sides[row["side"]][row["price"]] += row["size"]
    return sides


def moment(ns: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)


@pytest.mark.slow
@pytest.mark.parametrize("symbol", TICK_SIZES)
def test_quotes_and_trades_come_back(lake: Lake, tmp_path: Path, symbol: str) -> None:
    job = Job(lake, TABLES["quotes"], [symbol], START, START + LIVED)
    path = written(job, tmp_path / "out")
    assert not job.losses
    quotes = lake.quotes_once(symbol, START, START + LIVED).pl().with_columns(nanoseconds())
    missing = lake.missing_time([symbol], START, START + LIVED).pl().filter(missing="quotes")
    assert len(missing) >= 1
    expected = {
        row["ts"]: {side: {row[f"{side}_price"]: row[f"{side}_size"]} for side in ("bid", "ask")}
        for row in quotes.iter_rows(named=True)}
    expected |= {ts: {"bid": {}, "ask": {}} for ts in missing.select(nanoseconds("from_ts")).to_series()}
    expected = dict(sorted(expected.items()))
    back = read(path, chosen(pl.Series(expected.keys())), TICK_SIZES[symbol])
    check_all(back.events)
    check_trades(back.events, lake, symbol)
    check_states(states(back.events), expected)
    for at, seen in zip(np.load(path.parent / "moments.npy").tolist(), back.seen, strict=True):
        last = max(ts for ts in expected if ts <= at)
        assert {side: seen[side] for side in ("bid", "ask")} == in_ticks(expected[last], TICK_SIZES[symbol])


def made_events(made: MadeLake, folder: Path, table: str = "quotes", **more: Any) -> tuple[Path, Job]:
    job = Job(made.lake, TABLES[table], ["AAPL"], NOON, NOON + timedelta(hours=1), **more)
    return written(job, folder), job


def ns(seconds: float) -> int:
    return int((NOON + timedelta(seconds=seconds)).timestamp()) * 10**9 + int(seconds % 1 * 10**9)


@pytest.mark.slow
def test_a_quote_that_was_crossed_is_seen_again(made: MadeLake, tmp_path: Path) -> None:
    """Where bid and ask cross, hftbacktest forgets the one that stood."""
    for seconds, bid, ask in ((0, 10.0, 10.02), (1, 10.02, 10.02), (2, 10.01, 10.02), (3, 10.01, 10.0),
                              (4, 10.01, 10.01), (5, 9.98, 10.01)):  # fmt: skip
        made.quote(seconds, bid, ask, bid_size=3.0, ask_size=7.0)
    path, job = made_events(made, tmp_path / "out")
    assert not job.losses
    back = read(path, np.array([ns(at) for at in range(6)], np.int64), 0.01)
    uncrossed = [back.seen[at] for at in (0, 2, 5)]
    assert [seen["bid"] for seen in uncrossed] == [[[1000, 3.0]], [[1001, 3.0]], [[998, 3.0]]]
    assert [seen["ask"] for seen in uncrossed] == [[[1002, 7.0]], [[1002, 7.0]], [[1001, 7.0]]]
    # Nothing but the healed sides is said twice.
    assert back.events.filter(pl.col("local_ts") == ns(2)).select("ev", "px", "qty").rows() == [
        (DEPTH | EXCHANGE | LOCAL | BUY, 10.02, 0.0), (DEPTH | EXCHANGE | LOCAL | BUY, 10.01, 3.0),
        (DEPTH | EXCHANGE | LOCAL | BUY, 10.01, 3.0), (DEPTH | EXCHANGE | LOCAL | SELL, 10.02, 7.0)]  # fmt: skip


def test_sides_losses_and_gaps_of_quotes(made: MadeLake, tmp_path: Path) -> None:
    made.quote(0, 280.25, 280.75)
    made.trade(1, 280.5)  # at the mid, and the first: nothing tells who began
    made.trade(2, 280.51, size=0.5)
    made.trade(2.5, 280.33, unreported=True)
    made.add("trades", 3, price=280.35, size=None)
    made.quote(4, 280.33, None, bid_size=0.25, ask_size=None)
    made.quote(5, 280.33, 280.36, bid_size=0.0, ask_size=None)
    made.gap(6, 8, stream="quotes")
    made.quote(9, 280.31, 280.35)
    path, job = made_events(made, tmp_path / "out")
    data = np.load(path)["data"]
    known = EXCHANGE | LOCAL
    assert [tuple(row) for row in data[["ev", "exch_ts", "px", "qty"]].tolist()] == [
        (known | SNAPSHOT | BUY, ns(0), 280.25, 1.0), (known | SNAPSHOT | SELL, ns(0), 280.75, 1.0),
        (known | TRADE, ns(1), 280.5, 1.0), (known | TRADE | BUY, ns(2), 280.51, 0.5),
        (known | TRADE | SELL, ns(2.5), 280.33, 1.0),
        (known | DEPTH | BUY, ns(4), 280.25, 0.0), (known | DEPTH | SELL, ns(4), 280.75, 0.0),
        (known | DEPTH | BUY, ns(4), 280.33, 0.25),
        (known | DEPTH | BUY, ns(5), 280.33, 0.0), (known | CLEAR, ns(6), 0.0, 0.0),
        (known | SNAPSHOT | BUY, ns(9), 280.31, 1.0), (known | SNAPSHOT | SELL, ns(9), 280.35, 1.0)]  # fmt: skip
    assert job.losses == {"trades without a size, which are left out": 1,
                          "prices without a size, which are no level; each counts in every book": 2}
    path, _ = made_events(made, tmp_path / "reported", unreported=False)
    assert ns(2.5) not in np.load(path)["data"]["local_ts"]


def test_what_one_file_cannot_hold_is_refused(made: MadeLake) -> None:
    made.quote(0, 1.0, 2.0)
    made.quote(1, 1.0, 2.0, symbol="MSFT")
    made.quote(2, 1.0, 2.0, instrument_id=99)
    made.trade(3, 1.0, instrument_id=99)
    made.trade(3, 1.0)
    made.add("subscriptions", 0, instrument_id=99, event="requested")
    quotes = TABLES["quotes"]
    with pytest.raises(QueryError, match=r"one instrument, and here are AAPL, MSFT: name one"):
        hftbacktest.rows(Job(made.lake, quotes))
    with pytest.raises(QueryError, match=rf"AAPL is several: name one by its contract id \(99, {IDS['AAPL']}\)"):
        hftbacktest.rows(Job(made.lake, quotes, ["AAPL"]))
    with pytest.raises(QueryError, match="no bars of quotes"):
        hftbacktest.rows(Job(made.lake, quotes, ["MSFT"], every="1 second"))
    with pytest.raises(QueryError, match="no depth were recorded"):
        hftbacktest.rows(Job(made.lake, TABLES["depth"], ["MSFT"]))
    rows = hftbacktest.rows(Job(made.lake, quotes, [99]))
    assert [row["instrument_id"] for batch in rows.batches for row in batch.to_pylist()] == [99, 99]


@pytest.mark.slow
def test_books_in_steps(lake: Lake, tmp_path: Path) -> None:
    job = Job(lake, TABLES["depth"], ["ESZ6"], START, START + LIVED, every="1 second")
    data = np.load(written(job, tmp_path / "out"))["data"]
    changes = data[data["ev"] & KIND != TRADE]
    assert len(changes) > 500
    assert not (changes["local_ts"] % 10**9).any()


@pytest.mark.slow
def test_memory_stays_small(tmp_path: Path, made: MadeLake) -> None:
    """Two million events are 128 MB, and nothing of that size is ever in memory."""
    made.quote(0, 1.0, 2.0)
    job = Job(made.lake, TABLES["quotes"], ["AAPL"])
    schema = hftbacktest.rows(job).schema
    count, parts = 16_384, 62
    path = tmp_path / "events.npz"
    writer = hftbacktest.open_writer(path, Rows(schema, iter(())), job)
    tracemalloc.start()
    for part in range(parts):
        step = np.arange(part * count, (part + 1) * count)
        columns: dict[str, Any] = {
            "ts": pa.array(step).cast(schema.field("ts").type), "instrument_id": np.full(count, 5),
            "valid": np.ones(count, bool), "bid_px_00": np.full(count, 9.0), "bid_sz_00": 1.0 + step % 2,
            "ask_px_00": np.full(count, 11.0), "ask_sz_00": 1.0 + step % 2}  # fmt: skip
        writer.write(pa.record_batch([pa.array(columns[field.name], field.type) if field.name in columns
                                      else pa.nulls(count, field.type) for field in schema], schema=schema))
    writer.close()
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    data = np.load(path)["data"]
    assert len(data) == 2 * count * parts
    assert (data["local_ts"] == np.repeat(np.arange(count * parts) * 1000, 2)).all()
    assert peak_bytes < data.nbytes / 6
