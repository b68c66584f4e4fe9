"""What questions take in a lake of many dates, against one of fewer: a process each, from its start to its answer.

CPU seconds, all threads', as other work on the machine adds less to them, or with --wall seconds as they pass; files
are in the system's cache.

    python -m bench.dates                   # 100 and 1,000 dates; --dates N,N for others, --only WORD for one question
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from capture.lake.digest import keep
from capture.lake.layout import Layout
from capture.lake.parquet_file import write_parquet
from capture.lake.sealed import seal_through
from capture.lake.views import is_prepared, prepare
from capture.schemas import TABLES, Table

from .rivals.environment import FOLDER

FIRST_DAY = date(2023, 1, 2)
DAY_US = 86_400_000_000
OPEN_US = int(14.5 * 3_600e6)
SYMBOLS = {"AAPL": 265598, "MSFT": 272093, "SPY": 756733}
STREAMS = {"trades": "all_last", "quotes": "quotes", "bars": "live_bars"}
MINUTES = 390  # of a date; each symbol has a row of each table of market data in each
HOURS = f"{FIRST_DAY:%Y%m%d}:0930-{FIRST_DAY:%Y%m%d}:1600"
BARE = "print()"  # what a process takes that does nothing

_PYTHON = "import capture; lake = capture.open_lake({data!r}); "
LAST = FIRST_DAY + timedelta(days=30)  # asked for alone

# What is asked, as arguments of Python or of ticktape. `{out}` is a place for what is written.
QUESTIONS: dict[str, list[str]] = {
    "open and count": ["-c", _PYTHON + "print(lake.sql('select count(*) from trades').rows())"],
    "sql, count": ["sql", "select count(*) from trades"],
    "sql, one date": ["sql", f"select count(*), max(price) from trades where date = '{LAST}'"],
    "rows of one date": ["-c", _PYTHON + f"print(len(lake.trades('AAPL', '{LAST}', '{LAST + timedelta(1)}').arrow()))"],
    "sql, contract details": ["sql", "select count(*) from instruments"],
    "last_state": ["-c", _PYTHON + f"print(lake.last_state('AAPL', '{LAST}T20:00Z').rows())"],
    "gaps": ["gaps", "AAPL", "--json"],
    "coverage": ["coverage", "AAPL", "--json"],
    "tables": ["tables"],
    "du": ["du"],
    "export, 3 dates": ["export", "trades", "--from", str(LAST), "--until", str(LAST + timedelta(3)), "--by", "date",
                        "--format", "parquet", "-o", "{out}"],
}


def main() -> None:
    """Print seconds by question and number of dates, and how much more the greatest number takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dates", default="100,1000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="questions whose names hold this")
    parser.add_argument("--wall", action="store_true", help="seconds as they pass")
    given = parser.parse_args()
    counts = [int(count) for count in given.dates.split(",")]
    lakes = [made(count) for count in counts]
    title = "seconds, median" if given.wall else "CPU seconds, median"
    print(f"{title:<26}" + "".join(f"{count:>8,} dates" for count in counts) + f"{'ratio':>8}")
    for name, words in {"an interpreter alone": ["-c", BARE], **QUESTIONS}.items():
        if given.only in name:
            taken = [statistics.median(_asked(words, lake, wall=given.wall) for _ in range(given.rounds))
                     for lake in lakes]
            columns = "".join(f"{one:>14.2f}" for one in taken)
            print(f"{name:<26}{columns}{taken[-1] / taken[0]:>8.2f}", flush=True)


def _asked(words: list[str], lake: Path, *, wall: bool) -> float:
    with tempfile.TemporaryDirectory() as folder:
        filled = [word.replace("{data!r}", repr(str(lake))).replace("{out}", f"{folder}/out") for word in words]
        command = [sys.executable, *filled] if words[0] == "-c" else [
            sys.executable, "-m", "capture.cli", *filled, "--data", str(lake)]
        begun_s, before_s = time.monotonic(), _children_s()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.monotonic() - begun_s if wall else _children_s() - before_s


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def made(count: int) -> Path:
    """Return the folder of a lake of so many dates, all but the last sealed, which is kept once it is made."""
    folder = FOLDER / f"dates-{count}"
    if not folder.exists():
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        write_lake(unfinished, count)
        unfinished.rename(folder)
    if not is_prepared(Layout(folder)):
        prepare(Layout(folder))
    keep(Layout(folder))
    return folder


