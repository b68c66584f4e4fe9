"""A lake made of rows as a test wants them, without a tape."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest

import capture
from capture.lake.layout import Layout
from capture.lake.parquet_file import write_parquet
from capture.publish import publish
from capture.schemas import TABLES

if TYPE_CHECKING:
    from .accounts import AccountLake

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
IDS = {"AAPL": 265598, "ESZ6": 649180695, "MSFT": 272093}
# What a row of a table holds unless a test says otherwise.
USUAL: dict[str, dict[str, Any]] = {
    "trades": {"stream": "all_last", "size": 1.0, "exchange": "ARCA", "past_limit": False, "unreported": False},
    "quotes": {"stream": "quotes", "bid_size": 1.0, "ask_size": 1.0, "bid_past_low": False, "ask_past_high": False},
    "midpoints": {"stream": "midpoints"},
    "gaps": {"stream": "all_last", "state": "closed", "reason": "the line was lost"},
    "instruments": {"security_type": "STK", "ib_symbol": "X", "security_ids": "{}", "ineligibility_reasons": "{}"},
}


def same(answer: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Compare the columns that are expected: floats nearly, as sums differ by the order in which they are made."""
    assert len(answer) == len(expected)
    for got, wanted in zip(answer, expected, strict=True):
        for name, value in wanted.items():
            nearly = pytest.approx(value) if isinstance(value, float) else value
            assert got[name] == nearly, f"{name} of {got}"


class MadeLake:
    """Takes rows, and gives the lake of them: as `lake` with all its methods, and as the views file's `duckdb`."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._lake: capture.Lake | None = None

    def add(self, table: str, seconds: float | datetime, symbol: str | None = "AAPL", **values: Any) -> None:
        """Add a row at a moment, or so many seconds after noon."""
        ts = seconds if isinstance(seconds, datetime) else NOON + timedelta(seconds=seconds)
        seq = len(self.rows[table]) + 1
        row = {"ts": ts, "seq": seq, "row": 0, "recorder": "main", "symbol": symbol,
               "instrument_id": IDS.get(symbol or ""), "request_id": 1, "origin": "live"}  # fmt: skip
        self.rows[table].append(row | USUAL.get(table, {}) | values)

    def trade(self, seconds: float | datetime, price: float | None, size: float = 1.0, **values: Any) -> None:
        self.add("trades", seconds, price=price, size=size, **values)

    def quote(self, seconds: float | datetime, bid: float | None, ask: float | None, **values: Any) -> None:
        self.add("quotes", seconds, bid_price=bid, ask_price=ask, **values)

    def gap(self, from_s: float, to_s: float | None, **values: Any) -> None:
        """Add a gap's row, in seconds after noon."""
        to_ts = None if to_s is None else NOON + timedelta(seconds=to_s)
        self.add("gaps", from_s, from_ts=NOON + timedelta(seconds=from_s), to_ts=to_ts,
                 **{"gap_id": f"gap {from_s}"} | values)

    @property
    def lake(self) -> capture.Lake:
        if self._lake is None:
            self._write()
            self._lake = capture.open_lake(self.layout.root)
        return self._lake

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Return the answer of the lake, after the views file in a session of another zone gave the same."""
        rows: list[dict[str, Any]] = self.lake.sql(query).arrow().to_pylist()
        with duckdb.connect(str(self.layout.database), read_only=True) as connection:
            connection.execute("set TimeZone = 'Australia/Lord_Howe'")
            plain = connection.sql(query).to_arrow_table()
        same(plain.to_pylist(), rows)
        return rows

    def close(self) -> None:
        if self._lake:
            self._lake.close()
            self._lake = None

    def _write(self) -> None:
        (self.layout.root / "tape").mkdir(parents=True, exist_ok=True)
        for name, rows in self.rows.items():
            table = TABLES[name]
            by_file: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
            for row in rows:
                by_file[str(row["ts"].astimezone(UTC).date()), row["recorder"]].append(row)
            for (day, recorder), some in by_file.items():
                path = self.layout.live_file(name, day, recorder, 1)
                path.parent.mkdir(parents=True, exist_ok=True)
                whole = [{column.name: row.get(column.name) for column in table.columns} for row in some]
                publish(path, partial(write_parquet, table, pa.Table.from_pylist(whole, schema=table.schema)))


@pytest.fixture(scope="session")
def random_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeLake]:
    """Two days of AAPL and MSFT with all that makes counting hard: see `fill`."""
    lake = MadeLake(tmp_path_factory.mktemp("random") / "data")
    fill(lake, Random(7))
    yield lake
    lake.close()


def fill(lake: MadeLake, random: Random) -> None:
    """Add trades of two recorders, by `last` and `all_last`, halts, unreported ones, quotes, restored rows and gaps."""
    for symbol in ("AAPL", "MSFT"):
        for day in (0, 1):
            for i in range(200):
                at = day * 86_400 + i * 3 + random.choice([0, 0.25, 0.5])
                price = None if random.random() < 0.02 else round(100 + random.random() * 10, 2)
                row: dict[str, Any] = {"symbol": symbol, "price": price, "size": float(random.randint(0, 5)),
                                       "unreported": random.random() < 0.1}  # fmt: skip
                if 60 < i < 150 or symbol == "MSFT":
                    lake.add("trades", at, **row)
                if i < 120 and symbol == "AAPL" and day == 0:
                    lake.add("trades", at, stream="last", **row)
                if (i > 20) == (day == 1):  # the recorder with most rows is another each day
                    lake.add("trades", at + 0.01, recorder="second", **row)
                if random.random() < 0.1:
                    lake.add("trades", float(int(at)), stream="history", origin="backfill", **row)
                bid = round(99 + random.random() * 10, 2)
                lake.add("quotes", at - 1, symbol=symbol, bid_price=None if i % 17 == 0 else bid, ask_price=bid + 1)
                lake.add("midpoints", at - 1, symbol=symbol, price=bid)
    for i, (from_s, to_s) in enumerate(((30, 50), (200, 201.5), (290, 300), (298, 310), (500, 86_450))):
        for stream in ("all_last", "last", "quotes"):
            lake.gap(from_s, to_s, stream=stream, gap_id=f"{stream} {i}", symbol="AAPL",
                     state="backfilled" if i == 1 else "closed")


@pytest.fixture
def made(tmp_path: Path) -> Iterator[MadeLake]:
    """An empty lake to fill; opened at the first question."""
    lake = MadeLake(tmp_path / "data")
    yield lake
    lake.close()


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator["AccountLake"]:
    """A lake of accounts to fill; opened at the first question."""
    from .accounts import AccountLake

    lake = AccountLake(tmp_path / "data")
    yield lake
    lake.close()
