"""Fees: what an order costs, fill by fill, so that its minimum is taken once and its cap holds over all of it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from capture.gateway.broker.account.position import NOTHING
from capture.gateway.broker.fill import BUY, REMOVED, SELL, Fill
from capture.gateway.broker.security import Security
from capture.times import DAY_US, moment_of

from .schedule import COMMISSION, SCHEDULES, UNIT, Charge, Commission, Schedule

_ALIAS = {"CONTFUT": "FUT", "WAR": "OPT", "IOPT": "OPT"}
_Row = TypeVar("_Row", Commission, Charge)


@dataclass(frozen=True, slots=True)
class OrderFees:
    """What an order has paid so far, and for what; of a combination, one for each leg."""

    value: Decimal = NOTHING
    raw: Decimal = NOTHING
    commission: Decimal = NOTHING


NO_FEES = OrderFees()


class _Trade(NamedTuple):
    security: Security
    side: int
    quantity: Decimal
    price: Decimal
    liquidity: int
    on: date

    @property
    def value(self) -> Decimal:
        return abs(self.quantity * self.price * self.security.multiplier)


class Fees:
    """A schedule, and the volume of each month, which decides the tier. Fees are in the currency of what is traded."""

    def __init__(self, schedule: str | Schedule = "fixed", regulatory: bool | None = None) -> None:
        self.schedule = SCHEDULES[schedule] if isinstance(schedule, str) else schedule
        self.regulatory = self.schedule.regulatory if regulatory is None else regulatory
        self._volumes: dict[tuple[int, int, str], Decimal] = {}
        self._rows: dict[tuple[str, str, str, date], tuple[Commission | None, tuple[Charge, ...]]] = {}

    def charge(self, fill: Fill, so_far: OrderFees = NO_FEES) -> tuple[Decimal, OrderFees]:
        """Return the fee of a fill, and what its order, or its leg, has paid with it: hand it in with the next fill.

        The first fill pays the order's minimum; later ones add what exceeds that. Below zero is a rebate.
        """
        trade = _Trade(fill.security, fill.side, fill.quantity, fill.price, fill.liquidity, _day(fill.at_us))
        answer = self._charge(trade, so_far)
        if terms := self._terms(trade)[0]:
            key = _volume_key(trade)
            self._volumes[key] = self._volumes.get(key, NOTHING) + _amount(terms, trade)
        return answer

    def estimate(self, security: Security, quantity: Decimal, price: Decimal, at_us: int) -> Decimal:
        """Return what a whole order would cost, filled at once out of the book; `quantity` below zero sells."""
        side = BUY if quantity > 0 else SELL
        return self._charge(_Trade(security, side, abs(quantity), price, REMOVED, _day(at_us)), NO_FEES)[0]

    def snapshot(self) -> Any:
        """Return its state, for `restore`."""
        return dict(self._volumes)

    def restore(self, snapshot: Any) -> None:
        """Be again what it was at a snapshot."""
        self._volumes = dict(snapshot)

    def _charge(self, trade: _Trade, so_far: OrderFees) -> tuple[Decimal, OrderFees]:
        terms, charges = self._terms(trade)
        value, raw, commission = so_far.value + trade.value, so_far.raw, so_far.commission
        if terms:
            raw += _raw(terms, trade, self._volumes.get(_volume_key(trade), NOTHING))
            commission = max(raw, terms.minimum)
            commission = commission if terms.cap is None else min(commission, terms.cap * value)
        own = commission - so_far.commission
        others = sum((_passed_on(charge, trade, own) for charge in charges), NOTHING)
        return own + others, OrderFees(value, raw, commission)

    def _terms(self, trade: _Trade) -> tuple[Commission | None, tuple[Charge, ...]]:
        security = trade.security
        key = (_product(security), security.currency, security.symbol, trade.on)
        if key not in self._rows:
            rows = sorted(_matching(self.schedule.commissions, *key), key=_exactness)
            charges = {row.name: row for row in sorted(_matching(self.schedule.charges, *key), key=_exactness)
                       if self.regulatory or not row.regulatory}  # fmt: skip
            self._rows[key] = (rows[-1] if rows else None, tuple(charges.values()))
        return self._rows[key]


def _raw(terms: Commission, trade: _Trade, begin: Decimal) -> Decimal:
    left, raw = _amount(terms, trade), NOTHING
    for tier in terms.tiers:
        part = left if tier.up_to is None else min(left, max(tier.up_to - begin, NOTHING))
        raw += part * next(rate for lowest, rate in tier.rates if trade.price >= lowest)
        left -= part
        begin += part
    return raw


def _amount(terms: Commission, trade: _Trade) -> Decimal:
    return trade.quantity if terms.per == UNIT else trade.value


def _volume_key(trade: _Trade) -> tuple[int, int, str]:
    return trade.on.year, trade.on.month, _product(trade.security)


def _product(security: Security) -> str:
    return _ALIAS.get(security.sec_type, security.sec_type)


def _matching(rows: tuple[_Row, ...], product: str, currency: str, symbol: str, on: date) -> list[_Row]:
    return [row for row in rows
            if row.product in ("", product) and row.currency in ("", currency)
            and (not row.symbols or symbol in row.symbols) and row.valid_from <= on]  # fmt: skip


def _exactness(row: Commission | Charge) -> tuple[bool, bool, bool, date]:
    return row.symbols != (), row.product != "", row.currency != "", row.valid_from


def _passed_on(charge: Charge, trade: _Trade, commission: Decimal) -> Decimal:
    if charge.side not in (0, trade.side) or charge.liquidity not in (0, trade.liquidity):
        return NOTHING
    of = {"unit": trade.quantity, "value": trade.value, COMMISSION: commission}[charge.per]
    amount = of * charge.rate
    return amount if charge.most is None else min(amount, charge.most)


def _day(at_us: int) -> date:
    return _date_of(at_us // DAY_US)


@lru_cache(64)
def _date_of(day: int) -> date:
    return moment_of(day * DAY_US).date()
