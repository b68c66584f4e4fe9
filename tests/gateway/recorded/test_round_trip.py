"""A recorded day, replayed into a second recorder, gives the same tables, row for row in order."""

import asyncio
from pathlib import Path

import pytest

from capture import Lake, open_lake
from capture.gateway import AT_ONCE, Gateway
from capture.gateway.recorded import Recording
from capture.lake.layout import Layout
from capture.lake.views import prepare
from capture.recorder.recorder import Recorder
from capture.schemas import TABLES

from .conftest import START_US, ended, replay, roll, settings

pytestmark = pytest.mark.slow

# When and by whom a row was received, and under which request: all that may differ.
OF_THE_RECEIVING = frozenset({"ts", "seq", "row", "recorder", "request_id", "date"})
SETTLED_S = 0.5


async def record_again(gateway: Gateway, data: Path) -> None:
    async with gateway:
        recorder = Recorder(settings(data, gateway.port), say=lambda *_: None, roll=False)
        running = asyncio.create_task(recorder.run())
        streams = recorder.machine.subscriptions.all
        async with asyncio.timeout(120):
            while not all(stream.request_id for stream in streams):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await asyncio.sleep(SETTLED_S)
        gateway.control("resume")
        await ended(gateway)
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


@pytest.mark.parametrize("table", ["trades", "quotes", "midpoints", "ticks", "depth", "bars", "greeks"])
def test_a_replayed_day_is_recorded_row_for_row(lake: Lake, again: Lake, table: str) -> None:
    names = ", ".join(name for name in TABLES[table].schema.names if name not in OF_THE_RECEIVING)
    query = f'select {names} from {table} order by seq, "row"'
    first, second = lake.sql(query).rows(), again.sql(query).rows()
    assert len(first) > 50
    assert second == first
    assert again.sql("select count(*) from undecoded").rows() == [(0,)]


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
