"""Thousands of random orders through the whole broker: after every step its books agree with what clients were told."""

from collections import defaultdict
from decimal import Decimal
from random import Random

import pytest

from capture.gateway.broker.account.account import Account
from capture.gateway.broker.account.account_till import AccountTill
from capture.gateway.broker.account.account_values import numbers
from capture.gateway.broker.account.figures import figures
from capture.gateway.broker.account.ledger import Ledger
from capture.gateway.broker.exchange.displayed import Quote, Trade, exact
from capture.gateway.broker.exchange.rules import Rules
from capture.gateway.broker.fees import Fees
from capture.gateway.broker.paper import Paper
from capture.gateway.broker.reports import Reports
from capture.gateway.broker.security import Security

from .scene import wanted
from .trading import CALL, FUTURE, SHARE, D

SECURITIES = (SHARE, CALL, FUTURE)
START_US = 1_795_622_400_000_000  # 2026-11-25T16:00Z
CASH = D(1_000_000)
STEPS = 1_200
KINDS = ("MKT", "MKT", "LMT", "LMT", "LMT", "LMT", "STP", "STP LMT", "MIT", "LIT", "TRAIL", "MTL", "REL", "PEG MID")
FORCES = ("DAY", "GTC", "DAY", "GTC", "IOC", "FOK")


class Books:
    """A market that wanders, orders at random, and what clients were told, added up by hand."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.account = Account("DU1234567", "margin", Ledger("USD", {"USD": CASH}))
        self.till = AccountTill(self.account, Fees("fixed"))
        self.paper = Paper(self.till, Reports("DU1234567", "US/Eastern"), Rules(), lambda *_: (), lambda *_: 0.01)
        self.at_us = START_US
        self.middles = dict.fromkeys((one.con_id for one in SECURITIES), 100.0)
        self.quotes: dict[int, Quote] = {}
        self.seen: dict[int, list[float]] = {one.con_id: [] for one in SECURITIES}
        self.orders = 0
        self.held: defaultdict[int, Decimal] = defaultdict(Decimal)
        self.cash, self.fees, self.realised = CASH, D(0), D(0)
        self.by_order: defaultdict[int, Decimal] = defaultdict(Decimal)
        self.fills = 0

    def step(self) -> None:
        self.at_us += self.random.choice((1_000, 250_000, 1_000_000))
        choice = self.random.random()
        of = self.random.choice(SECURITIES)
        if choice < 0.45 or of.con_id not in self.quotes:
            self.quote(of)
        elif choice < 0.65:
            self.trade(of)
        elif choice < 0.92:
            self.place(of)
        else:
            self.paper.cancel(self.at_us, self.random.randrange(2), self.random.randrange(1, self.orders + 2))
        self.add_up()

    def quote(self, of: Security) -> None:
        middle = self.middles[of.con_id] = max(round(self.middles[of.con_id] + self.random.uniform(-0.4, 0.4), 2), 50.0)
        spread = self.random.randrange(1, 6) / 100
        bid_size, ask_size = (float(self.random.randrange(1, 9) * 50) for _ in "ba")
        quote = Quote(self.at_us, middle, bid_size, round(middle + spread, 2), ask_size)
        before = self.quotes.get(of.con_id, quote)
        self.quotes[of.con_id] = quote
        self.seen[of.con_id] = [before.bid, before.ask, quote.bid, quote.ask]
        self.paper.quote(of.con_id, quote)

    def trade(self, of: Security) -> None:
        quote = self.quotes[of.con_id]
        price = round(self.random.choice((quote.bid, quote.ask, quote.bid - 0.03, quote.ask + 0.03)), 2)
        self.seen[of.con_id] = [quote.bid, quote.ask, price]
        self.paper.trade(of.con_id, Trade(self.at_us, price, float(self.random.randrange(1, 500)), quote))

    def place(self, of: Security) -> None:
        self.account.mark(of.con_id, exact(self.quotes[of.con_id].middle), self.at_us)
        changes = self.orders and self.random.random() < 0.2
        order_id = self.random.randrange(1, self.orders + 1) if changes else self.orders + 1
        self.orders = max(self.orders, order_id)
        kind = self.random.choice(KINDS)
        price, stop = (round(self.middles[of.con_id] + self.random.uniform(-1, 1), 2) for _ in "ls")
        self.paper.place(self.at_us, order_id % 2, order_id, of, wanted(
            con_id=of.con_id, order_id=order_id, action=self.random.choice(("BUY", "SELL")), order_type=kind,
            total_quantity=self.random.randrange(1, 400) if of is SHARE else self.random.randrange(1, 6),
            limit_price=price if kind in ("LMT", "STP LMT", "LIT") else None,
            auxiliary_price=0.5 if kind == "TRAIL" else 0.01 if kind == "REL" else stop if kind[:1] in "SML" else None,
            time_in_force=self.random.choice(FORCES), oca_group=self.random.choice(("", "", "", "together")),
            oca_type=3))  # fmt: skip

    def add_up(self) -> None:
        """Add up what was told: executions make positions and cash, reports of commissions fees and profits."""
        of_id = {one.con_id: one for one in SECURITIES}
        for told in self.paper.reports.take():
            values = told.values
            if told.name == "execution_details":
                self.fills += 1
                of, signed = of_id[values["con_id"]], values["shares"] * (1 if values["side"] == "BOT" else -1)
                self.held[of.con_id] += signed
                self.cash -= 0 if of.is_future else signed * values["price"] * of.multiplier
                self.by_order[values["permanent_id"]] += values["shares"]
                low, high = (D(str(edge(self.seen[of.con_id]))) for edge in (min, max))
                assert low <= values["price"] <= high, (told, self.seen[of.con_id])
            elif told.name == "commission_report":
                self.cash -= values["commission"]
                self.fees += values["commission"]
                self.realised += values["realized"] or 0
            elif told.name == "order_status":
                assert values["filled"] == self.by_order[values["permanent_id"]]

    def check(self) -> None:
        ledger = self.account.ledger
        assert {con_id: one.quantity for con_id, one in ledger.positions.items()} == dict(self.held)
        assert ledger.cash == {"USD": self.cash}
        for security in SECURITIES:
            if security.con_id in self.quotes:
                self.account.mark(security.con_id, exact(self.quotes[security.con_id].bid), self.at_us)
        net = numbers(figures(self.account))["NetLiquidation"]
        worth = sum((one.worth(self.account.price(one)) for one in ledger.positions.values()
                     if not one.security.is_future), D(0))  # fmt: skip
        won = sum((one.futures_pnl(self.account.price(one)) for one in ledger.positions.values()), D(0))
        assert net == self.cash + worth + won
        profits = self.account.pnl()
        assert profits.realised == self.realised
        assert abs(net - CASH - profits.realised - profits.unrealised) < D("0.000001")
        assert profits.daily == net - CASH


@pytest.mark.parametrize("seed", range(4))
def test_books_agree_with_what_was_told_after_every_step(seed: int) -> None:
    books = Books(seed)
    for _ in range(STEPS):
        books.step()
        books.check()
    assert books.fills > 100 and books.orders > 200 and books.fees > 100
    books.paper.cancel_all(books.at_us)
    books.paper.advance(books.at_us)
    assert books.paper.orders.open() == []
    free = books.till.means.standing(books.at_us)
    assert free.initial == numbers(figures(books.account))["InitMarginReq"]  # nothing is reserved any more
