"""Regulation T for what a real account holds, by the paper account's rules: to stand beside portfolio margin."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from capture.gateway.broker.security import OPTIONS, Security
from capture.risk.holding import Holding as RiskHolding
from capture.risk.revaluation import Unpriced
from capture.risk.valuation import money_currency, rate_to, unit_value, unpriced_reason
from capture.times import moment_of

from .holding import Holding
from .rates import RATES, Rates
from .requirement import group_of, group_requirement

ESTIMATE = "an estimate by the common rules of Regulation T: the broker has rates of its own for single names"
NO_POSITION = ("BALANCE", "CASH", "CRYPTO")


@dataclass(frozen=True, slots=True)
class StrategyGroup:
    """What holdings on one underlying require to open and to hold, in the base currency."""

    name: str
    initial: float
    maintenance: float


@dataclass(frozen=True, slots=True)
class StrategyMargin:
    """What holdings require by Regulation T, estimated, in the base currency; what is `unpriced` is not in it."""

    currency: str
    groups: tuple[StrategyGroup, ...]
    initial: float
    maintenance: float
    unpriced: tuple[Unpriced, ...]
    note: str = ESTIMATE


def strategy_margin(
    holdings: Sequence[RiskHolding], base_currency: str, currency_rates: Mapping[str, float], at_us: int,
    rates: Rates = RATES,
) -> StrategyMargin:  # fmt: skip
    """Return what holdings require by Regulation T; `currency_rates` are units of the base currency for one of each."""
    held = [holding for holding in holdings if holding.position and holding.security_type not in NO_POSITION]
    faults = [_fault(one, base_currency, currency_rates) for one in held]
    by_group: dict[int, list[RiskHolding]] = {}
    for holding, fault in zip(held, faults, strict=True):
        if not fault:
            by_group.setdefault(group_of(_security(holding)), []).append(holding)
    groups = tuple(_group(inside, rates, at_us, _rate(inside[0], base_currency, currency_rates))
                   for inside in by_group.values())  # fmt: skip
    return StrategyMargin(
        base_currency, groups, sum(one.initial for one in groups), sum(one.maintenance for one in groups),
        tuple(Unpriced(holding, fault) for holding, fault in zip(held, faults, strict=True) if fault))  # fmt: skip


def _fault(holding: RiskHolding, base_currency: str, rates: Mapping[str, float]) -> str:
    """Return why a holding cannot be margined, empty where it can."""
    if found := unpriced_reason(holding):
        return found
    if holding.security_type in OPTIONS and not (holding.is_option and 0 < (holding.strike or 0.0) < math.inf):
        return "no right, or no strike above 0"
    return "" if _rate(holding, base_currency, rates) else f"no rate for {money_currency(holding)}"


def _rate(holding: RiskHolding, base_currency: str, rates: Mapping[str, float]) -> float:
    return rate_to(base_currency, money_currency(holding), rates) or 0.0


def _group(inside: Sequence[RiskHolding], rates: Rates, at_us: int, rate: float) -> StrategyGroup:
    held = [Holding(_security(one), _decimal(one.position), _decimal(one.price or 0.0)) for one in inside]
    under = next((price for one in inside if 0 < (price := one.underlying_price or 0.0) < math.inf), None)
    required = group_requirement(held, None if under is None else _decimal(under), "margin", rates, at_us)
    return StrategyGroup(inside[0].moved_by, rate * float(required.initial), rate * float(required.maintenance))


def _security(holding: RiskHolding) -> Security:
    ends = "" if holding.expiry_us is None else f"{moment_of(holding.expiry_us):%Y%m%d}"
    return Security(
        holding.instrument_id, holding.symbol, holding.security_type, holding.currency, _decimal(unit_value(holding)),
        last_trade_date=ends, strike=_decimal(holding.strike or 0.0), right=holding.right,
        under_con_id=holding.underlying_id or 0,
        details={"under_sec_type": holding.underlying_security_type})  # fmt: skip


def _decimal(value: float) -> Decimal:
    return Decimal(str(value))
