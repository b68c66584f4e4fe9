"""Writes what changes of a paper account to its journal, and lets a broker go on from there after a restart.

Ids are written as they are given; what happened to orders and the ledger in one line, before any client is told of it.
What a restart does not bring back: how long an order stood in its queue, and which warnings it was told.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from capture.gateway.broker.account.account import Account
from capture.gateway.broker.account.account_till import AccountTill
from capture.gateway.broker.account.position import Position
from capture.gateway.broker.executions import Execution
from capture.gateway.broker.identities import Identities, precursor
from capture.gateway.broker.orders.order import DONE, Order
from capture.gateway.broker.paper import Paper
from capture.gateway.broker.reports import Told
from capture.gateway.broker.security import Security, security
from capture.replay.clock import Clock
from capture.times import moment_of

from .account_journal import Journal, JournalError, Record
from .account_records import (
    COMBINATION,
    KeptLedger,
    do_again,
    fill_of,
    fill_record,
    instrument_record,
    order_of,
    order_record,
    position_of,  # fmt: skip
    position_record,
)

VERSION = 1
BEGIN_ANEW = "begin anew with another file: `ticktape gateway --state FILE`"


@dataclass(slots=True)
class Past:
    """What a journal holds, by kind; of each order and execution the latest."""

    begun: Record
    at_us: int
    ids: list[Record] = field(default_factory=list)
    instruments: dict[int, Record] = field(default_factory=dict)
    operations: list[Record] = field(default_factory=list)
    orders: dict[int, Record] = field(default_factory=dict)
    executions: dict[str, Record] = field(default_factory=dict)
    day: Record = field(default_factory=dict)

OF_EXECUTIONS = ("execution_details", "commission_report")  # messages

class Keeper:
    """The journal of one account, and what is in it.

    Raises JournalError for a file that is damaged or in use, of another account, or from a later moment than a replay
    begins at.
    """

    def __init__(
        self, path: Path, clock: Clock, account: str, kind: str, currency: str, cash: Mapping[str, Decimal],
        positions: Iterable[Position],
    ) -> None:  # fmt: skip
        self.journal = Journal(path)
        self._known: set[int] = set()
        self._day: Record = {}
        try:
            self._past = self._begin(clock, account, kind, currency, cash, positions)
        except BaseException:
            self.journal.close()
            raise
        self._instruments = {con_id: security(one["details"]) for con_id, one in self._past.instruments.items()}
        self.ledger = self._made_ledger()

    def _begin(
        self, clock: Clock, account: str, kind: str, currency: str, cash: Mapping[str, Decimal],
        positions: Iterable[Position],
    ) -> Past:  # fmt: skip
        terms = {"account": account, "type": kind, "currency": currency}
        if not self.journal.records:
            held = list(positions)
            begun = {"ticktape": VERSION, **terms, "cash": dict(cash), "positions": list(map(position_record, held))}
            for record in (begun, *(instrument_record(one.security) for one in held)):
                self.journal.write(record)
            self.journal.records = [begun, *(instrument_record(one.security) for one in held)]
        past = _sorted(self.journal)
        for name, value in terms.items():
            if past.begun[name] != value:
                there = past.begun[name]
                option = f"say --account-type {there}, or " if name == "type" else ""
                raise JournalError(f"{self.journal.path} holds an account whose {name} is {there}, not {value}: "
                                   f"{option}{BEGIN_ANEW}")  # fmt: skip
        past.at_us = past.at_us or clock.now_us()
        if clock.span is None:
            clock.seek(max(clock.now_us(), past.at_us))
        elif clock.now_us() < past.at_us:
            raise JournalError(
                f"{self.journal.path} holds an account that has traded up to {moment_of(past.at_us):%Y-%m-%dT%H:%M:%S}"
                f".{past.at_us % 1_000_000:06}Z: replay from then on, or {BEGIN_ANEW}")
        return past

    def _made_ledger(self) -> KeptLedger:
        begun = self._past.begun
        positions = [position_of(one, self._instruments) for one in begun["positions"]]
        ledger = KeptLedger(begun["currency"], begun["cash"], positions)
        for record in self._past.operations:
            do_again(record, ledger, self._instruments)
        ledger.noted.clear()
        return ledger

    # Going on

    @property
    def at_us(self) -> int:
        """The moment of the last that was written; the present where nothing was."""
        return self._past.at_us

    def identities(self) -> Identities:
        """Return the ids that were given so far; new ones are written as they are given."""
        found = Identities(keep=lambda given: self.journal.write({"id": given}))
        for given in self._past.ids:
            found.orders = max(found.orders, given.get("orders", 0))
            found.executions = max(found.executions, given.get("executions", 0))
            if "client_id" in given:
                client_id = given["client_id"]
                found.order_ids[client_id] = max(found.order_ids.get(client_id, 0), given["order_id"])
        return found

    def resume(self, paper: Paper, account: Account, till: AccountTill, at_us: int) -> None:
        """Let a broker that has just begun go on with the orders and executions of before; nobody is told."""
        past = self._past
        account.previous_equity, account.previous_sma = past.day.get("equity"), past.day.get("sma")
        for con_id, price in past.day.get("closes", ()):
            account.close(con_id, price)
        for record in past.operations:
            if record["ledger"] == "book":
                till.charged_before(fill_of(record["given"][0], self._instruments))
        self._resume_executions(paper)
        orders: dict[int, Order] = {}
        for permanent_id, record in sorted(past.orders.items()):
            orders[permanent_id] = order = order_of(record, self._instruments, orders)
            paper.resume(order, at_us, record["unsent"], record["set_off"])
        paper.reports.take()
        self._compact(paper, orders.values())

    def _resume_executions(self, paper: Paper) -> None:
        for record in self._past.executions.values():
            fill = fill_of(record["fill"], self._instruments)
            paper.executions.done[fill.execution_id] = Execution(fill, record["details"], record["commission"])

    def _compact(self, paper: Paper, orders: Iterable[Order]) -> None:
        """Write anew what is still needed: each order and each id once."""
        past = self._past
        ids = paper.identities
        given = [{"orders": ids.orders, "executions": ids.executions}]
        given += [{"client_id": client_id, "order_id": order_id} for client_id, order_id in ids.order_ids.items()]
        executions = paper.executions.done.values()
        latest = [*past.operations, *map(order_record, orders), *map(_execution_record, executions), past.day]
        self.journal.rewrite([past.begun, *past.instruments.values(), *({"id": one} for one in given),
                              {"at_us": past.at_us, "batch": [one for one in latest if one]}])  # fmt: skip
        self._known, self._day = set(self._instruments), past.day
        self.journal.records = []
        self._past = Past(past.begun, past.at_us)

    # Taking note

    def take_note(self, paper: Paper, account: Account, at_us: int, told: Iterable[Told], placed: Order | None) -> None:
        """Write what is about to be told, with all that changed by it; of `placed`, an order, nothing may be told."""
        told = list(told)
        permanent_ids = dict.fromkeys(one.order for one in told if one.order)
        orders = [order for one in permanent_ids if (order := paper.orders.known(one)) is not None]
        if placed is not None and placed.permanent_id not in permanent_ids:
            orders.append(placed)
        names = dict.fromkeys(one.values["execution_id"] for one in told if one.name in OF_EXECUTIONS)
        executions = [paper.executions.done[name] for name in names if name in paper.executions.done]
        batch = [*self.ledger.noted, *map(order_record, orders), *map(_execution_record, executions)]
        if not batch:
            return
        self.ledger.noted.clear()
        traded = [one.fill.security for one in executions if one.fill.security.sec_type != COMBINATION]
        instruments = [*_instruments_of(orders), *traded,
                       *(position.security for position in account.ledger.positions.values())]  # fmt: skip
        self.journal.write({"at_us": at_us, "batch": [*self._new(instruments), *batch, *self._changed_day(account)]})

    def _new(self, instruments: Iterable[Security]) -> Iterator[Record]:
        for one in instruments:
            if one.con_id not in self._known:
                self._known.add(one.con_id)
                yield instrument_record(one)

    def _changed_day(self, account: Account) -> Iterator[Record]:
        """Yield what stood as the day began, where that is not written yet."""
        day = {"equity": account.previous_equity, "sma": account.previous_sma,
               "closes": [[con_id, account.closes[con_id]] for con_id in account.ledger.positions
                          if con_id in account.closes]}  # fmt: skip
        if day != self._day:
            self._day = day
            yield day

    def close(self) -> None:
        """Let go of the file."""
        with suppress(OSError):
            self.journal.close()


def _execution_record(one: Execution) -> Record:
    return {"execution": one.fill.execution_id, "fill": fill_record(one.fill), "details": dict(one.details),
            "commission": dict(one.commission)}  # fmt: skip


def _instruments_of(orders: Iterable[Order]) -> Iterator[Security]:
    for order in orders:
        yield from (leg.security for leg in order.legs) if order.legs else (order.security,)


def _sorted(journal: Journal) -> Past:
    """Return what a journal holds, by kind."""
    begun = journal.records[0]
    if begun.get("ticktape") != VERSION:
        raise JournalError(f"{journal.path} is no paper account of this version of ticktape: {BEGIN_ANEW}")
    past = Past(begun, 0)
    for record in journal.records[1:]:
        past.at_us = max(past.at_us, record.get("at_us", 0))
        for one in record.get("batch", (record,)):
            _sort(one, past)
    return past


def _sort(record: Record, past: Past) -> None:
    if "id" in record:
        past.ids.append(record["id"])
    elif "instrument" in record:
        past.instruments[record["instrument"]] = record
    elif "ledger" in record:
        past.operations.append(record)
        if record["ledger"] == "new_day":
            _forget(past)
    elif "order" in record:
        past.orders[record["order"]["permanent_id"]] = record["order"]
    elif "execution" in record:
        _sort_execution(record, past.executions)
    elif "closes" in record:
        past.day = record


def _forget(past: Past) -> None:
    """Forget what was done of orders, as a broker does when a day is over."""
    past.executions.clear()
    past.orders = {key: order for key, order in past.orders.items() if order["status"] not in DONE}


def _sort_execution(record: Record, executions: dict[str, Any]) -> None:
    """Put an execution in the place of the one that it corrects."""
    corrected = precursor(record["execution"])
    if corrected in executions:
        again = {record["execution"] if name == corrected else name: record if name == corrected else one
                 for name, one in executions.items()}  # fmt: skip
        executions.clear()
        executions.update(again)
    else:
        executions[record["execution"]] = record
