"""Account values: every key and summary tag of IB, and the formula of each, as tables."""

from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from .account import Account
from .figures import COMMODITIES, CRYPTO, LENT, SECURITIES, Figures, Segment, Worth, figures
from .position import NOTHING

BASE = "BASE"
_NET = ("cash", "stock", "option", "future_option", "warrant", "bond", "bill", "fund", "crypto", "futures_pnl",
        "accrued")  # fmt: skip
_BUYING_POWER = {"margin": Decimal(4), "portfolio": Decimal("6.67"), "cash": Decimal(1)}
_MARGINABLE = Decimal("0.5")


class AccountValue(NamedTuple):
    """A value as IB writes it; `currency` is empty for texts."""

    key: str
    value: str
    currency: str


def _sum(worth: Worth, *parts: str) -> Decimal:
    return sum((worth.get(part, NOTHING) for part in parts), NOTHING)


def _net(f: Figures, name: str) -> Decimal:
    return _sum(f.segments[name].worth, *_NET)


def _cash(f: Figures, name: str) -> Decimal:
    return _sum(f.segments[name].worth, "cash", "futures_pnl")


def _equity(f: Figures, name: str) -> Decimal:
    segment = f.segments[name]
    if name == COMMODITIES:
        return _sum(segment.worth, "cash", "futures_pnl", "future_option") - segment.requirement.maintenance
    if name == CRYPTO:
        return NOTHING
    return _sum(segment.worth, "cash", *LENT[f.kind])


def _free(f: Figures, name: str, required: Callable[[Segment], Decimal]) -> Decimal:
    if name == CRYPTO:
        return NOTHING
    return (_net(f, name) if name == COMMODITIES else _equity(f, name)) - required(f.segments[name])


def _initial(f: Figures, name: str) -> Decimal:
    return f.segments[name].requirement.initial


def _maintenance(f: Figures, name: str) -> Decimal:
    return f.segments[name].requirement.maintenance


def _available(f: Figures, name: str) -> Decimal:
    return _free(f, name, lambda segment: segment.requirement.initial)


def _excess(f: Figures, name: str) -> Decimal:
    return _free(f, name, lambda segment: segment.requirement.maintenance)


def _part(part: str) -> Callable[[Figures, str], Decimal]:
    return lambda f, name: f.segments[name].worth.get(part, NOTHING)


def _zero(f: Figures, name: str) -> Decimal:
    return NOTHING


_BY_SEGMENT = Callable[[Figures, str], Decimal]
# Keys that stand for each segment, with its letter after a dash, and for all of them together.
SEGMENT_VALUES: dict[str, _BY_SEGMENT] = {
    "AccruedCash": _part("accrued"),
    "AccruedDividend": _zero,
    "AvailableFunds": _available,
    "Billable": _zero,
    "EquityWithLoanValue": _equity,
    "ExcessLiquidity": _excess,
    "FullAvailableFunds": _available,
    "FullExcessLiquidity": _excess,
    "FullInitMarginReq": _initial,
    "FullMaintMarginReq": _maintenance,
    "Guarantee": _zero,
    "IncentiveCoupons": _zero,
    "IndianStockHaircut": _zero,
    "InitMarginReq": _initial,
    "LookAheadAvailableFunds": _available,
    "LookAheadExcessLiquidity": _excess,
    "LookAheadInitMarginReq": _initial,
    "LookAheadMaintMarginReq": _maintenance,
    "MaintMarginReq": _maintenance,
    "NetLiquidation": _net,
    "PASharesValue": _zero,
    "PhysicalCertificateValue": _zero,
    "PostExpirationExcess": _zero,
    "PostExpirationMargin": _zero,
    "SettledCash": _cash,
    "TotalCashValue": _cash,
    "TotalDebitCardPendingCharges": _zero,
}
SEGMENTS = (SECURITIES, COMMODITIES, CRYPTO)


def _total(key: str) -> Callable[[Figures], Decimal]:
    formula = SEGMENT_VALUES[key]
    return lambda f: sum((formula(f, name) for name in SEGMENTS), NOTHING)


