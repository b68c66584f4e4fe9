"""A program that asks a lake over and over while it is written: `python reader.py KIND DATA`, until DATA/done is there.

The trades' prices are 1, 2, 3, … in the order of arrival, so that every answer shows whether it is whole. Prints how
often it asked; ends with a message at the first wrong answer. DATA/asked.KIND grows by a byte with each answer.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl

from capture import open_lake

WHOLE = "select count(*), count(distinct price), coalesce(max(price), 0) from trades"
NEW_CONNECTION_AFTER = 20  # questions


def views(data: Path) -> Iterator[int]:
    """Ask the views file, by one connection for some time and then by another."""
    while True:
        with closing(duckdb.connect(str(data / "ticktape.duckdb"), read_only=True)) as connection:
            for _ in range(NEW_CONNECTION_AFTER):
                yield whole(*answer(connection, WHOLE))


def answer(connection: duckdb.DuckDBPyConnection, question: str) -> tuple[int, ...]:
    """Return the one row of an answer; asks again where a sealed live file went between its listing and its opening.

    The views list files by a pattern, those of sealed dates too. Such a query fails, and is right when asked anew.
    """
    try:
        return tuple(connection.sql(question).fetchall()[0])
    except duckdb.IOException as error:
        if "No such file" not in str(error) or "/live/" not in str(error):
            raise
        return answer(connection, question)


def lake(data: Path) -> Iterator[int]:
    """Ask a lake, which must see what was on the tape when it was asked."""
    with open_lake(data) as opened:
        while True:
            least = int((data / "written").read_text())
            seen = whole(*opened.sql(WHOLE).rows()[0])
            if seen < least:
                sys.exit(f"{least} trades were on the tape, {seen} were seen")
            yield seen


def bars(data: Path) -> Iterator[int]:
    """Ask a research function of the views file: its bars must hold what the table holds."""
    with closing(duckdb.connect(str(data / "ticktape.duckdb"), read_only=True)) as connection:
        while True:
            question = """select coalesce(sum(trades), 0), coalesce(max(high), 0)
                          from time_bars('AAPL', '1 day', null, null)"""
            count, highest = answer(connection, question)
            yield whole(count, count, highest)


def archive(data: Path) -> Iterator[int]:
    """Read the archive by polars: every date in it is whole, and stays as it is."""
    known: dict[object, tuple[int, float]] = {}
    while True:
        files = pl.scan_parquet(data / "archive" / "trades" / "*" / "*.parquet", hive_partitioning=True)
        days = files.group_by("date").agg(
            pl.len().alias("count"), pl.col("price").n_unique().alias("distinct"), pl.col("price").min().alias("first"),
            pl.col("price").max().alias("last")).collect()
        now = {row["date"]: (row["count"], row["first"]) for row in days.iter_rows(named=True)}
        for row in days.iter_rows(named=True):
            if not row["count"] == row["distinct"] == row["last"] - row["first"] + 1:
                sys.exit(f"a date is not whole: {row}")
        if changed := {day for day in known if now.get(day) != known[day]}:
            sys.exit(f"dates have changed: {changed}")
        known = now
        yield len(now)


def whole(count: int, distinct: int, highest: float) -> int:
    """Return the number of trades; ends the program where one is missing or there twice."""
    if not count == distinct == highest:
        sys.exit(f"{count} trades, {distinct} of them different, the last one is {highest}")
    return count


KINDS: dict[str, Callable[[Path], Iterator[int]]] = {one.__name__: one for one in (views, lake, bars, archive)}


def main() -> None:
    """Ask until told to stop."""
    data = Path(sys.argv[2])
    asked = before = 0
    with (data / f"asked.{sys.argv[1]}").open("ab", buffering=0) as answered:
        for seen in KINDS[sys.argv[1]](data):
            if seen < before:
                sys.exit(f"there were {before} before, and now only {seen}")
            asked, before = asked + 1, seen
            answered.write(b".")
            if (data / "done").exists():
                break
    print(asked, before)


if __name__ == "__main__":
    main()
