"""Holdings: what accounts hold as of a moment, each position with its definition, price, volatility and greeks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from capture.query.answer import Answer, NotYetRecordedError
from capture.risk.exposure import UnitGreeks
from capture.risk.holding import BALANCE, Holding, exercise_style
from capture.risk.pricing.market import Market
from capture.risk.pricing.option_terms import settled_price
from capture.risk.valuation import money_currency
from capture.times import DAY_S, SECOND_US, moment_of

from .marks import Mark, marks, newer

NO_DEFINITION = "no definition of it was recorded, nor its multiplier"
NO_BASE = "USD"  # where no account value says in which currency the account is kept
# What IB's model, and each side of the quote, computed last.
_GREEKS = """
select instrument_id, arg_max(g, ts) as newest from greeks g
where list_contains($ids, instrument_id) and ts <= $at and ts > $at - interval 8 days
    and implied_volatility is not null and tick_name in ('MODEL_OPTION', 'DELAYED_MODEL_OPTION')
group by instrument_id
"""
_CONTRACTS = """
select * from instruments where list_contains($ids, instrument_id) and ts <= $at
qualify row_number() over (partition by instrument_id order by ts desc, seq desc, "row" desc) = 1
"""
_CLOSE = time(16), ZoneInfo("America/New_York")  # of what says its last day only


class Lake(Protocol):
    """What is asked of a lake here."""

    def sql(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> Answer:
        """Return the answer to a query."""
        ...

    def positions_at(self, at: Any, *, accounts: Any = None) -> Answer:
        """Return what accounts hold."""
        ...

    def account_at(self, at: Any, *, accounts: Any = None) -> Answer:
        """Return the values of accounts."""
        ...


@dataclass(frozen=True, slots=True)
class Portfolio:
    """What accounts hold as of a moment: holdings, IB's greeks of each (None where it sent none), and the market.

    `unknown` are the accounts of which IB has not said what they hold: they are in no sum. `stale` are those whose
    positions IB said before the line was lost.
    """

    holdings: tuple[Holding, ...]
    greeks: tuple[UnitGreeks | None, ...]
    market: Market
    unknown: tuple[str, ...]
    stale: tuple[str, ...]


class _Facts(NamedTuple):
    contracts: dict[int, dict[str, Any]]
    greeks: dict[int, dict[str, Any]]
    marks: dict[int, Mark]


def portfolio_at(
    lake: Lake, at: datetime, accounts: str | Sequence[str] | None = None, *,
    interest: Mapping[str, float] | None = None, base_currency: str | None = None, assumed_interest: float = 0.04,
) -> Portfolio:
    """Return what accounts hold as of a moment, and what they are worth by.

    A price is the newer of what was recorded of the instrument and IB's own mark. Currencies count by the rates in the
    account's values. `interest` are rates by currency, as fractions, and `assumed_interest` that of all others;
    `base_currency` is that of the values where it is not given. Raises QueryError.
    """
    positions = lake.positions_at(at, accounts=accounts).arrow().to_pylist()
    values = lake.account_at(at, accounts=accounts).arrow().to_pylist()
    if not values and all(row["account"] is None for row in positions):
        raise NotYetRecordedError(f"nothing of accounts was recorded by {at:%Y-%m-%d %H:%M:%S} UTC: [accounts] in "
                                  "ticktape.toml has them recorded")
    held = [row for row in positions if row["position"]]
    facts = _facts(lake, [row["instrument_id"] for row in held], at)
    base = base_currency or _base_currency(values)
    at_us = int(at.timestamp() * SECOND_US)
    found = [*_settled(lake, [_holding(row, facts) for row in held], at_us), *_balances(values)]
    unknown = tuple(sorted({row["account"] for row in positions if row["state"] == "unknown" and row["account"]}))
    stale = tuple(sorted({row["account"] for row in held if row["state"] == "stale"}))
    rates = dict.fromkeys((money_currency(holding) for holding in found), assumed_interest) | dict(interest or {})
    market = Market(at_us, base, _rates(values, base), rates)
    greeks = tuple(None if _has_expired(holding, at_us) else _unit_greeks(facts.greeks.get(holding.instrument_id))
                   for holding in found)  # fmt: skip
    return Portfolio(tuple(found), greeks, market, unknown, stale)


def _facts(lake: Lake, ids: list[int], at: datetime) -> _Facts:
    """Return what the lake knows of instruments and their underlyings."""
    contracts = _by_id(lake.sql(_CONTRACTS, {"ids": ids, "at": at}).arrow().to_pylist())
    underlyings = {row["underlying_id"] for row in contracts.values() if row["underlying_id"]} - contracts.keys()
    contracts |= _by_id(lake.sql(_CONTRACTS, {"ids": sorted(underlyings), "at": at}).arrow().to_pylist())
    greeks = {row["instrument_id"]: row["newest"]
              for row in lake.sql(_GREEKS, {"ids": ids, "at": at}).arrow().to_pylist()}  # fmt: skip
    return _Facts(contracts, greeks, marks(lake.sql, {*ids, *underlyings}, at))


def _by_id(rows: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {row["instrument_id"]: row for row in rows}


def _holding(row: dict[str, Any], facts: _Facts) -> Holding:
    instrument_id = row["instrument_id"]
    contract, greeks = facts.contracts.get(instrument_id, {}), facts.greeks.get(instrument_id, {})
    price = newer(facts.marks.get(instrument_id), _own_mark(row))
    underlying_id = contract.get("underlying_id")
    underlying = facts.contracts.get(underlying_id or 0, {})
    under_price = facts.marks.get(underlying_id or 0)
    multiplier = _multiplier(row, contract)
    kind = contract.get("underlying_security_type") or ""
    return Holding(
        account=row["account"] or "",
        instrument_id=instrument_id,
        symbol=row["symbol"] or f"conid:{instrument_id}",
        security_type=row["security_type"] or "",
        currency=row["currency"] or "",
        position=row["position"],
        multiplier=multiplier or 1.0,
        price_magnifier=contract.get("price_magnifier") or 1,
        trading_class=row["trading_class"] or "",
        root=row["ib_symbol"] or "",
        price=price.price if price else None,
        price_ts_us=price.ts_us if price else None,
        price_source=price.source if price else "",
        average_cost=row["average_cost"],
        underlying_id=underlying_id,
        underlying_symbol=contract.get("underlying_symbol") or _root(row),
        underlying_security_type=kind,
        underlying_price=under_price.price if under_price else greeks.get("underlying_price"),
        strike=row["strike"],
        right=row["right"] or "",
        expiry_us=_expiry_us(row, contract),
        exercise=exercise_style(row["security_type"] or "", kind, row["trading_class"] or ""),
        implied_volatility=greeks.get("implied_volatility"),
        volatility_source="IB" if greeks else "",
        coupon=contract.get("coupon"),
        sector=contract.get("industry") or underlying.get("industry") or "",
        industry=contract.get("category") or underlying.get("category") or "",
        reason_unpriced="" if multiplier else NO_DEFINITION,
    )


def _has_expired(holding: Holding, at_us: int) -> bool:
    return holding.is_option and holding.expiry_us is not None and holding.expiry_us <= at_us


def _settled(lake: Lake, holdings: list[Holding], at_us: int) -> list[Holding]:
    """Return holdings, those of options that have expired at what they settle for: IB removes them days later."""
    ends: dict[int, set[int]] = {}
    for holding in holdings:
        if _has_expired(holding, at_us):
            ends.setdefault(holding.expiry_us or 0, set()).add(holding.underlying_id or 0)
    prices = {end_us: marks(lake.sql, ids, moment_of(end_us)) for end_us, ids in ends.items()}
    return [_at_settlement(holding, prices[holding.expiry_us or 0].get(holding.underlying_id or 0))
            if _has_expired(holding, at_us) else holding for holding in holdings]  # fmt: skip


def _at_settlement(holding: Holding, underlying: Mark | None) -> Holding:
    """Return an option that has expired, worth what its underlying's price of that day leaves it, if that is known."""
    end_us = holding.expiry_us or 0
    known = underlying is not None and end_us - underlying.ts_us <= DAY_S * SECOND_US
    spot = underlying.price if underlying is not None and known else None
    settled = replace(holding, settlement_price=spot, underlying_price=spot, implied_volatility=None)
    price, reason = settled_price(settled)
    return replace(settled, price=None if reason else price, price_ts_us=None if reason else end_us,
                   price_source="" if reason else "settlement", reason_unpriced=reason)  # fmt: skip


