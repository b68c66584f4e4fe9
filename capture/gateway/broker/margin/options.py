"""Margin of options on one underlying: shorts are covered by shares and by other options, and the rest is naked."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from capture.gateway.broker.account.position import NOTHING
from capture.gateway.broker.security import Security

from .holding import Holding
from .rates import Rates


@dataclass(slots=True)
class _Short:
    """A short option, or what of it nothing covers yet."""

    security: Security
    price: Decimal
    left: Decimal

    def in_the_money(self, under: Decimal) -> Decimal:
        """By how much each share of it is in the money; below zero is out of it."""
        strike = self.security.strike
        return under - strike if self.security.right == "C" else strike - under

    def naked(self, under: Decimal, rates: Rates) -> Decimal:
        """What each share requires beside the option's own price."""
        share = rates.index_option if self.security.details.get("under_sec_type") == "IND" else rates.option
        least = under if self.security.right == "C" else self.security.strike
        return max(share * under + min(self.in_the_money(under), NOTHING), rates.option_least * least)


def naked_and_spreads(
    options: list[Holding], shares: Decimal, under: Decimal | None, kind: str, rates: Rates
) -> tuple[Decimal, Decimal]:
    """Return what options require beside the shares they are covered with: to open, and to go on holding.

    Without a price of the underlying the strike stands for it: neither in the money nor out of it.
    """
    shorts = [_Short(held.security, held.price, -held.quantity) for held in options if held.quantity < 0]
    if not shorts:
        return NOTHING, NOTHING
    in_the_money = _cover_with_shares(shorts, shares, under)
    spreads = NOTHING if kind == "cash" else _cover_with_longs(shorts, options)
    naked = _cash_secured(shorts) if kind == "cash" else _naked(shorts, under, rates)
    return spreads + naked, spreads + naked + in_the_money


def _cover_with_shares(shorts: list[_Short], shares: Decimal, under: Decimal | None) -> Decimal:
    """Take off what shares cover, most in the money first; return by how much that is in the money."""
    right, left, total = "C" if shares > 0 else "P", abs(shares), NOTHING
    covered = [short for short in shorts if short.security.right == right]
    for short in sorted(covered, key=lambda short: short.security.strike, reverse=right == "P"):
        count = min(short.left, left // short.security.multiplier)
        short.left -= count
        left -= count * short.security.multiplier
        inside = short.in_the_money(short.security.strike if under is None else under)
        total += count * short.security.multiplier * max(inside, NOTHING)
    return total


def _cover_with_longs(shorts: list[_Short], options: list[Holding]) -> Decimal:
    """Take off what longer options cover, cheapest pairs first; return what the spreads can lose.

    Calls and puts of one expiry cannot both lose: of these the larger counts.
    """
    longs = {held.security.con_id: held.quantity for held in options if held.quantity > 0}
    lost: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for each, short, long in sorted(_pairs(shorts, options), key=lambda pair: pair[0]):
        count = min(short.left, longs[long.con_id])
        short.left -= count
        longs[long.con_id] -= count
        lost[short.security.last_trade_date, short.security.right] += count * each * short.security.multiplier
    expiries = sorted({expiry for expiry, _ in lost})
    return sum((max(lost[expiry, "C"], lost[expiry, "P"]) for expiry in expiries), NOTHING)


def _pairs(shorts: list[_Short], options: list[Holding]) -> Iterator[tuple[Decimal, _Short, Security]]:
    for short in shorts:
        for held in options:
            long = held.security
            if held.quantity > 0 and long.right == short.security.right and _covers(long, short.security):
                apart = (long.strike - short.security.strike) * (1 if long.right == "C" else -1)
                yield max(apart, NOTHING), short, long


def _covers(long: Security, short: Security) -> bool:
    return long.last_trade_date >= short.last_trade_date and long.multiplier == short.multiplier


def _naked(shorts: list[_Short], under: Decimal | None, rates: Rates) -> Decimal:
    """What is left: the larger of the calls' and the puts' requirement, and the price of all."""
    by_right, prices = {"C": NOTHING, "P": NOTHING}, NOTHING
    for short in shorts:
        count = short.left * short.security.multiplier
        by_right[short.security.right] += count * short.naked(short.security.strike if under is None else under, rates)
        prices += count * short.price
    return max(by_right.values()) + prices


def _cash_secured(shorts: list[_Short]) -> Decimal:
    return sum((short.left * short.security.multiplier * short.security.strike for short in shorts), NOTHING)
