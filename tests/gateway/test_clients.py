"""Unchanged foreign clients connect, and what they hand to their user equals what the gateway sent."""

import asyncio
import contextlib
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from ib_async import IB, Contract, Stock
from ibapi.client import EClient
from ibapi.contract import Contract as OfficialContract
from ibapi.wrapper import EWrapper

from capture.gateway import Gateway, running
from capture.gateway.market import Market

AAPL = 265598
SPEED = 10.0

pytestmark = pytest.mark.slow


def rows_of(sent: Any, request_id: int, table: str, *names: str, stream: str | None = None) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in sent.rows(request_id, table, stream)]


def same_start(received: list[tuple[Any, ...]], rows: list[tuple[Any, ...]], least: int) -> None:
    assert least <= len(received) <= len(rows)
    assert received == rows[: len(received)]


# ib_async


def use_ib_async(play: Any, sent: Any) -> None:
    async def act() -> None:
        async with Gateway(Market(), speed=SPEED, limits=None, on_rows=sent) as gateway:
            ib = IB()
            await ib.connectAsync("127.0.0.1", gateway.port, clientId=3, timeout=60, raiseSyncErrors=True)
            try:
                (details,) = await ib.reqContractDetailsAsync(Stock("AAPL", "SMART", "USD"))
                await play(ib, details.contract)
            finally:
                ib.disconnect()
                await asyncio.sleep(0.1)

    logging.getLogger("ib_async").setLevel(logging.CRITICAL)
    asyncio.run(act())


async def until(condition: Any, timeout_s: float = 120.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  (ib_async sets no event for this)
            await asyncio.sleep(0.05)


def last_id(ib: IB) -> int:
    """The request id that ib_async used last."""
    request_id: int = ib.client._reqIdSeq - 1
    return request_id


def test_ib_async_connects_and_resolves() -> None:
    async def play(ib: IB, contract: Contract) -> None:
        assert ib.client.serverVersion() == 178
        assert ib.managedAccounts() == ["DU1234567"]
        assert (contract.conId, contract.localSymbol, contract.primaryExchange) == (AAPL, "AAPL", "NASDAQ")
        assert len(await ib.reqContractDetailsAsync(Stock("ABC", "", ""))) == 3
        rules = await ib.reqMarketRuleAsync(26)
        assert rules is not None and [(rule.lowEdge, rule.increment) for rule in rules] == [(0.0, 0.01)]
        figures = {figure.tag: figure.value for figure in await ib.accountSummaryAsync()}
        assert float(figures["NetLiquidation"]) > 0

    use_ib_async(play, None)


@pytest.mark.parametrize(("kind", "table", "names"), [
    ("AllLast", "trades", ("price", "size", "exchange")), ("Last", "trades", ("price", "size", "exchange")),
    ("BidAsk", "quotes", ("bid_price", "ask_price", "bid_size", "ask_size")), ("MidPoint", "midpoints", ("price",))])
def test_ib_async_receives_tick_by_tick(sent: Any, kind: str, table: str, names: tuple[str, ...]) -> None:
    attributes = {"trades": ("price", "size", "exchange"), "quotes": ("bidPrice", "askPrice", "bidSize", "askSize"),
                  "midpoints": ("midPoint",)}[table]
    received: list[tuple[Any, ...]] = []

    async def play(ib: IB, contract: Contract) -> None:
        ticker = ib.reqTickByTickData(contract, kind)
        ticker.updateEvent += lambda t: received.extend(
            tuple(getattr(tick, name) for name in attributes) for tick in t.tickByTicks)
        request_id = last_id(ib)
        await until(lambda: len(received) >= 30)
        same_start(received, rows_of(sent, request_id, table, *names), 30)

    use_ib_async(play, sent)


def test_ib_async_receives_level_1(sent: Any) -> None:
    received: list[tuple[int, float, float]] = []

    async def play(ib: IB, contract: Contract) -> None:
        ticker = ib.reqMktData(contract, "233")
        ticker.updateEvent += lambda t: received.extend((x.tickType, x.price, x.size) for x in t.ticks)
        request_id = last_id(ib)
        await until(lambda: {1, 2, 4} <= {tick_type for tick_type, _, _ in received} and len(received) > 60)
        assert ticker.minTick == 0.01 and ticker.marketDataType == 1 and ticker.rtVolume > 0
        prices = {(kind, price) for kind, price, _ in rows_of(sent, request_id, "ticks", "tick_type", "price", "size")}
        assert {(kind, price) for kind, price, _ in received if kind in (1, 2, 4, 6, 7, 9, 14)} <= prices

    use_ib_async(play, sent)


def test_ib_async_receives_depth_and_bars(sent: Any) -> None:
    async def play(ib: IB, contract: Contract) -> None:
        book = ib.reqMktDepth(contract, 5, isSmartDepth=True)
        operations: list[tuple[Any, ...]] = []
        book.updateEvent += lambda t: operations.extend(
            (x.position, x.marketMaker, x.operation, x.side, x.price, x.size) for x in t.domTicks)
        depth_id = last_id(ib)
        bars = ib.reqRealTimeBars(contract, 5, "TRADES", False)
        bars_id = last_id(ib)
        await until(lambda: len(bars) >= 3)
        codes = {"ask": 0, "bid": 1, "insert": 0, "update": 1, "delete": 2}
        names = ("position", "market_maker", "operation", "side", "price", "size")
        rows = [(place, maker, codes[operation], codes[side], *row)
                for place, maker, operation, side, *row in rows_of(sent, depth_id, "depth", *names)]
        # ib_async hands out the old price of a row that is deleted, which the message does not hold.
        same_start([row[:4] if row[2] == 2 else row for row in operations],
                   [row[:4] if row[2] == 2 else row for row in rows], 100)
        received = [(b.time, b.open_, b.high, b.low, b.close, b.volume, b.wap, b.count) for b in bars]
        fields = ("ts_event", "open", "high", "low", "close", "volume", "wap", "trade_count")
        same_start(received, rows_of(sent, bars_id, "bars", *fields), 3)

    use_ib_async(play, sent)


def test_ib_async_receives_history(sent: Any) -> None:
    async def play(ib: IB, contract: Contract) -> None:
        bars = await ib.reqHistoricalDataAsync(contract, "", "600 S", "1 min", "TRADES", False, 2)
        names = ("ts_event", "open", "high", "low", "close", "volume", "wap", "trade_count")
        received = [(b.date, b.open, b.high, b.low, b.close, b.volume, b.average, b.barCount) for b in bars]
        same_start(received, rows_of(sent, last_id(ib), "bars", *names), 10)
        end = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())
        ticks = await ib.reqHistoricalTicksAsync(contract, "", end, 100, "BID_ASK", False)
        fields = ("ts_event", "bid_price", "ask_price", "bid_size", "ask_size")
        quotes = [(t.time, t.priceBid, t.priceAsk, t.sizeBid, t.sizeAsk) for t in ticks]
        same_start(quotes, rows_of(sent, last_id(ib), "quotes", *fields), 100)
        live = await ib.reqHistoricalDataAsync(contract, "", "600 S", "1 min", "MIDPOINT", False, 2, True)
        first = len(live)
        await until(lambda: len(live) > first)
        updates = rows_of(sent, last_id(ib), "bars", "open", "high", "low", "close", stream="live_bars")
        assert (live[-1].open, live[-1].high, live[-1].low, live[-1].close) in updates

    use_ib_async(play, sent)


