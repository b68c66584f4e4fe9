"""The cookbook's queries, run over a small recording that is always the same.

    python -m tests.docs.cookbook    writes the results in docs/cookbook.md anew
"""

import asyncio
import re
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from capture import Lake, open_lake
from capture.gateway import Gateway
from capture.gateway.limits import Limits
from capture.gateway.market import Market
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.views import prepare
from capture.recorder.recorder import Recorder
from capture.wanted.settings import RecordBlock, Settings
from tests import virtual_time

PAGE = Path(__file__).parents[2] / "docs" / "cookbook.md"
BLOCK = re.compile(r"^```sql\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S)

START_US = int(datetime(2026, 11, 18, 15, 0, tzinfo=UTC).timestamp() * 1e6)  # a Wednesday, all markets open
RECORD = [
    RecordBlock(instruments=["AAPL"], streams=["trades", "quotes", "midpoints", "bars", "ticks", "depth"]),
    RecordBlock(instruments=["MSFT", "ESZ6"], streams=["trades", "quotes"]),
    RecordBlock(instruments=["TSLA"], streams=["trades", "quotes"]),  # one more than the account's limits allow
    RecordBlock(instruments=["OPT:AAPL:20261218:250:C", "OPT:AAPL:20261218:250:P"], streams=["ticks"]),
]  # fmt: skip
LINES = 160  # the account's market data lines
AWAY_S = 20  # the gateway refuses connections for so long


def recorded(folder: Path) -> Lake:
    """Record six minutes in which the line breaks once, roll them, and open the lake."""
    virtual_time.run(_record(folder), START_US)
    roll(Layout(folder))
    return open_lake(folder)


def roll(layout: Layout) -> None:
    prepare(layout)
    for _ in Roller(layout, "main").roll():
        pass


async def _record(folder: Path) -> None:
    async with Gateway(Market(rate=0.5), limits=Limits.of_lines(LINES)) as gateway:
        settings = Settings(data=folder, port=gateway.port, record=RECORD, market_data_lines=LINES)
        recorder = Recorder(settings, say=lambda *_: None, roll=False)
        running = asyncio.create_task(recorder.run())
        await asyncio.sleep(150)
        gateway.control("refuse", AWAY_S)
        gateway.control("drop")
        for _ in range(7):
            await asyncio.sleep(30)
            roll(Layout(folder))  # history is asked for gaps that were rolled
        recorder.stop("enough")
        assert await running in (0, 3)


def answered(page: str, lake: Lake) -> str:
    """Return the page with each query followed by what the lake answers."""
    return BLOCK.sub(lambda block: f"```sql\n{block[1]}```\n\n```text\n{_answer(lake, block[1])}\n```\n", page)


def _answer(lake: Lake, query: str) -> str:
    answer = lake.sql(query)
    cells = [answer.columns, *([_shown(value) for value in row] for row in answer.rows())]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)


def _shown(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.6g}"
        case datetime():
            precision = "milliseconds" if value.microsecond else "seconds"
            return value.replace(tzinfo=None).isoformat(sep=" ", timespec=precision)
        case date():
            return value.isoformat()
    return str(value)


def main() -> None:
    """Write the results anew."""
    with tempfile.TemporaryDirectory() as folder, recorded(Path(folder)) as lake:
        PAGE.write_text(answered(PAGE.read_text("utf-8"), lake), encoding="utf-8")


if __name__ == "__main__":
    main()