def _previous_equity(f: Figures) -> Decimal:
    return _equity(f, SECURITIES) if f.previous_equity is None else f.previous_equity


def _buying_power(f: Figures) -> Decimal:
    if f.kind == "cash":
        lost_today = max(_equity(f, SECURITIES) - _previous_equity(f), NOTHING)
        return max(_total("AvailableFunds")(f) - lost_today, NOTHING)
    return max(_total("AvailableFunds")(f), NOTHING) * _BUYING_POWER[f.kind]


def _reg_t_margin(f: Figures) -> Decimal:
    if f.kind == "portfolio":
        return NOTHING
    return _MARGINABLE * f.segments[SECURITIES].worth.get("lent", NOTHING)


def _gross(f: Figures) -> Decimal:
    return sum((f.segments[name].worth.get("gross", NOTHING) for name in (SECURITIES, CRYPTO)), NOTHING)


def _sma(f: Figures) -> Decimal:
    """What could be lent on gains: losses of the market do not lower it, purchases do."""
    if f.kind == "portfolio":
        return NOTHING
    now = _net(f, SECURITIES) - _reg_t_margin(f)
    if f.previous_sma is None:
        return now
    traded = f.segments[SECURITIES].worth.get("traded", NOTHING)
    return max(now, f.previous_sma + f.paid_in - _MARGINABLE * traded)


# Keys that stand for the whole account; a dash and a letter are part of the key.
ACCOUNT_VALUES: dict[str, Callable[[Figures], Decimal]] = {
    "BuyingPower": _buying_power,
    "GrossPositionValue": _gross,
    "GrossPositionValue-S": lambda f: f.segments[SECURITIES].worth.get("gross", NOTHING),
    "NetLiquidationUncertainty": lambda f: NOTHING,
    "PreviousDayEquityWithLoanValue": _previous_equity,
    "PreviousDayEquityWithLoanValue-S": _previous_equity,
    "RegTEquity": lambda f: _net(f, SECURITIES),
    "RegTEquity-S": lambda f: _net(f, SECURITIES),
    "RegTMargin": _reg_t_margin,
    "RegTMargin-S": _reg_t_margin,
    "SMA": _sma,
    "SMA-S": _sma,
}


def _ratio(of: Decimal, to: Decimal, finest: str) -> str:
    return text(of / to if to else NOTHING, finest)


_DAY_TRADES = {f"DayTradesRemaining{when}": "-1" for when in ("", "T+1", "T+2", "T+3", "T+4")}
TEXTS: dict[str, Callable[[Figures], str]] = {
    "AccountCode": lambda f: f.name,
    "AccountReady": lambda f: "true",
    "AccountType": lambda f: "INDIVIDUAL",
    "ColumnPrio-C": lambda f: "2",
    "ColumnPrio-P": lambda f: "5",
    "ColumnPrio-S": lambda f: "1",
    "Cushion": lambda f: _ratio(_total("ExcessLiquidity")(f), _total("NetLiquidation")(f), "0.000001"),
    **{key: lambda f, value=value: value for key, value in _DAY_TRADES.items()},  # type: ignore[misc]  # bound each
    "DayTradingStatus-S": lambda f: "",
    "Leverage-S": lambda f: _ratio(f.segments[SECURITIES].worth.get("gross", NOTHING), _net(f, SECURITIES), "0.01"),
    "LookAheadNextChange": lambda f: "0",
    "NLVAndMarginInReview": lambda f: "false",
    "SegmentTitle-C": lambda f: "US Commodities",
    "SegmentTitle-P": lambda f: "Crypto at Paxos",
    "SegmentTitle-S": lambda f: "US Securities",
    "TradingType-S": lambda f: "PMRGN" if f.kind == "portfolio" else "STKNOPT",
    "WhatIfPMEnabled": lambda f: "true" if f.kind == "portfolio" else "false",
}

