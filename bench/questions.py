"""The questions of the query benchmark, each as ticktape, DuckDB's own table and polars are asked them.

A question is asked about a symbol and a day and gives a frame; what it comes to, a few numbers, is compared between
engines. ArcticDB's answers are in rivals/arctic_questions.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

import capture
from capture.lake.layout import Layout
from capture.lake.sql_text import paths_sql

LAST_AT = time(18, 0)  # of the day, UTC: when the last quotes are asked for


@dataclass(frozen=True)
class About:
    """What a question is asked about."""

    symbol: str
    day: date

    @property
    def moment(self) -> datetime:
        """The moment of the day at which the last quotes are wanted."""
        return datetime.combine(self.day, LAST_AT, UTC)


@dataclass(frozen=True)
class Question:
    """A question: what it is, in SQL, in polars, and the columns of its answer that are summed to compare engines."""

    meaning: str
    sql: str
    polars: Callable[[pl.LazyFrame, pl.LazyFrame, About], pl.LazyFrame]
    summed: tuple[str, ...]


def _symbol_day(quotes: pl.LazyFrame, trades: pl.LazyFrame, about: About) -> pl.LazyFrame:
    return _of(quotes, about).select("ts", "bid_price", "ask_price", "bid_size", "ask_size").sort("ts")


def _minute_bars(quotes: pl.LazyFrame, trades: pl.LazyFrame, about: About) -> pl.LazyFrame:
    mine = trades.filter(pl.col("symbol") == about.symbol).sort("ts")
    price = pl.col("price")
    return mine.group_by_dynamic("ts", every="1m").agg(
        price.first().alias("open"), price.max().alias("high"), price.min().alias("low"), price.last().alias("close"),
        pl.col("size").sum().alias("volume"))


def _as_of(quotes: pl.LazyFrame, trades: pl.LazyFrame, about: About) -> pl.LazyFrame:
    before = _of(quotes, about).select("ts", "bid_price", "ask_price").sort("ts")
    return _of(trades, about).select("ts", "price", "size").sort("ts").join_asof(before, on="ts")


def _last_quotes(quotes: pl.LazyFrame, trades: pl.LazyFrame, about: About) -> pl.LazyFrame:
    earlier = quotes.filter((pl.col("date") == about.day) & (pl.col("ts") <= about.moment))
    return earlier.group_by("symbol").agg(pl.col("bid_price", "ask_price").sort_by("ts").last())


def _daily_volume(quotes: pl.LazyFrame, trades: pl.LazyFrame, about: About) -> pl.LazyFrame:
    return trades.group_by("date", "symbol").agg(pl.col("size").sum().alias("volume"))


def _of(rows: pl.LazyFrame, about: About) -> pl.LazyFrame:
    return rows.filter((pl.col("date") == about.day) & (pl.col("symbol") == about.symbol))


QUESTIONS = {
    "symbol_day": Question(
        "one symbol-day of quotes, in order",
        """select ts, bid_price, ask_price, bid_size, ask_size from quotes
           where symbol = $symbol and date = $day order by ts""",
        _symbol_day, ("bid_price", "ask_size")),
    "minute_bars": Question(
        "one-minute bars of one symbol, all days",
        """select time_bucket(interval '1 minute', ts) as ts, arg_min(price, ts) as open, max(price) as high,
                  min(price) as low, arg_max(price, ts) as close, sum(size) as volume
           from trades where symbol = $symbol group by 1 order by 1""",
        _minute_bars, ("open", "high", "low", "close", "volume")),
    "as_of": Question(
        "trades of one symbol-day with the quote before each",
        """select t.ts, t.price, t.size, q.bid_price, q.ask_price
           from (select ts, price, size from trades where symbol = $symbol and date = $day) t
           asof left join (select ts, bid_price, ask_price from quotes where symbol = $symbol and date = $day) q
           on t.ts >= q.ts""",
        _as_of, ("price", "bid_price", "ask_price")),
    "last_quotes": Question(
        "last quote of every symbol at a moment",
        """select symbol, arg_max(bid_price, ts) as bid_price, arg_max(ask_price, ts) as ask_price from quotes
           where date = $day and ts <= $moment group by symbol""",
        _last_quotes, ("bid_price", "ask_price")),
    "daily_volume": Question(
        "volume of every symbol on every day",
        "select date, symbol, sum(size) as volume from trades group by date, symbol",
        _daily_volume, ("volume",)),
}


class Ticktape:
    """The product: a lake opened as a user opens it."""

    def __init__(self, folder: Path) -> None:
        self.lake = capture.open_lake(folder)

    def ask(self, name: str, about: About) -> pa.Table:
        """Return the answer to a question."""
        question = QUESTIONS[name].sql
        return self.lake.sql(question, parameters(question, about)).arrow()

    def close(self) -> None:
        """Let go of the lake."""
        self.lake.close()


class Methods(Ticktape):
    """The product again: by its methods a symbol-day, and trades with their quotes; else in SQL."""

    def ask(self, name: str, about: About) -> pa.Table:
        """Return the answer to a question."""
        end = about.day + timedelta(1)
        if name == "symbol_day":
            columns = ["ts", "bid_price", "ask_price", "bid_size", "ask_size"]
            return self.lake.quotes(about.symbol, about.day, end, columns=columns).arrow()
        if name == "as_of":
            return self.lake.trades_with_quotes(about.symbol, about.day, end).arrow()
        return super().ask(name, about)


class Native:
    """DuckDB's own table with the same rows in the same order, in one database file."""

    def __init__(self, folder: Path) -> None:
        path = folder / "native.duckdb"
        if not path.exists():
            load_native(folder, path)
        self.connection = duckdb.connect(str(path), read_only=True)
        self.connection.execute("set TimeZone = 'UTC'")

    def ask(self, name: str, about: About) -> pa.Table:
        """Return the answer to a question."""
        question = QUESTIONS[name].sql
        return self.connection.sql(question, params=parameters(question, about)).to_arrow_table()

    def close(self) -> None:
        """Let go of the database."""
        self.connection.close()


class Polars:
    """polars over the product's files: a lazy scan of the folders by date."""

    def __init__(self, folder: Path) -> None:
        self.quotes, self.trades = (
            pl.scan_parquet(Layout(folder).archive(table), hive_partitioning=True) for table in ("quotes", "trades"))

    def ask(self, name: str, about: About) -> pa.Table:
        """Return the answer to a question."""
        return QUESTIONS[name].polars(self.quotes, self.trades, about).collect().to_arrow()

    def close(self) -> None:
        """Nothing is held open."""


def load_native(folder: Path, path: Path) -> None:
    """Load the lake's files into DuckDB's own tables."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with duckdb.connect(str(unfinished)) as connection:
        connection.execute("set memory_limit = '4GiB'")
        for table in ("quotes", "trades"):
            files = sorted(Layout(folder).archive(table).glob("date=2*/*.parquet"))
            source = f"read_parquet({paths_sql(files)}, hive_partitioning = true)"
            connection.execute(f"create table {table} as from {source}")
    unfinished.rename(path)


def parameters(sql: str, about: About) -> dict[str, Any]:
    """Return the parameters that a question has."""
    given = {"symbol": about.symbol, "day": about.day, "moment": about.moment}
    return {name: value for name, value in given.items() if f"${name}" in sql}


def comes_to(name: str, answer: pa.Table) -> list[float]:
    """Return what an answer comes to: its rows and the sums of its columns."""
    return [answer.num_rows, *(pc.sum(answer[column]).as_py() for column in QUESTIONS[name].summed)]
