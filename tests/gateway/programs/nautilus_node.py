"""Runs where nautilus_trader is installed: `PORT SECONDS` is a live node, with data and execution, that trades nothing.

Ends when a strategy has had some of all it asked for, or after so many seconds; prints what came as JSON.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from nautilus_trader.adapters.interactive_brokers.common import IB  # type: ignore[import-not-found]  # there only
from nautilus_trader.adapters.interactive_brokers.config import (  # type: ignore[import-not-found]  # likewise
    InteractiveBrokersDataClientConfig,
    InteractiveBrokersExecClientConfig,
    InteractiveBrokersInstrumentProviderConfig,
)
from nautilus_trader.adapters.interactive_brokers.factories import (  # type: ignore[import-not-found]  # likewise
    InteractiveBrokersLiveDataClientFactory,
    InteractiveBrokersLiveExecClientFactory,
)
from nautilus_trader.config import (  # type: ignore[import-not-found]  # likewise
    LiveDataEngineConfig,
    LiveExecEngineConfig,
    LoggingConfig,
    RoutingConfig,
    TradingNodeConfig,
)
from nautilus_trader.live.node import TradingNode  # type: ignore[import-not-found]  # likewise
from nautilus_trader.model.data import BarType  # type: ignore[import-not-found]  # likewise
from nautilus_trader.model.enums import BookType  # type: ignore[import-not-found]  # likewise
from nautilus_trader.model.identifiers import InstrumentId  # type: ignore[import-not-found]  # likewise
from nautilus_trader.trading.strategy import Strategy  # type: ignore[import-not-found]  # likewise

NAMES = ("AAPL.NASDAQ", "ESZ6.CME", "EUR/USD.IDEALPRO", "MSFT.NASDAQ")  # the last one is not subscribed to
STOCK, FUTURE, PAIR, DENIED = ALL = tuple(InstrumentId.from_str(name) for name in NAMES)
WANTED = {"instrument": 4, "quote AAPL": 1, "trade AAPL": 1, "quote ESZ6": 1, "trade ESZ6": 1, "bar AAPL": 1,
          "bars of history": 1, "book": 3}  # fmt: skip


class Watcher(Strategy):  # type: ignore[misc]  # untyped
    """Counts what comes."""

    def __init__(self) -> None:
        super().__init__()
        self.came: Counter[str] = Counter()
        self.stop_node: Callable[[], None] = lambda: None

    def on_start(self) -> None:
        self.came["instrument"] = sum(self.cache.instrument(one) is not None for one in ALL)
        for one in (STOCK, FUTURE, PAIR):
            self.subscribe_quote_ticks(one)
        for one in (STOCK, FUTURE, DENIED):
            self.subscribe_trade_ticks(one)
        self.subscribe_bars(BarType.from_str(f"{STOCK}-5-SECOND-LAST-EXTERNAL"))
        minutes = BarType.from_str(f"{STOCK}-1-MINUTE-LAST-EXTERNAL")
        self.request_bars(minutes, start=self.clock.utc_now() - timedelta(hours=2))
        self.subscribe_order_book_deltas(STOCK, BookType.L2_MBP, depth=5)
        self.clock.set_timer("look", timedelta(milliseconds=200), callback=self.look)

    def look(self, _event: Any) -> None:
        if all(self.came[name] >= count for name, count in WANTED.items()):
            self.clock.cancel_timer("look")
            self.stop_node()

    def on_quote_tick(self, tick: Any) -> None:
        self.came[f"quote {tick.instrument_id.symbol}"] += 1

    def on_trade_tick(self, tick: Any) -> None:
        self.came[f"trade {tick.instrument_id.symbol}"] += 1

    def on_bar(self, bar: Any) -> None:
        self.came[f"bar {bar.bar_type.instrument_id.symbol}"] += 1

    def on_order_book_deltas(self, _deltas: Any) -> None:
        self.came["book"] += 1

    def on_historical_data(self, _data: Any) -> None:
        self.came["bars of history"] += 1

    def on_stop(self) -> None:
        self.came["account"] = len(self.cache.accounts())
        self.came["orders"], self.came["positions"] = len(self.cache.orders()), len(self.cache.positions())


def run(port: int, seconds: float, strategy: Any, instruments: tuple[InstrumentId, ...] = ALL) -> None:
    """Run a node until its strategy calls `stop_node`, or for so many seconds."""
    node = made(port, strategy, instruments)
    loop: asyncio.AbstractEventLoop = node.kernel.loop
    strategy.stop_node = lambda: loop.call_soon_threadsafe(node.stop)
    loop.call_later(seconds, node.stop)
    try:
        node.run()
    finally:
        node.dispose()


def made(port: int, strategy: Any, instruments: tuple[InstrumentId, ...]) -> TradingNode:
    provider = InteractiveBrokersInstrumentProviderConfig(load_ids=frozenset(instruments))
    of = {"ibg_port": port, "ibg_client_id": 31, "instrument_provider": provider, "connection_timeout": 60}
    node = TradingNode(TradingNodeConfig(
        trader_id="T-001", logging=LoggingConfig(log_level="ERROR", log_colors=False),
        data_clients={IB: InteractiveBrokersDataClientConfig(**of, use_regular_trading_hours=False)},
        exec_clients={IB: InteractiveBrokersExecClientConfig(
            **of, account_id="DU1234567", routing=RoutingConfig(default=True))},
        data_engine=LiveDataEngineConfig(time_bars_timestamp_on_close=False, validate_data_sequence=False),
        exec_engine=LiveExecEngineConfig(reconciliation_startup_delay_secs=0.0),
        timeout_connection=60, timeout_reconciliation=60, timeout_portfolio=30, timeout_disconnection=5,
        timeout_post_stop=0.5))  # fmt: skip
    node.trader.add_strategy(strategy)
    node.add_data_client_factory(IB, InteractiveBrokersLiveDataClientFactory)
    node.add_exec_client_factory(IB, InteractiveBrokersLiveExecClientFactory)
    node.build()
    return node


if __name__ == "__main__":
    watcher = Watcher()
    run(int(sys.argv[1]), float(sys.argv[2]), watcher)
    print()
    print(json.dumps(watcher.came))