def _root(row: dict[str, Any]) -> str:
    """Return the symbol of what moves a derivative of which no definition was recorded; empty for what is none."""
    return row["ib_symbol"] or "" if row["right"] or row["security_type"] == "FUT" else ""


def _own_mark(row: dict[str, Any]) -> Mark | None:
    """Return IB's mark of a position."""
    if row["market_price"] is None or row["marked_ts"] is None:
        return None
    return Mark(row["market_price"], int(row["marked_ts"].timestamp() * SECOND_US), "IB")


def _multiplier(row: dict[str, Any], contract: dict[str, Any]) -> float | None:
    """Return the multiplier; None where a derivative's is not known, which nobody may guess."""
    text = contract.get("multiplier") or row["multiplier"]
    try:
        return float(text) if text else (None if row["right"] or row["security_type"] == "FUT" else 1.0)
    except ValueError:
        return None


def _expiry_us(row: dict[str, Any], contract: dict[str, Any]) -> int | None:
    """Return when it settles: its last trade, else the close in New York of its last day."""
    if moment := contract.get("last_trade_ts"):
        return int(moment.timestamp() * SECOND_US)
    text = (contract.get("last_trade_date") or row["last_trade_date"] or "")[:8]
    try:
        day = date.fromisoformat(text)
    except ValueError:  # a month, none, or no date
        return None
    close, zone = _CLOSE
    return int(datetime.combine(day, close, zone).timestamp() * SECOND_US)


def _unit_greeks(greeks: dict[str, Any] | None) -> UnitGreeks | None:
    names = ("delta", "gamma", "vega", "theta")
    if greeks is None or any(greeks[name] is None for name in names):
        return None
    return UnitGreeks(**{name: greeks[name] for name in names}, source="IB")


def _base_currency(values: list[dict[str, Any]]) -> str:
    said = (row for row in values if row["tag"] == "NetLiquidation" and row["segment"] is None)
    return next((row["currency"] for row in said if row["currency"]), NO_BASE)


def _rates(values: list[dict[str, Any]], base: str) -> dict[str, float]:
    said = [row for row in values if row["tag"] == "ExchangeRate" and row["currency"] not in (None, "BASE")]
    rates = {row["currency"]: row["number"] for row in said if row["number"] is not None}
    return rates | {base: 1.0}


def _balances(values: list[dict[str, Any]]) -> list[Holding]:
    """Return the cash of each currency as a holding."""
    return [Holding(account=row["account"] or "", instrument_id=0, symbol=row["currency"], security_type=BALANCE,
                    currency=row["currency"], position=row["number"],
                    price_ts_us=int(row["said_ts"].astimezone(UTC).timestamp() * SECOND_US))
            for row in values if row["tag"] == "CashBalance" and row["number"]
            and row["currency"] not in (None, "BASE")]  # fmt: skip
