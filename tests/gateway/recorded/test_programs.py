"""Programs written for a live TWS, with ib_async and with IB's own client, run unchanged against a replay.

Each is a class that knows nothing of a replay; what it makes equals what SQL makes of the lake.
"""

import asyncio
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from ib_async import IB, Contract, MarketOrder, Ticker
from ibapi.client import EClient
from ibapi.contract import Contract as OfficialContract
from ibapi.wrapper import EWrapper

from capture import Lake
from capture.gateway import AT_ONCE, Gateway, running
from capture.gateway.recorded import Recording

from .conftest import AAPL, MSFT, SECOND_US, START_US, ended, replay, rows
from .test_recording import book_of, moment

pytestmark = pytest.mark.slow

BAR_S = 10
LATER_US = START_US + 100 * SECOND_US
SETTLE_S = 0.3
Bar = tuple[int, float, float, float, float, float]  # start, open, high, low, close, volume


class BarBuilder:
    """Builds bars of 10 seconds from trades."""

    def __init__(self) -> None:
        self.bars: dict[int, list[float]] = {}

    def trade(self, at_s: int, price: float, size: float) -> None:
        start = at_s - at_s % BAR_S
        bar = self.bars.setdefault(start, [price, price, price, price, 0.0])
        bar[1], bar[2], bar[3], bar[4] = max(bar[1], price), min(bar[2], price), price, bar[4] + size

    def result(self) -> list[Bar]:
        return [(start, *bar) for start, bar in sorted(self.bars.items())]  # type: ignore[misc]  # five floats


class DepthPrinter:
    """Keeps a book as IB describes it, and a line of text for each of its changes."""

    def __init__(self) -> None:
        self.books: dict[int, list[tuple[float, float, str]]] = {0: [], 1: []}
        self.lines: list[str] = []

    def change(self, position: int, maker: str, operation: int, side: int, price: float, size: float) -> None:
        book = self.books[side]
        if operation == 0:
            book.insert(position, (price, float(size), maker))
        elif operation == 1:
            book[position] = (price, float(size), maker)
        else:
            del book[position]
        self.lines.append(f"{len(self.lines)} {self.books[1][:1]} {self.books[0][:1]}")

    def reset(self) -> None:
        self.books = {0: [], 1: []}


def wanted_bars(lake: Lake, con_id: int, size_s: int, before_us: int = 4_000_000_000_000_000) -> list[Bar]:
    return lake.sql(f"""select epoch(ts_event)::bigint // {size_s} * {size_s} as start,
        first(price order by seq, row), max(price), min(price), last(price order by seq, row), sum(size) from trades
        where instrument_id = {con_id} and stream = 'all_last' and epoch_us(ts) < {before_us}
        group by 1 order by 1""").rows()


def wanted_book(lake: Lake) -> dict[int, list[tuple[Any, ...]]]:
    operations = rows(lake, f"""select operation, side, position, price, size, market_maker from depth
        where instrument_id = {AAPL} and stream = 'smart_depth' order by seq, row""")
    book = book_of(operations, 99)
    return {0: book["ask"], 1: book["bid"]}


def count_of_operations(lake: Lake) -> int:
    found = lake.sql(f"select count(*) from depth where instrument_id = {AAPL} and stream = 'smart_depth'").rows()
    return int(found[0][0])


def wanted_ticks(lake: Lake) -> list[tuple[Any, ...]]:
    return lake.sql(f"""select epoch(ts_event)::bigint, price, size from trades where instrument_id = {MSFT}
        and epoch_us(ts) < {LATER_US} order by ts_event, seq, row""").rows()


# ib_async


def with_ib_async(gateway: Gateway, play: Callable[[IB, Gateway], Any]) -> None:
    async def act() -> None:
        async with gateway:
            ib = IB()
            await ib.connectAsync("127.0.0.1", gateway.port, clientId=3, timeout=60, raiseSyncErrors=True)
            try:
                await play(ib, gateway)
            finally:
                ib.disconnect()
                await asyncio.sleep(0.05)

    logging.getLogger("ib_async").setLevel(logging.CRITICAL)
    asyncio.run(act())


async def qualified(ib: IB, con_id: int) -> Contract:
    (contract,) = await ib.qualifyContractsAsync(Contract(conId=con_id))
    assert isinstance(contract, Contract)
    return contract


def epoch_s(time: Any) -> int:
    return int(time.timestamp())


async def played(gateway: Gateway, all_came: Callable[[], bool]) -> None:
    """Let a replay that waits go on to its end, until its client has read what it was sent."""
    await asyncio.sleep(SETTLE_S)
    gateway.control("resume")
    await ended(gateway)
    async with asyncio.timeout(120):
        while not all_came():  # noqa: ASYNC110  (ib_async sets no event for this)
            await asyncio.sleep(0.02)


