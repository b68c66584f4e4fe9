"""What an account must have for what it holds, one underlying after the other."""

from decimal import Decimal
from typing import NamedTuple

from capture.gateway.broker.account.position import NOTHING
from capture.gateway.broker.security import Security

from .holding import Holding
from .options import naked_and_spreads
from .portfolio import portfolio_requirement
from .rates import Rates

UNLENT = ("CASH", "CRYPTO")  # paid in full, and outside what margin is reckoned with


class Requirement(NamedTuple):
    """What must be there to open, and to go on holding."""

    initial: Decimal = NOTHING
    maintenance: Decimal = NOTHING

    def plus(self, other: "Requirement") -> "Requirement":
        """Return both together."""
        return Requirement(self.initial + other.initial, self.maintenance + other.maintenance)

    def times(self, rate: Decimal) -> "Requirement":
        """Return it in another currency, or raised."""
        return Requirement(self.initial * rate, self.maintenance * rate)


def group_of(security: Security) -> int:
    """Return what its risk is of: the underlying of an option, and else itself."""
    return security.under_con_id if security.is_option and security.under_con_id else security.con_id


def group_requirement(
    held: list[Holding], under_price: Decimal | None, kind: str, rates: Rates, at_us: int
) -> Requirement:
    """Return what holdings of one underlying require; its price may be None where it is held, or was never known."""
    if kind == "portfolio" and not _in_commodities(held[0].security):
        lent = [holding for holding in held if holding.quantity and holding.security.sec_type not in UNLENT]
        return Requirement(*portfolio_requirement(lent, under_price, rates, at_us)) if lent else Requirement()
    if len(held) == 1 and not held[0].security.is_option and held[0].security.sec_type not in UNLENT:
        return _to_open(_single(held[0], kind, rates))  # as most of what is held
    total = Requirement()
    plain = [holding for holding in held if holding.security.sec_type not in UNLENT and not holding.security.is_option]
    on_futures = [holding for holding in held if holding.security.sec_type == "FOP"]
    options = [holding for holding in held if holding.security.is_option and holding.security.sec_type != "FOP"]
    for holding in (*plain, *on_futures):
        total = total.plus(_single(holding, kind, rates))
    if options:
        shares = sum((holding.quantity for holding in plain), NOTHING)
        price = plain[0].price if plain else under_price
        total = total.plus(Requirement(*naked_and_spreads(options, shares, price, kind, rates)))
    return _to_open(total)


def _to_open(total: Requirement) -> Requirement:
    return Requirement(max(total), total.maintenance)  # to open never takes less than to hold


def _single(holding: Holding, kind: str, rates: Rates) -> Requirement:
    security, worth = holding.security, abs(holding.worth)
    if _in_commodities(security):
        future = _future(security, abs(holding.quantity), worth, rates)
        paid = security.sec_type == "FOP" and holding.quantity > 0  # it cannot lose more than it is worth
        return Requirement(min(future.initial, worth), min(future.maintenance, worth)) if paid else future
    if kind == "cash" and holding.quantity > 0:
        return Requirement()
    house = rates.house.get(security.symbol, (NOTHING, NOTHING))
    maintenance = rates.maintenance * worth if holding.quantity > 0 else _short(holding, rates)
    return Requirement(max(rates.initial * worth, maintenance, house[0] * worth), max(maintenance, house[1] * worth))


def _in_commodities(security: Security) -> bool:
    return security.is_future or security.sec_type == "FOP"


def _short(holding: Holding, rates: Rates) -> Decimal:
    if holding.price < rates.cheap:
        each = max(rates.cheap_floor, holding.price)
    else:
        each = max(rates.short_floor, rates.short * holding.price)
    return each * -holding.quantity * holding.security.multiplier


def _future(security: Security, count: Decimal, worth: Decimal, rates: Rates) -> Requirement:
    figures = rates.futures.get(security.symbol)
    if figures:
        return Requirement(figures[0] * count, figures[1] * count)
    return Requirement(rates.other_futures[0] * worth, rates.other_futures[1] * worth)
