"""Runs where nautilus_trader is installed: `trade PORT` is a live node that trades, and leaves a position and an order;
`return PORT` is one that finds them, and closes both when it is told to go on.

Each prints what it knows as JSON: after its start where it returns, and at its end.
"""

import json
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from nautilus_node import STOCK, run  # type: ignore[import-not-found]  # beside this file
from nautilus_trader.adapters.interactive_brokers.common import IB_VENUE  # type: ignore[import-not-found]
from nautilus_trader.model.enums import OrderSide  # type: ignore[import-not-found]
from nautilus_trader.trading.strategy import Strategy  # type: ignore[import-not-found]

PATIENCE_S = 60.0
Step = tuple[Callable[[], Any], Callable[[], Any]]  # a condition, and what is done once it holds


class Trader(Strategy):  # type: ignore[misc]  # untyped
    """Takes steps, each when its condition holds."""

    def __init__(self) -> None:
        super().__init__()
        self.stop_node: Callable[[], None] = lambda: None
        self.fills: dict[str, list[Any]] = {}
        self.steps: list[Step] = []
        self.said = False

    def on_start(self) -> None:
        self.subscribe_quote_ticks(STOCK)
        self.steps = trading(self) if sys.argv[1] == "trade" else returning(self)
        self.clock.set_timer("look", timedelta(milliseconds=50), callback=self.look)

    def look(self, _event: Any) -> None:
        if self.steps and self.steps[0][0]():
            self.steps.pop(0)[1]()
        if not self.steps:
            self.clock.cancel_timer("look")
            self.stop_node()

    def on_order_filled(self, event: Any) -> None:
        self.fills[str(event.trade_id)] = [
            str(event.client_order_id), event.order_side.name, event.last_qty.as_double(), event.last_px.as_double(),
            event.commission.as_double()]  # fmt: skip

    def on_stop(self) -> None:
        self.say(left=len(self.steps))

    def say(self, **more: Any) -> None:
        account = self.portfolio.account(IB_VENUE) or self.cache.accounts()[0]
        (balance,) = account.balances().values()
        known = {
            "orders": {str(one.client_order_id): [one.status_string(), one.filled_qty.as_double(),
                                                  float(one.avg_px or 0)] for one in self.cache.orders()},
            "fills": self.fills,
            "positions": [[one.signed_qty, one.avg_px_open, one.realized_pnl.as_double()]
                          for one in self.cache.positions()],
            "account": [balance.total.as_double(), balance.free.as_double()],
        }  # fmt: skip
        print("\n" + json.dumps(known | more), flush=True)


def trading(self: Trader) -> list[Step]:
    """Market, limit, stop and bracket; modify, cancel, cancel all, close; then what is left for another day."""
    make, orders = self.order_factory, dict[str, Any]()

    def price(offset: float) -> Any:
        aapl = self.cache.instrument(STOCK)
        return aapl.make_price(round(self.cache.quote_tick(STOCK).bid_price.as_double() + offset, 2))

    def submit(name: str, order: Any) -> None:
        orders[name] = order
        self.submit_order(order)

    def quantity(shares: int) -> Any:
        return self.cache.instrument(STOCK).make_qty(shares)

    def begin() -> None:
        submit("market", make.market(STOCK, OrderSide.BUY, quantity(10)))
        submit("limit", make.limit(STOCK, OrderSide.BUY, quantity(5), price(-20)))
        submit("stop", make.stop_market(STOCK, OrderSide.SELL, quantity(5), price(-30)))
        bracket = make.bracket(STOCK, OrderSide.BUY, quantity(3), tp_price=price(20), sl_trigger_price=price(-20),
                               tp_post_only=False)  # fmt: skip
        orders.update(zip(("parent", "loss", "profit"), bracket.orders, strict=True))
        self.submit_order_list(bracket)

    def has(status: str, *names: str) -> bool:
        return all(orders[name].status_string() == status for name in names)

    def leave() -> None:
        submit("held", make.market(STOCK, OrderSide.BUY, quantity(7)))
        submit("open", make.limit(STOCK, OrderSide.BUY, quantity(4), price(-40)))

    wanted: dict[str, Any] = {}
    return [
        (lambda: self.cache.quote_tick(STOCK) is not None, begin),
        (lambda: has("FILLED", "market", "parent") and has("ACCEPTED", "limit", "stop", "loss", "profit"),
         lambda: (wanted.update(price=price(-15)), self.modify_order(orders["limit"], price=wanted["price"]))),
        (lambda: orders["limit"].price == wanted["price"] and has("ACCEPTED", "limit"),
         lambda: self.cancel_order(orders["limit"])),
        (lambda: has("CANCELED", "limit"), lambda: self.cancel_all_orders(STOCK)),
        (lambda: has("CANCELED", "stop", "loss", "profit"), lambda: self.close_all_positions(STOCK)),
        (lambda: self.portfolio.is_flat(STOCK), lambda: self.say()),
        (lambda: True, leave),
        (lambda: has("FILLED", "held") and has("ACCEPTED", "open"), lambda: None),
    ]  # fmt: skip


def returning(self: Trader) -> list[Step]:
    """Say what was found; when told to go on, cancel and close it."""
    told = threading.Event()

    def listen() -> None:
        sys.stdin.readline()
        told.set()

    threading.Thread(target=listen, daemon=True).start()
    return [
        (lambda: True, lambda: self.say()),
        (lambda: told.is_set() and self.cache.quote_tick(STOCK) is not None, lambda: (
            [self.cancel_order(one) for one in self.cache.orders_open()],
            [self.close_position(one) for one in self.cache.positions_open()])),
        (lambda: not self.cache.orders_open() and not self.cache.positions_open(), lambda: None),
    ]


run(int(sys.argv[2]), PATIENCE_S, Trader(), (STOCK,))