def test_a_bar_builder_with_ib_async(lake: Lake, recording: Recording) -> None:
    """ib_async stamps ticks with its own clock, so bars of a time are built of its 5-second bars, others of ticks."""
    builder = BarBuilder()
    trades: list[tuple[float, float]] = []

    def on_bar(bars: Any, _has_new_bar: bool) -> None:
        bar = bars[-1]
        for price, size in ((bar.open_, 0), (bar.high, 0), (bar.low, 0), (bar.close, bar.volume)):
            builder.trade(int(bar.time.timestamp()), price, size)

    def on_ticks(ticker: Ticker) -> None:
        trades.extend((tick.price, tick.size) for tick in ticker.tickByTicks)  # type: ignore[union-attr]  # AllLast

    wanted = lake.sql(f"""select price, size from trades where instrument_id = {AAPL} and stream = 'all_last'
                          order by seq, row""").rows()
    bars = lake.sql(f"""select epoch(ts_event)::bigint // {BAR_S} * {BAR_S} as start, first(open order by ts_event),
        max(high), min(low), last(close order by ts_event), sum(volume) from bars
        where instrument_id = {AAPL} and form = 'closed' group by 1 order by 1""").rows()

    async def play(ib: IB, gateway: Gateway) -> None:
        contract = await qualified(ib, AAPL)
        ib.reqRealTimeBars(contract, 5, "TRADES", False).updateEvent += on_bar
        ib.reqTickByTickData(contract, "AllLast").updateEvent += on_ticks
        await played(gateway, lambda: len(trades) >= len(wanted) and len(builder.bars) >= len(bars))
        await asyncio.sleep(SETTLE_S)

    with_ib_async(replay(recording, START_US, AT_ONCE), play)
    assert trades == wanted
    assert builder.result() == bars


def test_a_depth_printer_with_ib_async(lake: Lake, recording: Recording) -> None:
    printer = DepthPrinter()

    def on_depth(ticker: Ticker) -> None:
        for tick in ticker.domTicks:
            printer.change(tick.position, tick.marketMaker, tick.operation, tick.side, tick.price, tick.size)

    async def play(ib: IB, gateway: Gateway) -> None:
        ticker = ib.reqMktDepth(await qualified(ib, AAPL), 10, isSmartDepth=True)
        ticker.updateEvent += on_depth
        await played(gateway, lambda: len(printer.lines) >= count_of_operations(lake))

    with_ib_async(replay(recording, START_US, AT_ONCE), play)
    assert len(printer.lines) == count_of_operations(lake)
    assert printer.books == wanted_book(lake)


