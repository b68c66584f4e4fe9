"""The ledger: cash by currency, positions and the executions of the day, exact to the last digit."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

from capture.gateway.broker.fill import Fill

from .position import NOTHING, Position

_STATE = ("cash", "positions", "executions", "entries", "_opening", "_realised_before")


class UnknownExecutionError(LookupError):
    """No execution of today has this id; the text says so."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A fill as it was booked; `realised` is None if it closed nothing."""

    fill: Fill
    fee: Decimal
    realised: Decimal | None


@dataclass(frozen=True, slots=True)
class Entry:
    """What moved cash and was no execution: `kind` is deposit, dividend or settlement."""

    at_us: int
    kind: str
    currency: str
    amount: Decimal
    con_id: int = 0


class Booked(NamedTuple):
    """What an execution left behind: `realised` is None if it closed nothing."""

    realised: Decimal | None
    position: Decimal
    average_cost: Decimal


class Ledger:
    """What an account has. Public mappings are to be read; methods change them.

    `executions` are those since the last `new_day`, by id in the order in which they came, and `entries` likewise: this
    bounds both. Fees are in the currency of what was traded. A pair of currencies moves both; it is a position besides,
    for its average cost, and none that adds to what the account is worth.
    """

    def __init__(self, base_currency: str, cash: Mapping[str, Decimal], positions: Iterable[Position] = ()) -> None:
        self.base_currency = base_currency
        self.cash: dict[str, Decimal] = dict(cash)
        self.positions = {position.security.con_id: position for position in positions}
        self.executions: dict[str, Execution] = {}
        self.entries: list[Entry] = []
        self.changed = set(self.positions)  # since whoever looks at it emptied it
        self._opening = dict(self.positions)
        self._realised_before: dict[str, Decimal] = {}

    def book(self, fill: Fill, fee: Decimal) -> Booked:
        """Book a fill; raises AssertionError for an execution id that is there already."""
        assert fill.execution_id not in self.executions, f"{fill.execution_id} is booked already"
        con_id = fill.security.con_id
        position, realised = (self.positions.get(con_id) or Position(fill.security)).after(fill, fee)
        self._put(position)
        self.executions[fill.execution_id] = Execution(fill, fee, realised)
        self._move(fill, fee, 1)
        return Booked(realised, position.quantity, position.average_cost)

    def correct(self, execution_id: str, fill: Fill, fee: Decimal) -> Booked:
        """Put an execution in the place of an earlier one, as if it had been so from the first.

        Raises UnknownExecutionError for one that is not of today.
        """
        old = self._of_today(execution_id)
        assert fill.security.con_id == old.fill.security.con_id and fill.execution_id not in self.executions
        new = Execution(fill, fee, None)
        self.executions = dict((fill.execution_id, new) if key == execution_id else (key, each)
                               for key, each in self.executions.items())
        self._move(fill, fee, 1)
        return self._without(old, fill.execution_id)

    def bust(self, execution_id: str) -> Booked:
        """Take an execution back, as if it had never been. Raises UnknownExecutionError for one not of today."""
        old = self._of_today(execution_id)
        del self.executions[execution_id]
        return self._without(old, "")

    def opening_quantity(self, con_id: int) -> Decimal:
        """Return how much was held as the day began."""
        position = self._opening.get(con_id)
        return position.quantity if position else NOTHING

    def deposit(self, currency: str, amount: Decimal, at_us: int) -> None:
        """Put cash in, or take it out: `amount` below zero."""
        self._enter(Entry(at_us, "deposit", currency, amount))

    def receive_dividend(self, con_id: int, per_share: Decimal, at_us: int) -> Decimal:
        """Return what a dividend brings: below zero where shares are short, nothing where none are held."""
        position = self.positions.get(con_id)
        if position is None or not position.quantity:
            return NOTHING
        amount = position.quantity * per_share
        self._enter(Entry(at_us, "dividend", position.security.currency, amount, con_id))
        return amount

    def settle_future(self, con_id: int, price: Decimal, at_us: int) -> Decimal:
        """Move to cash what a future has won or lost since the last settlement, and return it."""
        position = self.positions[con_id]
        amount = position.futures_pnl(price)
        self._put(replace(position, settled=position.settled + amount))
        self._enter(Entry(at_us, "settlement", position.security.currency, amount, con_id))
        return amount

    def realised_today(self) -> dict[str, Decimal]:
        """Return what was realised since the last `new_day`, by currency, fees paid for it taken off."""
        return self._with_realised({})

    def realised_ever(self) -> dict[str, Decimal]:
        """Return what was realised since the ledger was begun, by currency."""
        return self._with_realised(self._realised_before)

    def new_day(self) -> None:
        """Begin a day: what was realised is zero again, and executions before can no longer be taken back."""
        self._realised_before = self.realised_ever()
        self.positions = {con_id: position.new_day() for con_id, position in self.positions.items()
                          if position.quantity or position.futures_pnl(NOTHING)}  # fmt: skip
        self._opening = dict(self.positions)
        self.executions = {}
        self.entries = []

    def snapshot(self) -> tuple[Any, ...]:
        """Return all of its state, for `restore`; as large as the day's executions are many."""
        return tuple(copy(getattr(self, name)) for name in _STATE)

    def restore(self, snapshot: tuple[Any, ...]) -> None:
        """Be again what it was at a snapshot, which may be used again."""
        self.changed.update(self.positions)
        for name, value in zip(_STATE, snapshot, strict=True):
            setattr(self, name, copy(value))
        self.changed.update(self.positions)

    def _put(self, position: Position) -> None:
        con_id = position.security.con_id
        self.positions[con_id] = position
        self.changed.add(con_id)

    def _of_today(self, execution_id: str) -> Execution:
        if execution_id not in self.executions:
            raise UnknownExecutionError(f"no execution of today has the id {execution_id!r}")
        return self.executions[execution_id]

    def _without(self, old: Execution, execution_id: str) -> Booked:
        self._move(old.fill, old.fee, -1)
        con_id = old.fill.security.con_id
        position = self._opening.get(con_id) or Position(old.fill.security)
        for key, execution in self.executions.items():
            if execution.fill.security.con_id == con_id:
                position, realised = position.after(execution.fill, execution.fee)
                self.executions[key] = replace(execution, realised=realised)
        position = replace(position, settled=self.positions[con_id].settled)  # settlements of today stay in cash
        self._put(position)
        known = self.executions.get(execution_id)
        return Booked(known.realised if known else None, position.quantity, position.average_cost)

    def _move(self, fill: Fill, fee: Decimal, sign: int) -> None:
        security = fill.security
        paid = fee if security.is_future else fill.side * fill.value + fee
        self.cash[security.currency] = self.cash.get(security.currency, NOTHING) - sign * paid
        if security.sec_type == "CASH":
            self.cash[security.symbol] = self.cash.get(security.symbol, NOTHING) + sign * fill.signed

    def _enter(self, entry: Entry) -> None:
        self.cash[entry.currency] = self.cash.get(entry.currency, NOTHING) + entry.amount
        self.entries.append(entry)

    def _with_realised(self, before: Mapping[str, Decimal]) -> dict[str, Decimal]:
        by_currency = defaultdict(Decimal, before)
        for position in self.positions.values():
            by_currency[position.security.currency] += position.realised
        return dict(by_currency)
