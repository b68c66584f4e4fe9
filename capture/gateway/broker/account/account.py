"""An account: its ledger, and the prices and exchange rates at which what it holds is valued."""

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from decimal import Decimal
from typing import Any, NamedTuple

from capture.gateway.broker.fill import Fill
from capture.gateway.broker.margin import RATES, Holding, Rates
from capture.gateway.broker.security import Security

from .ledger import Booked, Ledger
from .position import NOTHING, Position

KINDS = ("margin", "cash", "portfolio")
_STATE = ("_marks", "_closes", "previous_equity", "previous_sma", "now_us")
_THROUGH = "USD"  # the currency over which a rate is found that no pair gives


class PortfolioRow(NamedTuple):
    """A row of the portfolio: market value, average cost, unrealised and realised P&L in the instrument's currency."""

    security: Security
    position: Decimal
    price: Decimal
    value: Decimal
    average_cost: Decimal
    unrealised: Decimal
    realised: Decimal


class Pnl(NamedTuple):
    """P&L of the day, of what is held, and what was realised today, in the base currency."""

    daily: Decimal
    unrealised: Decimal
    realised: Decimal


class SinglePnl(NamedTuple):
    """P&L of one position, in its own currency; `realised` is None where nothing was realised today."""

    position: Decimal
    daily: Decimal
    unrealised: Decimal
    realised: Decimal | None
    value: Decimal