_SUMMARY_TEXTS: dict[str, Callable[[Figures], str]] = {**TEXTS, "HighestSeverity": lambda f: "0"}

# Keys of the ledger, which stand for each currency and for all of them in the base currency.
LEDGER_VALUES: dict[str, Callable[[Worth], Decimal]] = {
    "AccruedCash": lambda worth: _sum(worth, "accrued"),
    "CashBalance": lambda worth: _sum(worth, "cash"),
    "CorporateBondValue": lambda worth: _sum(worth, "bond"),
    "Cryptocurrency": lambda worth: _sum(worth, "crypto"),
    "FundValue": lambda worth: _sum(worth, "fund"),
    "FutureOptionValue": lambda worth: _sum(worth, "future_option"),
    "FuturesPNL": lambda worth: _sum(worth, "futures_pnl"),
    "FxCashBalance": lambda worth: NOTHING,
    "IssuerOptionValue": lambda worth: NOTHING,
    "MoneyMarketFundValue": lambda worth: NOTHING,
    "MutualFundValue": lambda worth: _sum(worth, "fund"),
    "NetDividend": lambda worth: NOTHING,
    "NetLiquidationByCurrency": lambda worth: _sum(worth, *_NET),
    "OptionMarketValue": lambda worth: _sum(worth, "option"),
    "RealizedPnL": lambda worth: _sum(worth, "realised"),
    "StockMarketValue": lambda worth: _sum(worth, "stock"),
    "TBillValue": lambda worth: _sum(worth, "bill"),
    "TBondValue": lambda worth: NOTHING,
    "TotalCashBalance": lambda worth: _sum(worth, "cash"),
    "UnrealizedPnL": lambda worth: _sum(worth, "unrealised"),
    "WarrantValue": lambda worth: _sum(worth, "warrant"),
}
LEDGER_TEXTS = ("AccountOrGroup", "Currency", "ExchangeRate", "RealCurrency")

# What an account summary may ask for; the second spelling is that of IB's client.
SUMMARY_TAGS = {
    tag: tag
    for tag in (
        "AccountType", "NetLiquidation", "TotalCashValue", "SettledCash", "AccruedCash", "BuyingPower",
        "EquityWithLoanValue", "PreviousDayEquityWithLoanValue", "GrossPositionValue", "RegTEquity", "RegTMargin",
        "SMA", "InitMarginReq", "MaintMarginReq", "AvailableFunds", "ExcessLiquidity", "Cushion", "FullInitMarginReq",
        "FullMaintMarginReq", "FullAvailableFunds", "FullExcessLiquidity", "LookAheadNextChange",
        "LookAheadInitMarginReq", "LookAheadMaintMarginReq", "LookAheadAvailableFunds", "LookAheadExcessLiquidity",
        "HighestSeverity", "DayTradesRemaining", "DayTradesRemainingT+1", "DayTradesRemainingT+2",
        "DayTradesRemainingT+3", "DayTradesRemainingT+4")
} | {"ReqTEquity": "RegTEquity", "ReqTMargin": "RegTMargin",
     "PreviousEquityWithLoanValue": "PreviousDayEquityWithLoanValue", "Leverage": "Leverage-S"}  # fmt: skip


def text(amount: Decimal, finest: str = "0.01") -> str:
    """Return an amount as IB writes it, rounded half up; never a negative zero."""
    rounded = amount.quantize(Decimal(finest), ROUND_HALF_UP)
    return f"{rounded or abs(rounded):f}"


def numbers(f: Figures) -> dict[str, Decimal]:
    """Return every amount in the base currency by its key, not rounded."""
    answer = {key: formula(f) for key, formula in ACCOUNT_VALUES.items()}
    for key, by_segment in SEGMENT_VALUES.items():
        amounts = {f"{key}-{name}": by_segment(f, name) for name in SEGMENTS}
        answer |= {key: sum(amounts.values(), NOTHING), **amounts}
    return answer


