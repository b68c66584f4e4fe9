"""A paper broker for tests, with one instrument and a client that places, and what it was told."""

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from capture.gateway.broker.account.ledger import Ledger
from capture.gateway.broker.exchange.displayed import Quote
from capture.gateway.broker.exchange.rules import Rules
from capture.gateway.broker.fill import Fill
from capture.gateway.broker.orders.order import Order
from capture.gateway.broker.paper import Paper
from capture.gateway.broker.report_holds import ReportHolds
from capture.gateway.broker.reports import Reports, Told
from capture.gateway.broker.scripts import Scripts
from capture.gateway.broker.security import security
from capture.gateway.broker.till import Booked, Unlimited
from capture.wire.text.codec import request_codec

NOON_US = 1_795_608_000_000_000 + 4 * 3_600_000_000  # 2026-11-25T16:00Z, a Wednesday: the market is open
SECOND_US = 1_000_000
DETAILS: dict[str, Any] = {
    "con_id": 265598, "symbol": "AAPL", "local_symbol": "AAPL", "sec_type": "STK", "currency": "USD",
    "exchange": "SMART", "primary_exchange": "NASDAQ", "min_tick": 0.01}  # fmt: skip
FEE = Decimal("1")


class LedgerTill(Unlimited):
    """A till that books in a ledger, and takes a dollar for each fill."""

    def __init__(self) -> None:
        self.ledger = Ledger("USD", {"USD": Decimal(100_000)})

    def book(self, fill: Fill) -> Booked:
        return Booked(FEE, self.ledger.book(fill, FEE).realised)

    def correct(self, execution_id: str, fill: Fill) -> Booked:
        return Booked(FEE, self.ledger.correct(execution_id, fill, FEE).realised)

    def bust(self, execution_id: str) -> None:
        self.ledger.bust(execution_id)


class Rehearsal:
    """A broker, its ledger, and what passed of its reports."""

    def __init__(self, reads_scripts: bool = False) -> None:
        self.till = LedgerTill()
        reports = Reports("DU1234567", "US/Eastern")
        self.paper = Paper(self.till, reports, Rules(), lambda *_: (), lambda security, price: 0.01)
        self.holds = ReportHolds()
        self.scripts = Scripts(self.paper, self.holds, reads_scripts)
        self.at_us = NOON_US
        self._told: list[Told] = []

    def quote(self, bid: float = 99.0, ask: float = 100.0, size: float = 1_000.0) -> None:
        """Let a quote come, a second later."""
        self.at_us += SECOND_US
        self.paper.quote(DETAILS["con_id"], Quote(self.at_us, bid, size, ask, size))

    def advance(self, seconds: int) -> None:
        self.at_us += seconds * SECOND_US
        self.paper.advance(self.at_us)

    def place(self, order_id: int = 1, rejected: int = 0, **values: Any) -> Order | None:
        """Place an order of client 1 as the gateway does; a limit order to buy 100 at 98 where nothing else is said."""
        default = {"action": "BUY", "total_quantity": 100, "order_type": "LMT", "limit_price": 98.0}
        wanted = _placed(tuple(sorted((default | values | {"order_id": order_id}).items())))
        script = self.scripts.read(wanted["order_reference"])
        rejected = rejected or int(script.get("reject", 0))
        self.paper.place(self.at_us, 1, order_id, security(DETAILS), wanted, (), rejected)
        order = self.paper.orders.find(1, order_id)
        self.scripts.placed(order, script, self.at_us)
        return order

    def placed(self, order_id: int = 1, **values: Any) -> Order:
        order = self.place(order_id, **values)
        assert order is not None
        return order

    def told(self, name: str = "", **values: Any) -> list[Mapping[str, Any]]:
        """All that was told so far under a name, in order."""
        self._told += self.holds.through(self.paper.reports.take())
        return [one.values for one in self._told if name in ("", one.name) and values.items() <= one.values.items()]

    def since(self, name: str) -> list[str]:
        """The names of what was told from the first so called on, each once."""
        names = self.names()
        return list(dict.fromkeys(names[names.index(name) :]))

    def names(self) -> list[str]:
        self.told()
        return [one.name for one in self._told]


@cache
def _placed(values: tuple[tuple[str, Any], ...]) -> Mapping[str, Any]:
    """The values of an order as a gateway reads them."""
    codec = request_codec(200)
    return codec.decode(codec.encode("place_order", {"con_id": 265598, "transmit": True, **dict(values)})).values
