"""Means: whether an account can bear an order beside all that is working, and what one would change."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from capture.gateway.broker.fees import Fees
from capture.gateway.broker.fill import BUY, REMOVED, SELL, Fill
from capture.gateway.broker.margin import Holding, group_of, group_requirement
from capture.gateway.broker.margin.currencies import currency_requirement
from capture.gateway.broker.security import Security

from .account import Account
from .account_values import numbers
from .figures import LENT, PART, figures
from .position import NOTHING, Position
from .reserved import Deal, Reserved

# Why an order is refused; the texts are IB's, with what is there and what it would take.
TOO_LITTLE, NO_SHORTS, LEAST_EQUITY, NO_RATE = "too little", "no shorts", "least equity", "no rate"


class Standing(NamedTuple):
    """How an account stands, in its base currency, with all that is working."""

    equity: Decimal
    initial: Decimal

    @property
    def available(self) -> Decimal:
        """What is free for more."""
        return self.equity - self.initial


class Verdict(NamedTuple):
    """Whether an order can be borne: `reason` is empty, or one of those above; `before` only where that mattered."""

    reason: str
    before: Standing | None
    after: Standing

    @property
    def enough(self) -> bool:
        """Whether it can."""
        return not self.reason


class WhatIf(NamedTuple):
    """Of a what-if order: initial and maintenance margin and equity with loan value, before and after, and its fee."""

    before: tuple[Decimal, Decimal, Decimal]
    after: tuple[Decimal, Decimal, Decimal]
    commission: Decimal

    @property
    def change(self) -> tuple[Decimal, ...]:
        """What it would change of each."""
        return tuple(after - before for before, after in zip(self.before, self.after, strict=True))


@dataclass(slots=True)
class Part:
    """What one underlying, or all, have in one currency: cash that orders would move, equity, and initial margin."""

    cash: Decimal = NOTHING
    equity: Decimal = NOTHING
    initial: Decimal = NOTHING

    def add(self, other: "Part") -> None:
        """Add another."""
        self.cash += other.cash
        self.equity += other.equity
        self.initial += other.initial

    def take_off(self, other: "Part") -> None:
        """Take another off."""
        self.cash -= other.cash
        self.equity -= other.equity
        self.initial -= other.initial


class Means:
    """Weighs orders of one account. Only what changed since is reckoned anew, one underlying after the other."""

    def __init__(self, account: Account, fees: Fees) -> None:
        self._account = account
        self._fees = fees
        self._reserved = Reserved()
        self._securities: dict[int, Security] = {}
        self._members: defaultdict[int, set[int]] = defaultdict(set)
        self._parts: dict[int, dict[str, Part]] = {}
        self._totals: defaultdict[str, Part] = defaultdict(Part)
        self._last = Standing(NOTHING, NOTHING)
        self._flat: dict[str, bool] = {}  # by kind of security: see `_at_any_price`
        self._dirty: set[int] = set(account.ledger.positions)

    def ask(self, permanent_id: int, legs: Sequence[Deal], at_us: int, oca: str = "") -> Verdict:
        """Reserve for an order, or for one that was changed, if the account can bear it; else leave all as it was.

        `legs` say what of it is still to be filled, at the prices that it will pay at most, or that stand now.
        """
        known = self._reserved.order(permanent_id)
        if known and self._asks_no_more(known.legs, legs) and known.oca == oca:
            self.reserve(permanent_id, legs, at_us, oca)
            return Verdict("", None, self._last)
        old = self._take_off(permanent_id)
        self.reserve(permanent_id, legs, at_us, oca)
        after = self.standing(at_us)
        if self._is_plenty(legs, after) and not self._reason(legs, NOTHING, after, {}):
            return Verdict("", None, after)
        verdict = self._weigh(permanent_id, legs, at_us, after)
        if not verdict.enough:
            self.release(permanent_id)
            if old:
                self._put_on(permanent_id, old.legs, old.fee, old.oca)
        return verdict

    def _is_plenty(self, legs: Sequence[Deal], after: Standing) -> bool:
        """Whether an account has what any order needs, in currencies whose rates are known: what it takes is no matter.

        So it is nearly always, and then how the account stood before need not be reckoned.
        """
        account = self._account
        return (after.available >= 0 and after.equity >= account.rates.least_equity
                and all(account.rate(leg.security.currency) is not None for leg in legs))  # fmt: skip

    def _weigh(self, permanent_id: int, legs: Sequence[Deal], at_us: int, after: Standing) -> Verdict:
        """Return whether an order that is reserved for can be borne, by how the account stands without it."""
        unrated = [leg.security.currency for leg in legs if self._account.rate(leg.security.currency) is None]
        order = self._take_off(permanent_id)
        before, own_before = self.standing(at_us), self._in_currencies(unrated)
        fee = NOTHING  # which alone keeps nobody from closing
        if order:
            self._put_on(permanent_id, order.legs, order.fee, order.oca)
            fee = order.fee
        assert self.standing(at_us) == after
        taken = before.available - after.available - fee
        return Verdict(self._reason(legs, taken, after, own_before), before, after)

    def bears(self, permanent_id: int, security: Security, quantity: Decimal, oca: str) -> bool:
        """Return whether what is reserved for an order of one instrument stands for so much of it at any price."""
        known = self._reserved.order(permanent_id)
        if known is None or len(known.legs) != 1 or known.oca != oca:
            return False
        (leg,) = known.legs
        return leg.security is security and leg.quantity == quantity and self._at_any_price(security)

    def reserve(self, permanent_id: int, legs: Sequence[Deal], at_us: int, oca: str = "") -> None:
        """Reserve for what is left of an order, in place of what was reserved for it; no legs release it."""
        known = self._reserved.order(permanent_id)
        if known and known.oca == oca and self._is_alike(known.legs, legs):
            return
        self._take_off(permanent_id)
        if legs:
            fee = sum((self._fee(leg, at_us) for leg in legs), NOTHING)
            self._put_on(permanent_id, legs, fee, oca)

    def release(self, permanent_id: int) -> None:
        """Release what is reserved for an order, if anything is."""
        self._take_off(permanent_id)

    def standing(self, at_us: int) -> Standing:
        """Return how the account stands with all that is working."""
        self._reckon(at_us)
        equity, initial = -self._reserved.fees, NOTHING
        balances: list[Decimal] = []
        held = self._account.ledger.cash
        for currency in held.keys() | self._totals.keys():
            rate, part = self._account.rate(currency), self._totals[currency]
            if rate is not None:
                cash = held.get(currency, NOTHING) + part.cash
                balances.append(rate * cash)
                equity += rate * (cash + part.equity)
                initial += rate * part.initial
        self._last = Standing(equity, initial + currency_requirement(balances, self._account.rates))
        return self._last

    def snapshot(self) -> Any:
        """Return what is reserved, for `restore`; the account and the fees have snapshots of their own."""
        return self._reserved.snapshot()

    def restore(self, snapshot: Any) -> None:
        """Reserve again what was at a snapshot; the account must be restored before."""
        self._dirty.update(self._securities)
        self._reserved.restore(snapshot)
        for security in {leg.security for leg in self._reserved.legs()}:
            self._know(security)
            self._dirty.add(security.con_id)

    def _put_on(self, permanent_id: int, legs: Sequence[Deal], fee: Decimal, oca: str) -> None:
        for leg in legs:
            self._know(leg.security)
        self._reserved.add(permanent_id, legs, fee, oca)
        self._dirty.update(leg.security.con_id for leg in legs)

    def _take_off(self, permanent_id: int) -> Any:
        order = self._reserved.remove(permanent_id)
        if order:
            self._dirty.update(leg.security.con_id for leg in order.legs)
        return order

    def _fee(self, leg: Deal, at_us: int) -> Decimal:
        rate = self._account.rate(leg.security.currency)
        return NOTHING if rate is None else rate * self._fees.estimate(leg.security, leg.quantity, leg.price, at_us)

    def _know(self, security: Security) -> None:
        self._securities[security.con_id] = security
        self._members[group_of(security)].add(security.con_id)

    def _reckon(self, at_us: int) -> None:
        """Bring the totals up to date with what changed."""
        positions, changed = self._account.ledger.positions, self._dirty | self._account.take_changed()
        self._dirty = set()
        groups = set()
        for con_id in changed:
            if con_id in positions:
                self._know(positions[con_id].security)
            known = self._securities.get(con_id)
            groups.add(group_of(known) if known else con_id)  # a price may be that of an underlying
        for group in groups & self._members.keys():
            for currency, part in self._parts.pop(group, {}).items():
                self._totals[currency].take_off(part)
            self._parts[group] = self._group(group, at_us)
            for currency, part in self._parts[group].items():
                self._totals[currency].add(part)

    def _group(self, group: int, at_us: int) -> dict[str, Part]:
        answer: defaultdict[str, Part] = defaultdict(Part)
        held: list[Holding] = []
        left: list[Holding] = []  # once what would close is closed: it may have covered something
        for con_id in sorted(self._members[group]):
            security = self._securities[con_id]
            position = self._account.ledger.positions.get(con_id) or Position(security)
            supposed = self._reserved.supposed(security, position.quantity)
            price = self._price(position, supposed.value, supposed.quantity)
            held.append(Holding(security, position.quantity + supposed.quantity, price))
            closed = self._reserved.closed(con_id, position.quantity)
            left.append(Holding(security, position.quantity + closed, price) if closed else held[-1])
            part = answer[security.currency]
            part.equity += self._equity(position, price, supposed.value)
            if not security.is_future:
                part.cash -= supposed.value
            if security.sec_type == "CASH":
                answer[security.symbol].cash += supposed.quantity
        required = [self._required(group, each, at_us) for each in ([held] if held == left else [held, left])]
        answer[held[0].security.currency].initial += max(required)
        return answer

    def _required(self, group: int, held: list[Holding], at_us: int) -> Decimal:
        account = self._account
        return group_requirement(held, account.known_price(group), account.kind, account.rates, at_us).initial

    def _price(self, position: Position, value: Decimal, quantity: Decimal) -> Decimal:
        known = self._account.known_price(position.security.con_id)
        if known is None and not position.quantity and quantity:
            return value / quantity / position.security.multiplier
        return self._account.price(position) if known is None else known

    def _equity(self, position: Position, price: Decimal, value: Decimal) -> Decimal:
        part = PART.get(position.security.sec_type, "stock")
        if position.security.is_future:
            return position.futures_pnl(price)
        if part == "future_option" or part in LENT[self._account.kind]:
            return position.worth(price) + value
        return NOTHING

    def _asks_no_more(self, old: Sequence[Deal], new: Sequence[Deal]) -> bool:
        """Whether an order that was borne takes no more as it is now: it need not be weighed again."""
        if len(old) != 1 or len(new) != 1 or old[0].security != new[0].security:
            return False
        smaller = NOTHING <= new[0].quantity <= old[0].quantity or old[0].quantity <= new[0].quantity <= NOTHING
        return smaller and (self._at_any_price(new[0].security) or abs(new[0].value) <= abs(old[0].value))

    def _is_alike(self, old: Sequence[Deal], new: Sequence[Deal]) -> bool:
        """Whether what is reserved for an order stands for it as it is now."""
        return old == new or (
            len(old) == len(new) == 1 and old[0].security == new[0].security and old[0].quantity == new[0].quantity
            and self._at_any_price(new[0].security))  # fmt: skip

    def _at_any_price(self, security: Security) -> bool:
        """Whether an order takes the same whatever its price: what is paid is held, and margin goes by the market."""
        known = self._flat.get(security.sec_type)
        if known is None:
            part = PART.get(security.sec_type, "stock")
            known = security.is_future or (part in LENT[self._account.kind] and not security.is_option)
            self._flat[security.sec_type] = known
        return known

    def _cash(self, currency: str) -> Decimal:
        return self._account.ledger.cash.get(currency, NOTHING) + self._totals[currency].cash

    def _in_currencies(self, currencies: Iterable[str]) -> dict[str, Decimal]:
        return {currency: self._cash(currency) + self._totals[currency].equity - self._totals[currency].initial
                for currency in currencies}  # fmt: skip

    def _reason(self, legs: Sequence[Deal], taken: Decimal, after: Standing, own_before: dict[str, Decimal]) -> str:
        account = self._account
        if account.kind == "cash" and any(self._is_short(leg) for leg in legs):
            return NO_SHORTS
        if taken > 0 and after.available < 0:
            return TOO_LITTLE
        own = self._in_currencies(own_before)
        if any(own[each] < min(own_before[each], NOTHING) for each in own):
            return NO_RATE
        if account.kind == "cash" and any(self._is_owed(leg) for leg in legs):
            return TOO_LITTLE
        return LEAST_EQUITY if taken > 0 and after.equity < account.rates.least_equity and self._borrows(legs) else ""

    def _borrows(self, legs: Sequence[Deal]) -> bool:
        """Whether legs take more than is there in cash, or are of what is never paid for in full."""
        if self._account.kind == "cash":
            return False
        sold = any(leg.quantity < 0 or leg.security.is_future for leg in legs)
        return sold or any(self._cash(leg.security.currency) < 0 for leg in legs)

    def _is_short(self, leg: Deal) -> bool:
        """Whether a cash account would sell what it does not have; options that are secured, and futures, it may."""
        if leg.security.is_option or leg.security.is_future or leg.security.sec_type == "CASH" or leg.quantity > 0:
            return leg.security.right == "C" and leg.quantity < 0 and self._is_naked(leg.security)
        position = self._account.ledger.positions.get(leg.security.con_id) or Position(leg.security)
        return position.quantity + self._reserved.sold(leg.security.con_id) < 0 or self._is_naked(leg.security)

    def _is_naked(self, security: Security) -> bool:
        """Whether calls on an underlying would be short beyond the shares that are held."""
        covered = NOTHING
        for con_id in self._members[group_of(security)]:
            other = self._securities[con_id]
            position = self._account.ledger.positions.get(con_id) or Position(other)
            quantity = position.quantity + self._reserved.sold(con_id)
            if other.right == "C":
                covered += min(quantity, NOTHING) * other.multiplier
            elif not other.is_option:
                covered += quantity
        return covered < 0

    def _is_owed(self, leg: Deal) -> bool:
        """Whether an order would leave a debt in the currency that is paid with."""
        if leg.security.sec_type != "CASH" and (leg.quantity < 0 or leg.security.is_future):
            return False
        return self._cash(leg.security.currency if leg.quantity > 0 else leg.security.symbol) < 0


def what_if(account: Account, fees: Fees, legs: Sequence[Deal], at_us: int) -> WhatIf:
    """Return what legs would change if they were filled at their prices now; nothing is booked."""
    kept, volumes = account.snapshot(), fees.snapshot()
    before = _three(account)
    commission = NOTHING
    for number, leg in enumerate(legs):
        fill = Fill(f"what if {number}", at_us, leg.security, BUY if leg.quantity > 0 else SELL, abs(leg.quantity),
                    leg.price, "", REMOVED, 0, 0, 0)  # fmt: skip
        fee = fees.charge(fill)[0]
        account.book(fill, fee)
        commission += fee * (account.rate(leg.security.currency) or NOTHING)
    after = _three(account)
    account.restore(kept)
    fees.restore(volumes)
    return WhatIf(before, after, commission)


def _three(account: Account) -> tuple[Decimal, Decimal, Decimal]:
    known = numbers(figures(account))
    return known["InitMarginReq"], known["MaintMarginReq"], known["EquityWithLoanValue"]
