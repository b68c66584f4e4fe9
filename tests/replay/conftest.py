"""A lake of two recorders: a sealed day, a rolled day, and rows that are only on the tapes."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import capture
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.sealing import Sealer
from capture.lake.views import prepare
from capture.tape import segments

DAYS = [datetime(2026, 1, day, 12, tzinfo=UTC) for day in (5, 6, 7)]
SYMBOLS = {1: "AAPL", 2: "MSFT"}
TABLES = ["trades", "quotes", "ticks", "depth"]
ROWS = 5  # that a book is asked for


def write(tape: Any, chance: random.Random) -> None:
    """Write one message of some stream, as IB would send it."""
    instrument, price, size = chance.randint(1, 2), chance.randint(100, 110), chance.randint(1, 9)
    kind = chance.randrange(4)
    if kind == 0:
        tape.trade(instrument * 10, price, size)
    elif kind == 1:
        tape.answer("tick_by_tick", request_id=instrument * 10 + 1, kind=3, time=1_767_623_400, bid_price=price,
                    ask_price=price + 1, bid_size=size, ask_size=size)
    elif kind == 2:
        tape.answer("tick_price", request_id=instrument * 10 + 2, tick_type=chance.choice([1, 2, 4]), price=price,
                    size=size, mask=0)
    else:
        tape.answer("market_depth", request_id=instrument * 10 + 3, position=0, operation=0, side=chance.randint(0, 1),
                    price=price, size=size)


def subscribe(tape: Any) -> None:
    for number, symbol in SYMBOLS.items():
        for request, name, more in (
            (0, "req_tick_by_tick", {"tick_kind": "AllLast"}), (1, "req_tick_by_tick", {"tick_kind": "BidAsk"}),
            (2, "req_market_data", {}), (3, "req_market_depth", {"rows": ROWS})):
            tape.ask(number * 10 + request, name, con_id=number, symbol=symbol, **more)


def record(tapes: list[Any], at: Callable[[float], None]) -> None:
    """Write three days: of the first two, marks and rolls; of the third, nothing is rolled."""
    chance = random.Random(7)
    layout = Layout(tapes[0].data)
    prepare(layout)
    for day in DAYS:
        now_s = day.timestamp()
        at(now_s)
        for tape in tapes:
            tape.open()
            subscribe(tape)
        for _ in range(400):
            now_s += chance.choice([0, 0, 0, 0.000_2, 0.001, 0.7])
            at(now_s)
            write(chance.choice(tapes), chance)
        for tape in tapes:
            tape.close() if day is not DAYS[-1] else tape.mark()
            tape.mark()
        if day is not DAYS[-1]:
            for tape in tapes:
                list(Roller(layout, tape.recorder).roll())
    late(tapes[0])
    list(Sealer(layout, settle_s=0, now_s=lambda: DAYS[-1].timestamp()).seal())
    assert segments(layout.tape / "main")


def late(tape: Any) -> None:
    """Let IB's history bring trades of the first day, which is sealed by then."""
    tape.ask(90, "req_historical_ticks", con_id=1, symbol="AAPL", what="TRADES")
    ticks = [{"time": int(DAYS[0].timestamp()) + second, "mask": 0, "price": 7.0, "size": 1, "exchange": "X",
              "conditions": ""} for second in (1, 1, 5)]
    tape.answer("historical_trades", request_id=90, done=True, ticks=ticks)


@contextmanager
def recording(folder: Path) -> Iterator[Path]:
    """Record the three days into a folder, and keep the tapes open meanwhile."""
    from tests.conftest import ScriptedTape

    now_ns = [int(DAYS[0].timestamp() * 1e9)]

    def at(now_s: float) -> None:
        now_ns[0] = int(now_s * 1e9)

    tapes = [ScriptedTape(folder, name, now=lambda: now_ns[0]) for name in ("main", "second")]
    record(tapes, at)
    yield folder
    for tape in tapes:
        tape.writer.close()


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the lake."""
    with recording(tmp_path_factory.mktemp("replay") / "data") as folder:
        yield folder


@pytest.fixture
def lake(recorded: Path) -> Iterator[capture.Lake]:
    with capture.open_lake(recorded) as opened:
        yield opened
