"""Runs the paper broker along a feed: the market up to where clients are, their requests, and what they are told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from capture.gateway.broker.account.account import KINDS, Account
from capture.gateway.broker.account.account_till import AccountTill
from capture.gateway.broker.account.account_values import begin
from capture.gateway.broker.account.ledger import Ledger
from capture.gateway.broker.account.position import Position
from capture.gateway.broker.exchange.displayed import Level, exact
from capture.gateway.broker.exchange.rules import Rules
from capture.gateway.broker.executions import Execution
from capture.gateway.broker.fees import Fees
from capture.gateway.broker.fees.schedule import SCHEDULES, Schedule
from capture.gateway.broker.orders.habits import Habits
from capture.gateway.broker.orders.order import Leg, Order
from capture.gateway.broker.paper import Paper
from capture.gateway.broker.report_holds import ReportHolds
from capture.gateway.broker.reports import Reports, Told
from capture.gateway.broker.scripts import Scripts
from capture.gateway.broker.security import Security, security
from capture.gateway.given import PositionRow
from capture.gateway.kept.keeper import Keeper
from capture.replay.clock import Clock
from capture.times import moment_of
from capture.wire.text.codec import Values

from .account_days import AccountDays
from .account_streams import AccountStreams, Asked, Row
from .feed import Feed
from .knowledge import Knowledge
from .opening import opening_positions
from .outbox import Outbox
from .passage.lanes import book_levels, load
from .passage.passage import Passage

OF_ORDERS = ("open_order", "order_status", "execution_details", "commission_report")  # what a master client is told
TRADES_ONLY = "Order Message:\n{}\nWarning: no quotes were recorded; each trade stands for both sides of the market."


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms the account trades: what it has, what it pays, and how its orders fill.

    `account_type` is one of KINDS. `habits` is how the broker behaves where IB does so at times only, `latency_us` how
    long a request is on its way, and `step_us` the most that time goes on at once where it goes by what clients take.
    `reads_scripts` lets references of orders say what becomes of them. `state` is the file in which the account
    outlives its gateway; without one it ends with it. The client of `master_client_id` is told of all clients' orders.
    """

    cash: Decimal = Decimal(1_000_000)
    currency: str = "USD"
    account_type: str = "margin"
    fees: Schedule = SCHEDULES["fixed"]
    positions: tuple[PositionRow, ...] = ()
    rules: Rules = field(default_factory=Rules)
    latency_us: int = 0
    habits: Habits = field(default_factory=Habits)
    step_us: int = 1_000_000
    reads_scripts: bool = False
    state: Path | None = None
    master_client_id: int | None = None

    def __post_init__(self) -> None:
        assert self.account_type in KINDS, self.account_type


class NoWayBackError(ValueError):
    """A replay cannot go back there, for what was ordered since; the text says what can be done."""