def test_a_historical_download_with_ib_async(lake: Lake, recording: Recording) -> None:
    async def play(ib: IB, gateway: Gateway) -> None:
        contract = await qualified(ib, MSFT)
        bars = await ib.reqHistoricalDataAsync(contract, "", "3600 S", "10 secs", "TRADES", False, 2)
        found = [(epoch_s(bar.date), bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars]
        assert found == wanted_bars(lake, MSFT, BAR_S, LATER_US)
        start = moment(START_US - SECOND_US)
        ticks: list[tuple[int, float, float]] = []
        while page := await ib.reqHistoricalTicksAsync(contract, start, "", 20, "TRADES", False):
            ticks += [(epoch_s(tick.time), tick.price, tick.size) for tick in page]
            start = moment((ticks[-1][0] + 1) * SECOND_US)
        assert ticks == wanted_ticks(lake)
        head = await ib.reqHeadTimeStampAsync(contract, "TRADES", False, 2)
        assert epoch_s(head) == ticks[0][0]

    with_ib_async(replay(recording, LATER_US), play)


def test_bars_kept_up_to_date_and_level_1_with_ib_async(lake: Lake, recording: Recording) -> None:
    async def play(ib: IB, gateway: Gateway) -> None:
        contract = await qualified(ib, AAPL)
        bars = await ib.reqHistoricalDataAsync(contract, "", "3600 S", "1 min", "TRADES", False, 2, True)
        real = ib.reqRealTimeBars(contract, 5, "TRADES", False)
        ticker = ib.reqMktData(contract, "233")
        trade = ib.placeOrder(contract, MarketOrder("BUY", 1))
        closed = lake.sql(f"""select epoch(ts_event)::bigint, open, high, low, close, volume from bars
            where form = 'closed' and instrument_id = {AAPL} order by seq""").rows()
        await played(gateway, lambda: len(real) >= len(closed))
        await asyncio.sleep(SETTLE_S)
        last = rows(lake, "select open, high, low, close, volume from bars where form = 'update' order by seq")[-1]
        assert {name: getattr(bars[-1], name) for name in last} == last
        found = [(int(bar.time.timestamp()), bar.open_, bar.high, bar.low, bar.close, bar.volume) for bar in real]
        assert found == closed
        newest = {row["tick_type"]: row["price"] for row in rows(lake, f"""select tick_type, price from ticks
            where instrument_id = {AAPL} and price is not null order by seq, row""")}
        assert (ticker.bid, ticker.ask, ticker.last) == (newest[1], newest[2], newest[4])
        assert trade.orderStatus.status == "Filled" and [fill.execution.shares for fill in trade.fills] == [1]

    with_ib_async(replay(recording, START_US, AT_ONCE), play)


# IB's own client


class Program(EWrapper, EClient):  # type: ignore[misc]  # ibapi ships no types
    """What programs with IB's client have in common."""

    def __init__(self) -> None:
        EClient.__init__(self, self)
        self.ready, self.done = threading.Event(), threading.Event()
        self.builder, self.printer = BarBuilder(), DepthPrinter()
        self.told: defaultdict[str, list[Any]] = defaultdict(list)

    def nextValidId(self, orderId: int) -> None:  # noqa: N802, N803  (ibapi's names)
        self.ready.set()

    def error(self, reqId: int, errorCode: int, errorString: str) -> None:  # noqa: N803
        self.told["errors"].append((reqId, errorCode))
        if errorCode == 317:
            self.printer.reset()

    def tickByTickAllLast(self, reqId: int, kind: int, when: int, price: float, size: int, *more: Any) -> None:  # noqa: N802, N803
        self.builder.trade(when, price, size)

    def updateMktDepthL2(self, reqId: int, position: int, maker: str, *row: Any) -> None:  # noqa: N802, N803
        self.printer.change(position, maker, *row[:4])

    def historicalData(self, reqId: int, bar: Any) -> None:  # noqa: N802, N803
        self.told["bars"].append((int(bar.date), bar.open, bar.high, bar.low, bar.close, bar.volume))

    def historicalDataEnd(self, reqId: int, start: str, end: str) -> None:  # noqa: N802, N803
        self.done.set()

    def historicalTicksLast(self, reqId: int, ticks: Any, done: bool) -> None:  # noqa: N802, N803
        self.told["ticks"] += [(tick.time, tick.price, tick.size) for tick in ticks]
        if done:
            self.done.set()

    def wait(self) -> None:
        assert self.done.wait(120), self.told["errors"]
        self.done.clear()


def with_official(gateway: Gateway, play: Callable[[Program], None]) -> Program:
    logging.getLogger("ibapi").setLevel(logging.CRITICAL)
    with running(gateway):
        program = Program()
        program.connect("127.0.0.1", gateway.port, 4)
        thread = threading.Thread(target=program.run)
        thread.start()
        try:
            assert program.ready.wait(120)
            play(program)
        finally:
            program.disconnect()
            thread.join(120)
    return program


def official(con_id: int) -> OfficialContract:
    contract = OfficialContract()
    contract.conId = con_id
    return contract


def wait_until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_a_bar_builder_and_a_depth_printer_with_ibs_client(lake: Lake, recording: Recording) -> None:
    gateway = replay(recording, START_US, AT_ONCE)

    def play(program: Program) -> None:
        program.reqTickByTickData(1, official(AAPL), "AllLast", 0, False)
        program.reqMktDepth(2, official(AAPL), 10, True, [])
        time.sleep(SETTLE_S)
        gateway.control("resume")
        wait_until(lambda: gateway.clock.ended and len(program.printer.lines) == count_of_operations(lake))
        time.sleep(SETTLE_S)

    program = with_official(gateway, play)
    assert program.builder.result() == wanted_bars(lake, AAPL, BAR_S)
    assert program.printer.books == wanted_book(lake)


def test_a_historical_download_with_ibs_client(lake: Lake, recording: Recording) -> None:
    def play(program: Program) -> None:
        program.reqHistoricalData(1, official(MSFT), "", "3600 S", "10 secs", "TRADES", 0, 2, False, [])
        program.wait()
        end = f"{moment(LATER_US):%Y%m%d-%H:%M:%S}"
        program.reqHistoricalTicks(2, official(MSFT), "", end, 1000, "TRADES", 0, False, [])
        program.wait()

    program = with_official(replay(recording, LATER_US), play)
    assert program.told["bars"] == wanted_bars(lake, MSFT, BAR_S, LATER_US)
    assert program.told["ticks"] == wanted_ticks(lake)
