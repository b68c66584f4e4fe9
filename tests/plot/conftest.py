"""What the tests of pictures share: lakes of a few rows."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from capture import Lake, open_lake
from capture.lake.layout import Layout
from capture.lake.roll import publish_range
from capture.lake.views import prepare
from capture.schemas import TABLES

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
IDS = {"AAPL": 265598, "EUR.USD": 12087792}
NAMED = {"recorder": "main", "origin": "live", "request_id": 1}

MakeLake = Callable[..., Lake]


def at(seconds: float, start: datetime = NOON) -> datetime:
    return start + timedelta(seconds=seconds)


def trade(ts: datetime, price: float, symbol: str = "AAPL", size: float = 100.0) -> dict[str, Any]:
    return {"ts": ts, "symbol": symbol, "stream": "all_last", "price": price, "size": size, "past_limit": False,
            "unreported": False}  # fmt: skip


def quote(ts: datetime, bid: float | None, ask: float | None, symbol: str = "AAPL") -> dict[str, Any]:
    return {"ts": ts, "symbol": symbol, "stream": "quotes", "bid_price": bid, "ask_price": ask, "bid_size": 1.0,
            "ask_size": 1.0, "bid_past_low": False, "ask_past_high": False}  # fmt: skip


def gap(from_ts: datetime, to_ts: datetime | None, reason: str = "the line broke", state: str = "closed",
        symbol: str = "AAPL", stream: str = "quotes") -> dict[str, Any]:  # fmt: skip
    return {"ts": to_ts or from_ts, "symbol": symbol, "stream": stream, "gap_id": f"{symbol}-{stream}-{from_ts}",
            "state": state if to_ts else "open", "from_ts": from_ts, "to_ts": to_ts, "reason": reason}  # fmt: skip


def instrument(symbol: str = "AAPL", hours: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"ts": NOON, "symbol": symbol, "ib_symbol": symbol, "security_type": "STK", "currency": "USD",
            "long_name": "APPLE INC", "time_zone": "UTC" if hours else None, "trading_hours": hours,
            "liquid_hours": hours, "security_ids": "{}", "ineligibility_reasons": "{}"} | fields  # fmt: skip


@pytest.fixture
def make_lake(tmp_path: Path, request: pytest.FixtureRequest) -> MakeLake:
    """Make a lake of rows by table."""

    def make(**rows: list[dict[str, Any]]) -> Lake:
        layout = Layout(tmp_path / "data")
        layout.tape.mkdir(parents=True)
        prepare(layout)
        tables = {}
        for name, given in rows.items():
            numbered = [NAMED | {"seq": seq, "row": 0, "instrument_id": IDS.get(row["symbol"])} | row
                        for seq, row in enumerate(given)]  # fmt: skip
            tables[name] = pa.Table.from_pylist(numbered, TABLES[name].schema)
        publish_range(layout, "main", 1, tables)
        lake = open_lake(layout.root)
        request.addfinalizer(lake.close)
        return lake

    return make