# The official client


class Official(EWrapper, EClient):  # type: ignore[misc]  # ibapi ships no types
    """Collects what it is told, by request."""

    def __init__(self) -> None:
        EClient.__init__(self, self)
        self.told: defaultdict[str, list[Any]] = defaultdict(list)
        self.errors: list[tuple[int, int]] = []

    def error(self, reqId: int, errorCode: int, errorString: str) -> None:  # noqa: N803  (ibapi's names)
        self.errors.append((reqId, errorCode))

    def contractDetails(self, reqId: int, details: Any) -> None:  # noqa: N802, N803
        self.told["details"].append(details)

    def nextValidId(self, orderId: int) -> None:  # noqa: N802, N803
        self.told["id"].append(orderId)

    def tickByTickAllLast(self, reqId: int, kind: int, when: int, price: float, size: int, *more: Any) -> None:  # noqa: N802, N803
        self.told["trades"].append((price, size, more[1], more[2]))

    def tickByTickBidAsk(self, reqId: int, when: int, *quote: Any) -> None:  # noqa: N802, N803
        self.told["quotes"].append(quote[:4])

    def tickByTickMidPoint(self, reqId: int, when: int, price: float) -> None:  # noqa: N802, N803
        self.told["midpoints"].append((price,))

    def tickPrice(self, reqId: int, kind: int, price: float, attributes: Any) -> None:  # noqa: N802, N803
        self.told["prices"].append((kind, price))

    def updateMktDepthL2(self, reqId: int, position: int, maker: str, *row: Any) -> None:  # noqa: N802, N803
        self.told["depth"].append((position, maker, row[2], row[3]))

    def realtimeBar(self, reqId: int, when: int, *bar: Any) -> None:  # noqa: N802, N803
        self.told["bars"].append(bar)

    def historicalData(self, reqId: int, bar: Any) -> None:  # noqa: N802, N803
        self.told["history"].append((int(bar.date), bar.open, bar.high, bar.low, bar.close, bar.volume, bar.barCount))

    def historicalTicksLast(self, reqId: int, ticks: Any, done: bool) -> None:  # noqa: N802, N803
        self.told["ticks"].extend((t.time, t.price, t.size, t.exchange, t.specialConditions) for t in ticks)

    def wait(self, name: str, count: int, timeout_s: float = 120.0) -> list[Any]:
        end = time.monotonic() + timeout_s
        while len(self.told[name]) < count and time.monotonic() < end:
            time.sleep(0.02)
        assert len(self.told[name]) >= count, (name, self.errors)
        return list(self.told[name])