class Account:
    """A ledger with prices; `kind` is one of KINDS, and the prices of `pairs`, of type CASH, are exchange rates.

    What has no price yet is valued at its last close, else at its average cost. What is in a currency whose rate
    nobody has told is left out of all that is in the base currency: `unknown_rates` names these.
    """

    def __init__(
        self, name: str, kind: str, ledger: Ledger, rates: Rates = RATES, pairs: Iterable[Security] = ()
    ) -> None:
        assert kind in KINDS, kind
        self.name = name
        self.kind = kind
        self.ledger = ledger
        self.rates = rates
        self.previous_equity: Decimal | None = None
        self.previous_sma: Decimal | None = None
        self.now_us = 0
        self._changed: set[int] = set()
        self._pairs: dict[tuple[str, str], int] = {}
        self._marks: dict[int, Decimal] = {}
        self._closes: dict[int, Decimal] = {}
        for pair in pairs:
            self.add_pair(pair)

    def add_pair(self, pair: Security) -> None:
        """Take an instrument of type CASH for exchange rates, once `mark` gives it a price."""
        assert pair.sec_type == "CASH", pair
        self._pairs[pair.symbol, pair.currency] = pair.con_id

    def mark(self, con_id: int, price: Decimal, at_us: int) -> None:
        """Value an instrument at a price from now on; the first of a day stands for a close that nobody told."""
        self._marks[con_id] = price
        self.now_us = at_us
        self._changed.add(con_id)
        self._closes.setdefault(con_id, price)

    @property
    def closes(self) -> Mapping[int, Decimal]:
        """The closes from which P&L of the day is counted, by contract id."""
        return self._closes

    def close(self, con_id: int, price: Decimal) -> None:
        """Take the close of the day before, from which P&L of the day is counted."""
        self._closes[con_id] = price

    def new_day(self, equity: Decimal, sma: Decimal, at_us: int) -> None:
        """Begin a day: futures are settled at their prices, which all become closes.

        `equity` and `sma` are the equity with loan value, and the special memorandum account, as the day before ended.
        """
        self.previous_equity, self.previous_sma = equity, sma
        for con_id, position in self.ledger.positions.items():
            if position.security.is_future:
                self.ledger.settle_future(con_id, self.price(position), at_us)
        self._closes.update(self._marks)
        self.ledger.new_day()

    def book(self, fill: Fill, fee: Decimal) -> Booked:
        """Book a fill in the ledger; its price stands for that of an instrument which has none."""
        if fill.security.sec_type == "CASH":
            self.add_pair(fill.security)
        self._marks.setdefault(fill.security.con_id, fill.price)
        self.now_us = fill.at_us
        return self.ledger.book(fill, fee)

    def take_changed(self) -> set[int]:
        """Return which prices and positions changed since this was asked last, by con_id."""
        changed = self._changed | self.ledger.changed
        self._changed, self.ledger.changed = set(), set()
        return changed

    def price(self, position: Position) -> Decimal:
        """Return at which price a position is valued."""
        con_id = position.security.con_id
        known = self._marks.get(con_id, self._closes.get(con_id))
        return position.average_cost / position.security.multiplier if known is None else known

    def known_price(self, con_id: int) -> Decimal | None:
        """Return the last price of an instrument, or its last close; None where nobody told either."""
        return self._marks.get(con_id, self._closes.get(con_id))

    def rate(self, currency: str) -> Decimal | None:
        """Return how much one of a currency is in the base currency; None where no price of a pair says so."""
        base = self.ledger.base_currency
        direct = self._between(currency, base)
        if direct is not None:
            return direct
        first, second = self._between(currency, _THROUGH), self._between(_THROUGH, base)
        return None if first is None or second is None else first * second

    def unknown_rates(self) -> list[str]:
        """Return currencies in which something is held, and which are left out for want of a rate."""
        held = {currency for currency, amount in self.ledger.cash.items() if amount}
        held |= {position.security.currency for position in self.ledger.positions.values() if position.quantity}
        return sorted(currency for currency in held if self.rate(currency) is None)

    def valued(self) -> list[int]:
        """Return the contract ids whose prices it needs: of what it holds, of underlyings, and of exchange rates."""
        held = [position.security for position in self.ledger.positions.values() if position.quantity]
        under = [security.under_con_id for security in held if security.is_option and security.under_con_id]
        foreign = {security.currency for security in held} | self.ledger.cash.keys()
        pairs = [con_id for pair, con_id in self._pairs.items() if foreign & set(pair) - {self.ledger.base_currency}]
        return list(dict.fromkeys([*(security.con_id for security in held), *under, *pairs]))

    def holdings(self) -> Iterator[Holding]:
        """Yield what is held, with the price of each."""
        for position in self.ledger.positions.values():
            if position.quantity:
                yield Holding(position.security, position.quantity, self.price(position))

    def portfolio(self) -> list[PortfolioRow]:
        """Return a row for each position, and for what was closed today."""
        return [self._row(position) for position in self.ledger.positions.values()]

    def pnl(self) -> Pnl:
        """Return P&L of the whole account; what is in a currency without rate is left out."""
        total = Pnl(NOTHING, NOTHING, NOTHING)
        for position in self.ledger.positions.values():
            if (rate := self.rate(position.security.currency)) is not None:
                price = self.price(position)
                total = Pnl(total.daily + rate * self._daily(position, price),
                            total.unrealised + rate * position.unrealised(price),
                            total.realised + rate * position.realised)  # fmt: skip
        return total

    def pnl_single(self, con_id: int) -> SinglePnl | None:
        """Return P&L of one position; None where none was held since the day began."""
        position = self.ledger.positions.get(con_id)
        if position is None:
            return None
        price = self.price(position)
        realised = position.realised if position.realised else None
        return SinglePnl(position.quantity, self._daily(position, price), position.unrealised(price), realised,
                         position.worth(price))  # fmt: skip

    def snapshot(self) -> tuple[Any, ...]:
        """Return its state and that of its ledger, for `restore`."""
        return self.ledger.snapshot(), tuple(copy(getattr(self, name)) for name in _STATE)

    def restore(self, snapshot: tuple[Any, ...]) -> None:
        """Be again what it was at a snapshot, which may be used again."""
        ledger, state = snapshot
        self.ledger.restore(ledger)
        for name, value in zip(_STATE, state, strict=True):
            setattr(self, name, copy(value))
        self._changed.update(self._marks)

    def _between(self, currency: str, other: str) -> Decimal | None:
        if currency == other:
            return Decimal(1)
        price = self._marks.get(self._pairs.get((currency, other), 0))
        if price is not None:
            return price
        inverse = self._marks.get(self._pairs.get((other, currency), 0))
        return 1 / inverse if inverse else None

    def _row(self, position: Position) -> PortfolioRow:
        price = self.price(position)
        return PortfolioRow(position.security, position.quantity, price, position.worth(price), position.average_cost,
                            position.unrealised(price), position.realised)  # fmt: skip

    def _daily(self, position: Position, price: Decimal) -> Decimal:
        con_id = position.security.con_id
        opening = self.ledger.opening_quantity(con_id)
        before = opening * self._closes.get(con_id, price) * position.security.multiplier
        return position.worth(price) - before - position.traded - position.fees
