"""A small paper session for the notebook about accounts: a client trades, and a recorder stands beside it.

    python -m tests.examples.account_recording FOLDER    makes it
"""

import asyncio
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from capture.gateway import Gateway
from capture.gateway.given import load_positions
from capture.gateway.market import Market
from capture.gateway.trading import Terms
from capture.lake.layout import Layout
from capture.recorder.recorder import Recorder
from capture.wanted.account_settings import Accounts
from capture.wanted.instrument import parse_instrument
from capture.wanted.settings import RecordBlock, Settings
from tests import virtual_time
from tests.gateway.conftest import Peer

from .recording import roll

START = datetime(2026, 11, 18, 14, 32, tzinfo=UTC)  # two minutes after New York opened
START_US = int(START.timestamp() * 1e6)
LASTED_S = 5 * 60
RECORDER, TRADER = 17, 1  # clients
RATE = 0.1  # a small lake is quick to make
LATENCY_US = 40_000  # of an order on its way
CALL = "OPT:AAPL:20261218:275:C"
RECORD = [RecordBlock(instruments=["AAPL", "ESZ6"], streams=["quotes"]),
          RecordBlock(instruments=[CALL], streams=["ticks"])]  # fmt: skip
HELD = "instrument,position,average_cost\nAAPL,200,268.4\nMSFT,-80,412.5\nIBM,40,230.1\n"  # MSFT is not recorded


class Placed(NamedTuple):
    """An order, so many seconds after the start: below 0 it sells, without a limit it is one at market."""

    at_s: int
    word: str
    quantity: int
    limit: float | None = None


ORDERS = (
    Placed(20, "AAPL", 300), Placed(40, "ESZ6", 2), Placed(65, "AAPL", 200), Placed(90, CALL, 4),
    Placed(115, "AAPL", -400), Placed(135, "ESZ6", -3), Placed(155, "AAPL", 100, 271.9), Placed(180, CALL, -2),
    Placed(205, "ESZ6", 2), Placed(225, "AAPL", -150), Placed(250, "MSFT", 60))  # fmt: skip


def make(folder: Path, pace: int = 1) -> None:
    """Record a session into a folder, so many times as long, and roll it all."""
    folder.mkdir(parents=True)
    given = folder.parent / "held.csv"
    given.write_text(HELD, encoding="utf-8")
    terms = Terms(cash=Decimal(250_000), positions=tuple(load_positions(given)), latency_us=LATENCY_US,
                  master_client_id=RECORDER)  # fmt: skip
    virtual_time.run(_record(folder, terms, pace), START_US)
    roll(Layout(folder))


async def _record(folder: Path, terms: Terms, pace: int) -> None:
    market = Market(rate=RATE, always_open=False)
    async with Gateway(market, limits=None, terms=terms) as gateway:
        settings = Settings(data=folder, port=gateway.port, client_id=RECORDER, record=RECORD, market_data_lines=0,
                            accounts=Accounts())  # fmt: skip
        recorder = Recorder(settings, say=lambda *_: None, roll=False)
        running = asyncio.create_task(recorder.run())
        peer = await Peer.connect(gateway, TRADER)
        await _trade(peer, market, pace)
        await asyncio.sleep(pace * (LASTED_S - ORDERS[-1].at_s))
        await peer.close()
        recorder.stop("enough")
        assert await running == 0


async def _trade(peer: Peer, market: Market, pace: int) -> None:
    passed_s = 0
    for number, placed in enumerate(ORDERS, 1):
        await asyncio.sleep(pace * (placed.at_s - passed_s))
        passed_s = placed.at_s
        [details] = market.find(START_US, **parse_instrument(placed.word).contract.values())
        peer.send("place_order", order_id=number, transmit=True, action="BUY" if placed.quantity > 0 else "SELL",
                  total_quantity=abs(placed.quantity), order_type="LMT" if placed.limit else "MKT",
                  limit_price=placed.limit, con_id=details["con_id"], exchange=details["exchange"])  # fmt: skip


if __name__ == "__main__":
    make(Path(sys.argv[1]))
