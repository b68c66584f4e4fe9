"""An outage, end to end: after backfill the lake holds what the market produced, exactly."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from capture import open_lake
from capture.decode.restore import KEYS
from capture.gateway import Gateway
from capture.gateway.market import Market
from capture.recorder.recorder import Recorder
from capture.wanted.settings import RecordBlock, Settings

AAPL = 265598
STREAMS = ["trades", "quotes", "midpoints", "bars"]


def market_rows(market: Market, table: str, from_us: int, to_us: int) -> Counter[tuple[Any, ...]]:
    rows = getattr(market, table)(AAPL, from_us, to_us).select(KEYS[table]).to_pylist()
    return Counter(tuple(None if value == "" else value for value in row.values()) for row in rows)


def lake_rows(data: Path, table: str, from_us: int, to_us: int) -> Counter[tuple[Any, ...]]:
    with open_lake(data) as lake:
        rows = lake.sql(f"select {', '.join(KEYS[table])} from {table} where epoch_us(ts_event) between ? and ?",
                        [from_us, to_us - 1]).arrow().to_pylist()  # fmt: skip
    return Counter(tuple(row.values()) for row in rows)


async def states(data: Path) -> list[str]:
    def ask() -> list[str]:
        with open_lake(data) as lake:
            found = lake.sql("select arg_max(state, seq * 4e9 + row) from gaps group by gap_id").rows()
        return [state for (state,) in found]

    return await asyncio.to_thread(ask)


async def outages(market: Market, settings: Settings, down_s: list[float], said: list[str]) -> None:
    """Record through outages; return once every gap is closed and backfilled."""
    gateway = Gateway(market)
    await gateway.start()
    own = settings.model_copy(update={"port": gateway.port})
    recorder = Recorder(own, say=lambda _, text: said.append(text))
    running = asyncio.create_task(recorder.run(for_s=120))
    for lasts_s in down_s:
        await asyncio.sleep(3)
        await gateway.stop()
        await asyncio.sleep(lasts_s)
        gateway = Gateway(market, port=own.port)
        await gateway.start()
    async with asyncio.timeout(120):
        while set(await states(own.data)) != {"backfilled"}:  # noqa: ASYNC110 - a lake tells nobody
            await asyncio.sleep(0.5)
    recorder.stop("enough")
    assert await running == 3, "the line was lost meanwhile"
    await gateway.stop()


@pytest.mark.slow
@pytest.mark.parametrize("down_s", [[0.2], [1.0, 4.0]])
def test_after_an_outage_the_lake_holds_the_whole_market(tmp_path: Path, down_s: list[float]) -> None:
    market, said = Market(seed=11, rate=3.0), list[str]()
    record = [RecordBlock(instruments=["AAPL"], streams=STREAMS)]
    settings = Settings(data=tmp_path / "data", roll_interval_s=0.5, record=record)
    asyncio.run(outages(market, settings, down_s, said))
    with open_lake(settings.data) as lake:
        first, last = lake.sql("select epoch_us(min(ts_event)), epoch_us(max(ts_event)) from quotes").rows()[0]
        restored = lake.sql("select sum(rows_restored) from gaps where state = 'backfilled'").rows()[0][0]
        counts = [f"(select count(*) from {table} where origin = 'backfill')" for table in KEYS]
        from_history = lake.sql(f"select {' + '.join(counts)}").rows()[0][0]
        starts = lake.sql("select epoch(ts_event)::int from bars order by ts_event").rows()
    begin_us, end_us = first + 1_000_000, last  # neither the first second nor the last is whole
    assert starts == [(start,) for start in range(starts[0][0], starts[-1][0] + 5, 5)], "every bar, once"
    for table in ("trades", "quotes", "midpoints"):
        wanted, found = market_rows(market, table, begin_us, end_us), lake_rows(settings.data, table, begin_us, end_us)
        assert sum(wanted.values()) > 10
        assert found == wanted, (table, found - wanted, wanted - found)
    assert restored == from_history > 0
    assert any("rows of history fetched" in text for text in said)
