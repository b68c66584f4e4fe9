"""A recorded day, replayed into a second recorder, gives the same tables, row for row in order."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from capture import Lake, open_lake
from capture.gateway import AT_ONCE, Gateway
from capture.gateway.recorded import Recording
from capture.lake.layout import Layout
from capture.lake.views import prepare
from capture.recorder.recorder import Recorder
from capture.schemas import TABLES
from tests.gateway.conftest import Peer

from .conftest import AAPL, ESZ6, MSFT, START_US, ended, replay, roll, settings

pytestmark = pytest.mark.slow

# When and by whom a row was received, and under which request: all that may differ.
OF_THE_RECEIVING = frozenset({"ts", "seq", "row", "recorder", "request_id", "date"})
SETTLED_S = 0.5
TRADES = 12


async def nothing(_gateway: Gateway) -> None:
    """What happens beside a recorder otherwise."""


async def trade(gateway: Gateway) -> None:
    """Buy and sell at the market, again and again, beside orders that rest, and a position that stays."""
    peer = await Peer.connect(gateway, client_id=9)
    try:
        for number, (con_id, side) in enumerate(product((AAPL, ESZ6, MSFT), ("BUY", "SELL")), 1):
            price = 1.0 if side == "BUY" else 100_000.0
            peer.send("place_order", order_id=number, **of(con_id, side, 7), order_type="LMT", limit_price=price)
        peer.send("place_order", order_id=10, **of(AAPL, "BUY", 1_000), order_type="MKT")
        for number in range(1, TRADES + 1):
            side = "SELL" if number % 2 else "BUY"
            peer.send("place_order", order_id=10 + number, **of(MSFT, side, 100), order_type="MKT")
            await peer.until("order_status", order_id=10 + number, status="Filled")
        await ended(gateway)
    finally:
        await peer.close()


def of(con_id: int, side: str, quantity: int) -> dict[str, Any]:
    return {"con_id": con_id, "action": side, "total_quantity": quantity, "transmit": True, "exchange": ""}


async def record_again(gateway: Gateway, data: Path, beside: Callable[[Gateway], Awaitable[None]] = nothing) -> None:
    async with gateway:
        recorder = Recorder(settings(data, gateway.port), say=lambda *_: None, roll=False)
        running = asyncio.create_task(recorder.run())
        streams = recorder.machine.subscriptions.all
        async with asyncio.timeout(120):
            while not all(stream.request_id for stream in streams):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await asyncio.sleep(SETTLED_S)
        gateway.control("resume")
        await asyncio.gather(beside(gateway), ended(gateway))
        await asyncio.sleep(SETTLED_S)
        recorder.stop("enough")
        await running
    prepare(Layout(data))
    roll(data)


@pytest.fixture(scope="module")
def again(recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    data = tmp_path_factory.mktemp("again") / "data"
    asyncio.run(record_again(replay(recording, START_US, AT_ONCE), data))
    return open_lake(data)


MARKET = ["trades", "quotes", "midpoints", "ticks", "depth", "bars", "greeks"]


def rows_of(table: str) -> str:
    """SQL for what of a table's rows is the market's."""
    names = ", ".join(name for name in TABLES[table].schema.names if name not in OF_THE_RECEIVING)
    return f'select {names} from {table} order by seq, "row"'


@pytest.mark.parametrize("table", MARKET)
def test_a_replayed_day_is_recorded_row_for_row(lake: Lake, again: Lake, table: str) -> None:
    first, second = lake.sql(rows_of(table)).rows(), again.sql(rows_of(table)).rows()
    assert len(first) > 50
    assert second == first
    assert again.sql("select count(*) from undecoded").rows() == [(0,)]


def test_the_market_is_the_same_byte_for_byte_whoever_trades_beside(
    recording: Recording, again: Lake, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    gateway = replay(recording, START_US, AT_ONCE)
    asyncio.run(record_again(gateway, data, trade))
    filled = [one.fill for one in gateway.state.trading.executions()]
    assert sum(fill.security.con_id == MSFT for fill in filled) >= TRADES
    assert sum(fill.quantity for fill in filled if fill.security.con_id == AAPL) > 0
    with open_lake(data) as second:
        for table in MARKET:
            wanted, found = (one.sql(rows_of(table)).arrow() for one in (again, second))
            assert found.schema == wanted.schema and found.num_rows > 50, table
            assert bytes_of(found) == bytes_of(wanted), table
        assert second.sql("select count(*) from undecoded").rows() == [(0,)]


def bytes_of(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows.combine_chunks())
    return bytes(sink.getvalue())


def test_a_day_on_which_the_line_broke_is_played_whole(broken_lake: Lake, broken: Recording, tmp_path: Path) -> None:
    """What history restored is played at its own time, so the second recorder gets it as live rows, in that order."""
    data = tmp_path / "data"
    asyncio.run(record_again(replay(broken, START_US, AT_ONCE), data))
    with open_lake(data) as second:
        restored = 0
        for table, names in (("trades", "ts_event, price, size, exchange"), ("midpoints", "ts_event, price"),
                             ("quotes", "ts_event, bid_price, ask_price")):
            streams = "('last')" if table == "trades" else "('')"
            query = f"""select instrument_id, {names} from {table} where stream not in {streams}
                        order by {{}} seq, "row" """
            first, again = broken_lake.sql(query.format("ts,")).rows(), second.sql(query.format("")).rows()
            restored += broken_lake.sql(f"select count(*) from {table} where origin = 'backfill'").rows()[0][0]
            assert again == first, table
        assert restored > 20