def write_lake(data: Path, count: int) -> None:
    """Write a lake of so many dates: trades, quotes and bars of three symbols, and what a recorder writes besides."""
    layout = Layout(data)
    prepare(layout)
    days = dict(_tables())
    for number in range(count):
        day = str(FIRST_DAY + timedelta(days=number))
        last = number == count - 1
        for table, rows in days.items():
            path = (layout.live_file(table.name, day, "main", number) if last
                    else layout.archive_file(table.name, day, "main", number, number))
            path.parent.mkdir(parents=True)
            write_parquet(table, _moved(rows, number), path)
            then_s = time.time() - 3_600  # nobody writes there any more
            os.utime(path.parent, (then_s, then_s))
    if count > 1:
        for name in TABLES:
            seal_through(layout, name, FIRST_DAY + timedelta(days=count - 2))


def _moved(rows: pa.Table, number: int) -> pa.Table:
    """Return the rows of the first date as those of a later one."""
    for name in ("ts", "ts_event", "from_ts", "to_ts"):
        if name in rows.schema.names:
            kind = rows.schema.field(name).type
            times = pc.add(rows[name].cast(pa.int64()), number * DAY_US).cast(kind)
            rows = rows.set_column(rows.schema.get_field_index(name), name, times)
    day = f"{FIRST_DAY + timedelta(days=number):%Y%m%d}"
    for name, before, now in (("gap_id", ".1", f".{number}"), ("trading_hours", f"{FIRST_DAY:%Y%m%d}", day),
                              ("liquid_hours", f"{FIRST_DAY:%Y%m%d}", day)):
        if name in rows.schema.names:
            named = pc.replace_substring(rows[name], before, now)
            rows = rows.set_column(rows.schema.get_field_index(name), name, named)
    frames = pc.add(rows["seq"], number * 1_000_000)
    return rows.set_column(rows.schema.get_field_index("seq"), "seq", frames).cast(rows.schema)


def _tables() -> Iterator[tuple[Table, pa.Table]]:
    """Yield tables with their rows of the first date."""
    for name in ("trades", "quotes", "bars"):
        yield table_rows(name, [_market(name, symbol, minute) for minute in range(MINUTES) for symbol in SYMBOLS])
    yield table_rows("instruments", [
        {"symbol": symbol, "instrument_id": con_id, "ib_symbol": symbol, "time_zone": "US/Eastern",
         "trading_hours": HOURS, "liquid_hours": HOURS}
        for symbol, con_id in SYMBOLS.items()])
    yield table_rows("sessions", [{"event": "opened"}, {"event": "closed"}])
    yield table_rows("subscriptions", [
        {"symbol": symbol, "instrument_id": con_id, "stream": stream, "event": event, "ts": _at(minute),
         "request_id": 10 * place + at}
        for event, minute in (("requested", -30), ("cancelled", MINUTES + 30))
        for at, (symbol, con_id) in enumerate(SYMBOLS.items()) for place, stream in enumerate(STREAMS.values(), 1)])
    yield table_rows("notices", [
        {"source": "ib", "kind": "information", "message": "Market data farm connection is OK"}])
    yield table_rows("gaps", [
        {"symbol": "AAPL", "instrument_id": SYMBOLS["AAPL"], "stream": "all_last", "gap_id": "main.1", "state": state,
         "from_ts": _at(100), "to_ts": to, "reason": "the line broke"}
        for state, to in (("open", None), ("closed", _at(101)))])


def _market(name: str, symbol: str, minute: int) -> dict[str, Any]:
    price = 100 + minute / 100
    values = {"price": price, "size": 100.0, "bid_price": price, "ask_price": price + 0.01, "bid_size": 100.0,
              "ask_size": 200.0, "open": price, "high": price, "low": price, "close": price, "volume": 100.0}
    return {"symbol": symbol, "instrument_id": SYMBOLS[symbol], "stream": STREAMS[name], "origin": "live",
            "form": "realtime", "bar_size": "5 secs", "what": "TRADES", "exchange": "NASDAQ", "ts": _at(minute),
            "ts_event": _at(minute), **values}


def _at(minute: int) -> int:
    midnight = int(datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC).timestamp()) * 1_000_000
    return midnight + OPEN_US + minute * 60_000_000


def table_rows(name: str, rows: list[dict[str, Any]]) -> tuple[Table, pa.Table]:
    """Return a table and its rows, in its order, with what a row does not say filled in."""
    table = TABLES[name]
    usual: dict[str, Any] = {"recorder": "main", "row": 0, "request_id": 1}
    whole = [{field.name: row.get(field.name, usual.get(field.name, _nothing(field))) for field in table.schema}
             | {"ts": row.get("ts", _at(0)), "seq": seq} for seq, row in enumerate(rows)]
    return table, pa.Table.from_pylist(whole, table.schema).sort_by([(key, "ascending") for key in table.sort_key])


def _nothing(field: pa.Field) -> Any:
    if field.nullable:
        return None
    return "" if pa.types.is_string(field.type) else 0 if pa.types.is_integer(field.type) else False


if __name__ == "__main__":
    main()