def ledger_rows(f: Figures, currency: str) -> list[AccountValue]:
    """Return the rows of one currency, or of BASE; empty for one that is not held."""
    if currency != BASE and currency not in f.currencies:
        return []
    worth = _in_base(f) if currency == BASE else f.currencies[currency]
    rate = Decimal(1) if currency == BASE else f.rates[currency]
    rows = [AccountValue(key, text(formula(worth), "0.0001"), currency) for key, formula in LEDGER_VALUES.items()]
    rows += [AccountValue("AccountOrGroup", f.name, currency),
             *(AccountValue(key, currency, currency) for key in ("Currency", "RealCurrency"))]
    if rate is not None:
        rows.append(AccountValue("ExchangeRate", text(rate, "0.01" if rate == 1 else "0.0000001"), currency))
    return sorted(rows)


def values(account: Account) -> list[AccountValue]:
    """Return every value of an account in the order of its keys, as `reqAccountUpdates` gives them."""
    f = figures(account)
    rows = [AccountValue(key, formula(f), "") for key, formula in TEXTS.items()]
    rows += [AccountValue(key, text(amount), f.base_currency) for key, amount in numbers(f).items()]
    totals = {row.key for row in rows}  # AccruedCash is also of the ledger: of the base currency it comes once
    for currency in (BASE, *sorted(f.currencies)):
        rows += [row for row in ledger_rows(f, currency) if currency != f.base_currency or row.key not in totals]
    return sorted(rows)


def ledger_and_net_liquidation(rows: Iterable[AccountValue]) -> list[AccountValue]:
    """Return of all values those that `reqAccountUpdatesMulti` gives with its last flag set."""
    wanted = {*LEDGER_VALUES, *LEDGER_TEXTS, "NetLiquidation"}
    return [row for row in rows if row.key in wanted]


def summary(account: Account, tags: str) -> list[AccountValue]:
    """Return the values of a summary: `tags` are words with commas between, `$LEDGER` and its like among them.

    A word that is no tag has no row: `unknown_tags` names these.
    """
    f = figures(account)
    known = numbers(f)
    rows: list[AccountValue] = []
    for tag in filter(None, map(str.strip, tags.split(","))):
        key = SUMMARY_TAGS.get(tag, "")
        if key in _SUMMARY_TEXTS:
            rows.append(AccountValue(tag, _SUMMARY_TEXTS[key](f), ""))
        elif key:
            rows.append(AccountValue(tag, text(known[key]), f.base_currency))
        elif _is_ledger(tag):
            rows += [row for currency in _ledger_currencies(f, tag) for row in ledger_rows(f, currency)]
    return rows


def unknown_tags(tags: str) -> list[str]:
    """Return which words of a summary are no tags."""
    words = filter(None, map(str.strip, tags.split(",")))
    return [tag for tag in words if tag not in SUMMARY_TAGS and not _is_ledger(tag)]


def begin(account: Account) -> None:
    """Take the account as it is for what it was as the day before ended, where nobody told that."""
    if account.previous_equity is None:
        known = numbers(figures(account))
        account.previous_equity, account.previous_sma = known["EquityWithLoanValue-S"], known["SMA"]


def end_day(account: Account, at_us: int) -> None:
    """End a day of an account, and begin the next: futures are settled, prices become closes."""
    known = numbers(figures(account))
    account.new_day(known["EquityWithLoanValue-S"], known["SMA"], at_us)


def _is_ledger(tag: str) -> bool:
    return tag == "$LEDGER" or tag.startswith("$LEDGER:")


def _ledger_currencies(f: Figures, tag: str) -> Iterable[str]:
    wanted = tag.partition(":")[2]
    return (BASE, *sorted(f.currencies)) if wanted == "ALL" else (wanted or BASE,)


def _in_base(f: Figures) -> Worth:
    totals: dict[str, Decimal] = {}
    for currency, worth in f.currencies.items():
        rate = f.rates[currency]
        for part, amount in worth.items() if rate is not None else ():
            totals[part] = totals.get(part, NOTHING) + amount * (rate or NOTHING)
    return totals
