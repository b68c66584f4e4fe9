"""Margin of currencies: a debt in one that is matched by what is held in another may lose by their rate."""

from collections.abc import Iterable
from decimal import Decimal

from capture.gateway.broker.account.position import NOTHING

from .rates import Rates


def currency_requirement(balances: Iterable[Decimal], rates: Rates) -> Decimal:
    """Return what balances of several currencies require, each given in the base currency."""
    held = owed = NOTHING
    for balance in balances:
        if balance > 0:
            held += balance
        else:
            owed -= balance
    return rates.currency * min(held, owed)
