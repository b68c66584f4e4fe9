"""The invented market, recorded in virtual time while its gateway is told to break."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from capture.gateway import Gateway
from capture.gateway.market import Market
from capture.recorder.recorder import Recorder
from capture.wanted.settings import RecordBlock, Settings
from tests import virtual_time

# A moment, in seconds from the beginning, and a command of the gateway's control.
Command = tuple[Any, ...]


def record(
    data: Path, market: Market, start: datetime, lasts_s: float, wanted: list[RecordBlock],
    commands: Sequence[Command] = (),
) -> None:
    """Record a market into a folder, which is not rolled; the gateway takes commands `(at_s, name, *arguments)`."""
    virtual_time.run(_record(data, market, lasts_s, wanted, commands), int(start.timestamp() * 1e6))


async def _record(
    data: Path, market: Market, lasts_s: float, wanted: list[RecordBlock], commands: Sequence[Command]
) -> None:
    async with Gateway(market) as gateway:
        settings = Settings(data=data, port=gateway.port, record=wanted)
        recorder = Recorder(settings, say=lambda level, text: None, roll=False)
        running = asyncio.create_task(recorder.run())
        now_s = 0.0
        for at_s, name, *arguments in commands:
            await asyncio.sleep(at_s - now_s)
            gateway.control(name, *arguments)
            now_s = at_s
        await asyncio.sleep(lasts_s - now_s)
        recorder.stop("enough")
        await running
