"""A market maker in nautilus_trader's BacktestEngine: two orders, moved to both sides of every quote.

    python broker_nautilus.py ROWS.parquet       prints the seconds, and how many orders, moves and fills

At its fastest: without risk checks, margins and fees. It lets 100 orders and moves through in a second and rejects the
others, whose count is raised here beyond what the maker sends.
"""

import json
import sys
import time
from decimal import Decimal
from typing import Any

import nautilus  # type: ignore[import-not-found]  # beside it, where it is run
import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from nautilus_trader.backtest.engine import (  # type: ignore[import-not-found]  # in its own environment only
    BacktestEngine,
    BacktestEngineConfig,
)
from nautilus_trader.config import LoggingConfig, RiskEngineConfig  # type: ignore[import-not-found]  # likewise
from nautilus_trader.model.currencies import USD  # type: ignore[import-not-found]  # likewise
from nautilus_trader.model.enums import (  # type: ignore[import-not-found]  # likewise
    AccountType,
    AggressorSide,
    OmsType,
    OrderSide,
)
from nautilus_trader.model.identifiers import (  # type: ignore[import-not-found]  # likewise
    InstrumentId,
    Symbol,
    TraderId,
    Venue,
)
from nautilus_trader.model.instruments import CurrencyPair  # type: ignore[import-not-found]  # likewise
from nautilus_trader.model.objects import Currency, Money, Price, Quantity  # type: ignore[import-not-found]  # likewise
from nautilus_trader.trading.strategy import Strategy  # type: ignore[import-not-found]  # likewise

VENUE = Venue("IB")
IDENTITY = InstrumentId(Symbol("S0"), VENUE)
SIZE = 100
ANY_RATE = "1000000000/00:00:01"


class Maker(Strategy):  # type: ignore[misc]  # of a library without types here
    """Keeps an order at the bid and one at the ask."""

    def __init__(self, instrument: Any) -> None:
        super().__init__()
        self.instrument = instrument
        self.kept: dict[Any, Any] = {OrderSide.BUY: None, OrderSide.SELL: None}
        self.orders = self.moves = self.fills = self.refused = 0

    def on_start(self) -> None:
        """Ask for quotes."""
        self.subscribe_quote_ticks(IDENTITY)

    def on_quote_tick(self, tick: Any) -> None:
        """Move both orders."""
        self.keep(OrderSide.BUY, tick.bid_price)
        self.keep(OrderSide.SELL, tick.ask_price)

    def keep(self, side: Any, price: Any) -> None:
        """Have an order of one side at a price."""
        order = self.kept[side]
        if order is None or order.is_closed:
            quantity = self.instrument.make_qty(SIZE)
            order = self.kept[side] = self.order_factory.limit(IDENTITY, side, quantity, price)
            self.orders += 1
            self.submit_order(order)
        elif order.price != price:
            self.moves += 1
            self.modify_order(order, price=price)

    def on_order_filled(self, _event: Any) -> None:
        """Count it."""
        self.fills += 1

    def refuse(self, _event: Any) -> None:
        """Count what was not done."""
        self.refused += 1

    on_order_denied = on_order_rejected = on_order_modify_rejected = refuse


def instrument() -> Any:
    """Return what is traded: with the decimals of the rows."""
    share = Currency("SHR", nautilus.SIZE_DIGITS, 0, "SHR", 1)  # 1: crypto, so that it may have these decimals
    return CurrencyPair(
        instrument_id=IDENTITY, raw_symbol=IDENTITY.symbol, base_currency=share, quote_currency=USD,
        price_precision=nautilus.PRICE_DIGITS, size_precision=nautilus.SIZE_DIGITS,
        price_increment=Price(10**-nautilus.PRICE_DIGITS, nautilus.PRICE_DIGITS),
        size_increment=Quantity(10**-nautilus.SIZE_DIGITS, nautilus.SIZE_DIGITS), lot_size=None, max_quantity=None,
        min_quantity=None, max_notional=None, min_notional=None, max_price=None, min_price=None, margin_init=Decimal(0),
        margin_maint=Decimal(0), maker_fee=Decimal(0), taker_fee=Decimal(0), ts_event=0, ts_init=0)


def main() -> None:
    """Run the rows through the engine."""
    rows = pq.read_table(sys.argv[1])
    quotes, trades = (rows.filter(pc.equal(rows["kind"], kind)) for kind in ("quote", "trade"))
    sides = np.where(trades["is_sold"].to_numpy(zero_copy_only=False), AggressorSide.SELLER, AggressorSide.BUYER)
    data = [*nautilus.quotes(IDENTITY, quotes), *nautilus.trades(IDENTITY, trades, sides.astype(np.uint8))]
    config = BacktestEngineConfig(trader_id=TraderId("BENCH-001"), logging=LoggingConfig(bypass_logging=True),
                                  run_analysis=False,
                                  risk_engine=RiskEngineConfig(bypass=True, max_order_submit_rate=ANY_RATE,
                                                               max_order_modify_rate=ANY_RATE))
    engine = BacktestEngine(config=config)
    engine.add_venue(venue=VENUE, oms_type=OmsType.NETTING, account_type=AccountType.MARGIN, base_currency=USD,
                     starting_balances=[Money(1_000_000_000, USD)], trade_execution=True)
    engine.add_instrument(instrument())
    engine.add_data(data)
    maker = Maker(instrument())
    engine.add_strategy(maker)
    begin, begin_cpu = time.perf_counter(), time.process_time()
    engine.run()
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - begin_cpu
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "orders": maker.orders, "moves": maker.moves,
                      "fills": maker.fills, "refused": maker.refused}))


if __name__ == "__main__":
    main()