@contextlib.contextmanager
def official(sent: Any) -> Iterator[Official]:
    logging.getLogger("ibapi").setLevel(logging.CRITICAL)
    with running(Gateway(Market(), speed=SPEED, limits=None, on_rows=sent)) as gateway:
        client = Official()
        client.connect("127.0.0.1", gateway.port, 4)
        thread = threading.Thread(target=client.run)
        thread.start()
        try:
            client.wait("id", 1)
            yield client
        finally:
            client.disconnect()
            thread.join(120)


def aapl() -> OfficialContract:
    contract = OfficialContract()
    contract.symbol, contract.secType, contract.exchange, contract.currency = "AAPL", "STK", "SMART", "USD"
    return contract


def test_the_official_client_receives_streams(sent: Any) -> None:
    with official(sent) as client:
        assert client.serverVersion() == 157
        client.reqContractDetails(1, aapl())
        (details,) = client.wait("details", 1)
        assert (details.contract.conId, details.minTick, details.longName) == (AAPL, 0.01, "APPLE INC")
        for request_id, kind in ((2, "AllLast"), (3, "BidAsk"), (4, "MidPoint")):
            client.reqTickByTickData(request_id, aapl(), kind, 0, False)
        client.reqMktData(5, aapl(), "", False, False, [])
        client.reqMktDepth(6, aapl(), 5, True, [])
        client.reqRealTimeBars(7, aapl(), 5, "TRADES", False, [])
        bars = client.wait("bars", 2)
        same_start(client.wait("trades", 20),
                   rows_of(sent, 2, "trades", "price", "size", "exchange", "conditions"), 20)
        same_start(client.wait("quotes", 20),
                   rows_of(sent, 3, "quotes", "bid_price", "ask_price", "bid_size", "ask_size"), 20)
        same_start(client.wait("midpoints", 20), rows_of(sent, 4, "midpoints", "price"), 20)
        told = client.wait("prices", 20)  # before what was sent is looked at: more may follow
        prices = [row for row in rows_of(sent, 5, "ticks", "tick_type", "price") if row[1] is not None]
        same_start(told, prices, 20)
        same_start(client.wait("depth", 20),
                   rows_of(sent, 6, "depth", "position", "market_maker", "price", "size"), 20)
        names = ("open", "high", "low", "close", "volume", "wap", "trade_count")
        same_start(bars, rows_of(sent, 7, "bars", *names), 2)


def test_the_official_client_receives_history(sent: Any) -> None:
    with official(sent) as client:
        client.reqHistoricalData(1, aapl(), "", "600 S", "1 min", "TRADES", 0, 2, False, [])
        names = ("ts_event", "open", "high", "low", "close", "volume", "trade_count")
        history = client.wait("history", 10)
        same_start(history, [(int(r[0].timestamp()), *r[1:]) for r in rows_of(sent, 1, "bars", *names)], 10)
        end = time.strftime("%Y%m%d %H:%M:%S UTC", time.gmtime())
        client.reqHistoricalTicks(2, aapl(), "", end, 50, "TRADES", 0, False, [])
        ticks = client.wait("ticks", 50)
        fields = ("ts_event", "price", "size", "exchange", "conditions")
        same_start(ticks, [(int(r[0].timestamp()), *r[1:]) for r in rows_of(sent, 2, "trades", *fields)], 50)
        client.reqContractDetails(3, OfficialContract())
        end_s = time.monotonic() + 5
        while (3, 200) not in client.errors and time.monotonic() < end_s:
            time.sleep(0.02)
        assert (3, 200) in client.errors