class Trading:
    """The broker of a gateway, and the market that goes by it.

    `at_us` is how far it has come. What happens to orders depends on the feed and on the moments of requests alone:
    not on how time was cut into pieces.
    """

    def __init__(
        self, feed: Feed, clock: Clock, paper: Paper, streams: AccountStreams, days: AccountDays, step_us: int,
        reads_scripts: bool, keeper: Keeper | None = None, master_client_id: int | None = None,
    ) -> None:  # fmt: skip
        self.paper = paper
        self.account = streams.account
        self.streams = streams
        self.step_us = step_us
        self.at_us = clock.now_us()
        self.outbox = Outbox(self._audience)
        self._master_client_id = master_client_id
        self.holds = ReportHolds()
        self.scripts = Scripts(paper, self.holds, reads_scripts)
        self._keeper = keeper
        self._touched_us = None if keeper is None else keeper.at_us  # when orders or the account changed last
        self._feed = feed
        self._days = days
        self._passage = Passage(feed, clock, paper, paper.floor.rules.stale_us)
        self._securities: dict[int, Security] = {}

    def leave(self, client_id: int) -> None:
        """Let go of a client that has disconnected; its orders stay."""
        self.outbox.close(client_id)
        self.streams.leave(client_id)

    def concerns(self, client_id: int | None) -> bool:
        """Return whether a client has open orders."""
        return client_id is not None and bool(self.paper.orders.open(client_id))

    # Time

    def run(self, to_us: int) -> None:
        """Let the market go by up to a moment, which is not in it."""
        while self.at_us < to_us:
            due_us = self.streams.next_us
            until_us = min(to_us, to_us if due_us is None else max(due_us, self.at_us + 1), self._days.next_us)
            self._passage.run(self.at_us, until_us, self._happened)
            self.at_us = until_us
            self.paper.advance(until_us)
            self.collect()
            if due_us is not None and due_us <= until_us:
                self.mark()
                self.outbox.post(self.streams.due(until_us))
            if until_us == self._days.next_us:
                if self.account.ledger.positions:
                    self._touched_us = self.at_us
                self.mark()
                self._days.end()
                self._renew_hours()

    def _happened(self, at_us: int) -> None:
        """Hand on what something that happened led to, as of its moment."""
        self.at_us = at_us
        if self.paper.reports.waits:
            self.collect()

    def collect(self, placed: Order | None = None) -> None:
        """Hand on what the broker reports, and after fills what they changed of the account; first it is written.

        `placed` is an order of which nothing may be told yet.
        """
        told = self.paper.reports.take()
        if placed is not None or any(one.order for one in told):
            self._touched_us = self.at_us
        if self._keeper is not None:
            self._keeper.take_note(self.paper, self.account, self.at_us, told, placed)
        self.outbox.post(self.holds.through(told))
        if any(one.name == "execution_details" for one in told):
            self.mark()
            self.outbox.post(self.streams.filled(self.at_us))

    def mark(self) -> None:
        """Value what the account holds at the prices of now."""
        for con_id in self.account.valued():
            self._mark(con_id)

    def _mark(self, con_id: int) -> None:
        price = self._passage.lane(con_id, self.at_us).price_at(self.at_us)
        if price is not None:
            self.account.mark(con_id, exact(price), self.at_us)

    def check_seek(self, at_us: int) -> None:
        """Raise NoWayBackError where orders or the account would have to be again what they were at a moment."""
        if at_us >= self.at_us:
            return
        if is_open := len(self.paper.orders.open()):
            orders = "1 order is" if is_open == 1 else f"{is_open} orders are"
            raise NoWayBackError(f"{orders} open, and there is no way back over what was met: cancel what is open")
        if self._touched_us is not None and at_us <= self._touched_us:
            last = f"{moment_of(self._touched_us):%Y-%m-%dT%H:%M:%S}Z"
            raise NoWayBackError(f"the account traded at {last}, and there is no way back over that: "
                                 "go to a later time, or start the gateway anew")  # fmt: skip

    def seek(self, at_us: int) -> None:
        """Go on from another moment: forward, the market goes by. Raises NoWayBackError as `check_seek` does."""
        self.check_seek(at_us)
        self._passage.clear()
        if at_us >= self.at_us:
            self.run(at_us)
        else:
            self.at_us = at_us
            self._days.begin_again(at_us)

    def close(self) -> None:
        """Let go of the file in which the account is kept."""
        if self._keeper is not None:
            self._keeper.close()

    # Requests

    def listen(self, client_id: int, at_us: int, kind: str, request_id: int, values: Values) -> Iterator[Row]:
        """Begin to tell a client of the account, and yield what comes first."""
        self.run(at_us)
        self.mark()
        yield from self.streams.begin(Asked(client_id, kind, request_id, values), self.at_us)

    def executions(self) -> list[Execution]:
        """Return all executions that are known, in order; the whole of a combination has no commission."""
        return list(self.paper.executions.done.values())

    def place(self, at_us: int, client_id: int, details: dict[str, Any], values: Values, legs: Sequence[Leg],
              rejected: int = 0) -> None:  # fmt: skip
        """Take an order of a client, or reject it by a code. Raises ScriptError for a reference that is no script."""
        script = self.scripts.read(values["order_reference"])
        rejected, order_id = rejected or int(script.get("reject", 0)), values["order_id"]
        of = self._of(details)
        self.run(at_us)
        for con_id in [leg.security.con_id for leg in legs] or [of.con_id]:
            self._meet(con_id)
        self.mark()
        self.paper.place(max(at_us, self.at_us), client_id, order_id, of, values, legs, rejected)
        self._say_trades_only(of.con_id, client_id, order_id)
        if script:
            self.scripts.placed(self.paper.orders.find(client_id, order_id), script, self.at_us)
        self.collect(self.paper.orders.find(client_id, order_id))

    def _say_trades_only(self, con_id: int, client_id: int, order_id: int) -> None:
        """Say of a new order that its market is made of trades, where no quotes were recorded."""
        order = self.paper.orders.find(client_id, order_id)
        new = order is not None and not order.is_done and order.placed_us == self.at_us and not order.legs
        if order is not None and new and self._passage.lane(con_id, self.at_us).of_trades_only:
            self.paper.reports.error(order, self.at_us, 399, TRADES_ONLY.format(order.security.local_symbol))

    def cancel(self, at_us: int, client_id: int, order_id: int) -> None:
        """Cancel an order of a client."""
        self.run(at_us)
        self.paper.cancel(max(at_us, self.at_us), client_id, order_id)
        self.collect()

    def cancel_all(self, at_us: int) -> None:
        """Cancel every open order."""
        self.run(at_us)
        self.paper.cancel_all(max(at_us, self.at_us))
        self.collect()

    def exercise(self, at_us: int, client_id: int, details: dict[str, Any], values: Values) -> None:
        """Exercise options that the account holds, or let them lapse."""
        self.run(at_us)
        self.mark()
        self.paper.exercise(max(at_us, self.at_us), client_id, values["request_id"], self._of(details),
                            values["exchange"], values["exercise_action"] or 0, values["exercise_quantity"] or 0,
                            bool(values["override"]))  # fmt: skip
        self.collect()

    def _meet(self, con_id: int) -> None:
        """Let the broker see the market that stands, of an instrument that it may not have watched so far."""
        self._mark(con_id)
        self._passage.look(con_id, self.at_us)

    def _of(self, details: dict[str, Any]) -> Security:
        con_id = details["con_id"]
        if details["sec_type"] == "BAG":  # each is another
            return security(details)
        known = self._securities.get(con_id)
        # Hours reach a week ahead only
        if known is None or (known.details is not details and known.details != details):
            known = self._securities[con_id] = security(details)
        return known

    def _renew_hours(self) -> None:
        """Let open orders know the hours of the days to come: those of when they were placed end."""
        for order in self.paper.orders.open():
            order.security = self._renewed(order.security)
            order.legs = [replace(leg, security=self._renewed(leg.security)) for leg in order.legs]

    def _renewed(self, of: Security) -> Security:
        found = self._feed.find(self.at_us, con_id=of.con_id, exchange=of.details.get("exchange")) if of.con_id else []
        return self._of(found[0]) if found and found[0]["con_id"] == of.con_id else of

    def legs(self, values: Values) -> Iterator[Leg]:
        """Yield the legs that an order names. Raises LookupError for one that is not known."""
        for leg in values.get("legs", ()):
            found = self._feed.find(self.at_us, con_id=leg["con_id"])
            if not found:
                raise LookupError(leg["con_id"])
            yield Leg(self._of(found[0]), leg["ratio"], 1 if leg["action"] == "BUY" else -1, leg["exchange"])

    def _audience(self, told: Told) -> Iterator[int]:
        yield told.client_id
        master = self._master_client_id
        if master not in (None, told.client_id) and told.name in OF_ORDERS:
            yield master


