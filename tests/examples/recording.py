"""A small recorded lake for notebooks and plots: half an hour across the open of New York, with two outages.

    python -m tests.examples.recording FOLDER    makes it
"""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from capture.gateway import Gateway
from capture.gateway.market import Market
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.views import prepare
from capture.recorder.recorder import Recorder
from capture.wanted.settings import RecordBlock, Settings
from tests import virtual_time

DAY = "2026-11-18"  # a Wednesday
START = datetime(2026, 11, 18, 14, 25, tzinfo=UTC)  # five minutes before New York opens
RECORD = [RecordBlock(instruments=["AAPL", "ESZ6"], streams=["trades", "quotes", "depth", "bars"]),
          RecordBlock(instruments=["EUR.USD"], streams=["quotes"])]  # fmt: skip
RATE = 0.25
LASTED_S = 30 * 60
OUTAGES_S = {10 * 60: 60, 22 * 60: 60}  # after so long, for so long
ROLLED_S = (12 * 60, 13 * 60, 14 * 60)  # history is asked for gaps that were rolled: the first outage is restored


def make(folder: Path) -> None:
    """Record into a folder, and roll it all."""
    virtual_time.run(_record(folder), int(START.timestamp() * 1e6))
    roll(Layout(folder))


def roll(layout: Layout) -> None:
    """Make tables of what is on the tapes."""
    prepare(layout)
    for _ in Roller(layout, "main").roll():
        pass


async def _record(folder: Path) -> None:
    async with Gateway(Market(rate=RATE, always_open=False), limits=None) as gateway:
        settings = Settings(data=folder, port=gateway.port, record=RECORD, market_data_lines=0)
        recorder = Recorder(settings, say=lambda *_: None, roll=False)
        running = asyncio.create_task(recorder.run())
        for second in range(LASTED_S):
            if second in OUTAGES_S:
                gateway.control("refuse", OUTAGES_S[second])
                gateway.control("drop")
            if second in ROLLED_S:
                roll(Layout(folder))
            await asyncio.sleep(1)
        recorder.stop("enough")
        assert await running in (0, 3)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
