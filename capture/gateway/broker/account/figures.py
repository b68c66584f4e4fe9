"""Figures of an account: what is in each segment and in each currency, from which all its values follow."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from capture.gateway.broker.margin import Holding, Requirement, group_of, group_requirement
from capture.gateway.broker.margin.currencies import currency_requirement

from .account import Account
from .position import NOTHING, Position

SECURITIES, COMMODITIES, CRYPTO = "S", "C", "P"
_SEGMENT = {"FUT": COMMODITIES, "CONTFUT": COMMODITIES, "FOP": COMMODITIES, "CRYPTO": CRYPTO}

# Where the worth of a position counts; that of futures and of pairs of currencies counts nowhere.
PART = {"STK": "stock", "OPT": "option", "FOP": "future_option", "WAR": "warrant", "IOPT": "warrant", "BOND": "bond",
         "BILL": "bill", "FUND": "fund", "CRYPTO": "crypto", "FUT": "", "CONTFUT": "", "CASH": ""}  # fmt: skip
_OTHER_PART = "stock"
LENT = {"margin": ("stock", "bond", "bill", "fund"), "cash": (),
        "portfolio": ("stock", "bond", "bill", "fund", "option", "warrant")}  # fmt: skip

Worth = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Segment:
    """What is in a segment, in the base currency; `worth` by part: cash, stock, option and so on."""

    worth: Worth
    requirement: Requirement = field(default_factory=Requirement)


@dataclass(frozen=True, slots=True)
class Figures:
    """What an account's values are made of; `rates` are None for currencies whose rate is not known."""

    name: str
    kind: str
    base_currency: str
    segments: Mapping[str, Segment]
    currencies: Mapping[str, Worth]
    rates: Mapping[str, Decimal | None]
    previous_equity: Decimal | None = None
    previous_sma: Decimal | None = None
    paid_in: Decimal = NOTHING  # today, and received in dividends


def figures(account: Account) -> Figures:
    """Return the figures of an account as it is valued now."""
    currencies: defaultdict[str, defaultdict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    segments: dict[str, defaultdict[str, Decimal]] = {
        name: defaultdict(Decimal) for name in (SECURITIES, COMMODITIES, CRYPTO)
    }
    for currency, amount in account.ledger.cash.items():
        currencies[currency]["cash"] += amount
    for position in account.ledger.positions.values():
        worth = _worth(position, account.price(position))
        rate = account.rate(position.security.currency)
        segment = segments[_SEGMENT.get(position.security.sec_type, SECURITIES)]
        for part, amount in worth.items():
            currencies[position.security.currency][part] += amount
            segment[part] += amount * rate if rate is not None else NOTHING
    rates = {currency: account.rate(currency) for currency in currencies}
    requirements = _requirements(account)
    balances = [worth["cash"] * (rates[currency] or NOTHING) for currency, worth in currencies.items()]
    between = currency_requirement(balances, account.rates)
    requirements[SECURITIES] = requirements[SECURITIES].plus(Requirement(between, between))
    _share_cash(segments, requirements, sum(balances, NOTHING))
    return Figures(account.name, account.kind, account.ledger.base_currency,
                   {name: Segment(worth, requirements[name]) for name, worth in segments.items()}, currencies, rates,
                   account.previous_equity, account.previous_sma, _paid_in(account))  # fmt: skip


def _paid_in(account: Account) -> Decimal:
    entries = [entry for entry in account.ledger.entries if entry.kind != "settlement"]
    return sum((entry.amount * (account.rate(entry.currency) or NOTHING) for entry in entries), NOTHING)


def _worth(position: Position, price: Decimal) -> dict[str, Decimal]:
    security, worth = position.security, position.worth(price)
    part = PART.get(security.sec_type, _OTHER_PART)
    answer = {"futures_pnl": position.futures_pnl(price), "unrealised": position.unrealised(price),
              "realised": position.realised}  # fmt: skip
    if part:
        answer |= {part: worth, "gross": abs(worth)}
    if part in LENT["margin"]:
        answer |= {"lent": abs(worth), "traded": position.traded}
    return answer


def _requirements(account: Account) -> dict[str, Requirement]:
    groups: defaultdict[int, list[Holding]] = defaultdict(list)
    for holding in account.holdings():
        groups[group_of(holding.security)].append(holding)
    totals = {name: Requirement() for name in (SECURITIES, COMMODITIES, CRYPTO)}
    for group, held in groups.items():
        rate = account.rate(held[0].security.currency)
        segment = _SEGMENT.get(held[0].security.sec_type, SECURITIES)
        required = group_requirement(held, account.known_price(group), account.kind, account.rates,
                                     account.now_us)
        totals[segment] = totals[segment].plus(required.times(rate or NOTHING))
    return totals


def _share_cash(
    segments: dict[str, defaultdict[str, Decimal]], requirements: dict[str, Requirement], cash: Decimal
) -> None:
    """Give commodities as much cash as their margin needs, and securities the rest, as IB sweeps it."""
    there = segments[COMMODITIES]
    there["cash"] = requirements[COMMODITIES].initial - there["futures_pnl"] - there["future_option"]
    segments[SECURITIES]["cash"] = cash - there["cash"]