def open_account(feed: Feed, clock: Clock, terms: Terms, account: str, time_zone: str) -> Trading:
    """Return the broker of a gateway's account.

    Raises GivenFileError for a position that cannot be, and JournalError for a state that cannot be gone on from.
    """
    cash, positions = {terms.currency: terms.cash}, _held(feed, clock, terms, account)
    keeper = ids = None
    if terms.state is not None:
        keeper = Keeper(terms.state, clock, account, terms.account_type, terms.currency, cash, positions)
        ids = keeper.identities()
    ledger = Ledger(terms.currency, cash, positions) if keeper is None else keeper.ledger
    held = Account(account, terms.account_type, ledger, pairs=_pairs(feed, clock))
    streams = AccountStreams(held, lambda at_us: f"{moment_of(at_us).astimezone(ZoneInfo(time_zone)):%H:%M}")
    reports, step = Reports(account, time_zone), partial(tick, feed, clock.now_us())
    till = AccountTill(held, Fees(terms.fees))
    known = Knowledge(feed, held, clock.now_us)
    paper = Paper(till, reports, terms.rules, levels(feed), step, ids, terms.latency_us, time_zone, known.facts,
                  terms.habits)  # fmt: skip
    for position in ledger.positions.values():
        paper.expiries.watch(position.security, clock.now_us())
        if (close := known.previous_close(position.security.con_id, clock.now_us())) is not None:
            held.close(position.security.con_id, exact(close))
    days = AccountDays(held, paper, time_zone, clock.now_us(), known.dividend)
    if keeper is not None:
        keeper.resume(paper, held, till, clock.now_us())
        days.catch_up(keeper.at_us, clock.now_us())
    trading = Trading(feed, clock, paper, streams, days, terms.step_us, terms.reads_scripts, keeper,
                      terms.master_client_id)  # fmt: skip
    trading.mark()
    begin(held)
    return trading


def _held(feed: Feed, clock: Clock, terms: Terms, account: str) -> list[Position]:
    """Return what the account begins with; where it is not said what that cost, the price is that of now."""
    now_us = clock.now_us()

    def price(con_id: int) -> float | None:
        return load(feed, con_id, now_us, now_us + 1).price_at(now_us + 1)

    return list(opening_positions(terms.positions, feed, now_us, account, price))


def _pairs(feed: Feed, clock: Clock) -> Iterator[Security]:
    """Yield the pairs of currencies that give exchange rates."""
    for details in feed.find(clock.now_us(), sec_type="CASH"):
        yield security(details)


def levels(feed: Feed) -> Any:
    """Return what gives the broker the recorded levels of a feed's books."""

    def of(con_id: int, at_us: int, asks: bool) -> list[Level]:
        return list(book_levels(feed, con_id, at_us, asks))

    return of


def tick(feed: Feed, at_us: int, of: Security, price: float) -> float:
    """Return the price step of an instrument at a price: by the market rule of the exchange that it names."""
    rules = str(of.details.get("market_rule_ids") or "").split(",")
    exchanges = str(of.details.get("valid_exchanges") or "").split(",")
    own = [rule for exchange, rule in zip(exchanges, rules, strict=False) if exchange == of.exchange]
    for rule in own or rules:
        steps = feed.market_rule(int(rule), at_us) if rule.isdigit() else None
        if steps:
            return max((edge, step) for edge, step in steps if edge <= abs(price) or edge == steps[0][0])[1]
    return float(of.details.get("min_tick") or 0.01)
