"""What IB's published fees are, as data: commissions by schedule and product, and what others charge on top.

Every row holds from a date on, until a later row of the same kind. A user's own file has the same shape (`fee_file`).
"""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from capture.gateway.broker.fill import ADDED, REMOVED, SELL

BEFORE_ALL = date(1970, 1, 1)
ANY = ""
UNIT, VALUE, COMMISSION = "unit", "value", "commission"


@dataclass(frozen=True, slots=True)
class Tier:
    """Rates for so much of a month's volume, in what `per` counts; each holds from a lowest price on, high to low."""

    up_to: Decimal | None
    rates: tuple[tuple[Decimal, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Commission:
    """What IB takes for an order: of `per` each unit or of value, at least `minimum`, at most `cap` of the value.

    `product` is IB's security type; ANY product, currency or symbol stands for all. The most exact row decides.
    """

    product: str
    tiers: tuple[Tier, ...]
    per: str = UNIT
    minimum: Decimal = Decimal(0)
    cap: Decimal | None = None
    schedules: tuple[str, ...] = ("fixed", "tiered")
    currency: str = ANY
    symbols: tuple[str, ...] = ()
    valid_from: date = BEFORE_ALL


@dataclass(frozen=True, slots=True)
class Charge:
    """What others charge, each fill alone: a rate of `per`, at most `most`; below zero it is a rebate.

    `side` 0 stands for both, `liquidity` 0 for all. `regulatory` ones are charged where they are asked for.
    """

    name: str
    product: str
    rate: Decimal
    per: str = UNIT
    side: int = 0
    liquidity: int = 0
    most: Decimal | None = None
    schedules: tuple[str, ...] = ("fixed", "tiered")
    regulatory: bool = False
    currency: str = "USD"
    symbols: tuple[str, ...] = ()
    valid_from: date = BEFORE_ALL


@dataclass(frozen=True, slots=True)
class Schedule:
    """A fee schedule: its rows, and whether it charges what regulators do."""

    name: str
    commissions: tuple[Commission, ...]
    charges: tuple[Charge, ...] = ()
    regulatory: bool = field(default=False)


def tiers(*given: tuple[int | None, str | dict[str, str]]) -> tuple[Tier, ...]:
    """Return tiers out of (up to this volume, rate or rates by lowest price)."""
    return tuple(Tier(None if up_to is None else Decimal(up_to), _rates(rate)) for up_to, rate in given)


def _rates(given: str | dict[str, str]) -> tuple[tuple[Decimal, Decimal], ...]:
    by_price = {"-Infinity": given} if isinstance(given, str) else given
    return tuple((Decimal(price), Decimal(rate)) for price, rate in by_price.items())


_FIXED, _TIERED = ("fixed",), ("tiered",)
_OPTION = {"0.10": "0.65", "0.05": "0.50", "-Infinity": "0.25"}
_MICRO = ("MES", "MNQ", "MYM", "M2K", "MCL", "MGC", "MBT", "MET")
_EMINI_FX, _MICRO_FX = ("E7", "J7"), ("M6E", "M6A", "M6B", "MJY", "MCD", "MSF")

COMMISSIONS = (
    Commission("STK", tiers((None, "0.005")), minimum=Decimal("1"), cap=Decimal("0.01"), schedules=_FIXED,
               currency="USD"),
    Commission("STK", tiers((300_000, "0.0035"), (3_000_000, "0.0020"), (20_000_000, "0.0015"),
                            (100_000_000, "0.0010"), (None, "0.0005")),
               minimum=Decimal("0.35"), cap=Decimal("0.01"), schedules=_TIERED, currency="USD"),
    # Elsewhere IB takes a share of the value, and the minimum is in the exchange's own currency.
    Commission("STK", tiers((None, "0.0005")), VALUE, Decimal("3"), schedules=_FIXED),
    Commission("STK", tiers((None, "0.0005")), VALUE, Decimal("1.25"), schedules=_TIERED),
    Commission("STK", tiers((None, "0.0008")), VALUE, Decimal("80"), currency="JPY"),
    Commission("OPT", tiers((None, _OPTION)), minimum=Decimal("1"), schedules=_FIXED),
    Commission("OPT", tiers((10_000, _OPTION), (50_000, {"0.05": "0.50", "-Infinity": "0.25"}), (100_000, "0.25"),
                            (None, "0.15")), minimum=Decimal("1"), schedules=_TIERED),
    *(Commission(product, tiers((None, "0.85")), schedules=_FIXED) for product in ("FUT", "FOP")),
    *(Commission(product, tiers((1_000, "0.85"), (10_000, "0.65"), (20_000, "0.45"), (None, "0.25")),
                 schedules=_TIERED) for product in ("FUT", "FOP")),
    Commission("FUT", tiers((None, "0.25")), symbols=_MICRO),
    Commission("FUT", tiers((None, "0.50")), symbols=_EMINI_FX),
    Commission("FUT", tiers((None, "0.15")), symbols=_MICRO_FX),
    Commission("CASH", tiers((1_000_000_000, "0.00002"), (2_000_000_000, "0.000015"), (5_000_000_000, "0.00001"),
                             (None, "0.000008")), VALUE, Decimal("2")),
    Commission("CASH", tiers((None, "0.00002")), VALUE, Decimal("300"), currency="JPY"),
    Commission("CRYPTO", tiers((100_000, "0.0018"), (1_000_000, "0.0015"), (None, "0.0012")), VALUE, Decimal("1.75"),
               Decimal("0.01")),
    Commission(ANY, tiers((None, "0.001")), VALUE),
)  # fmt: skip

# By symbol, of a contract on Globex; together with IB's 0.25 and the 0.02 below these are the 0.62 of MES and the 2.01
# of MBT that paper accounts were seen to pay.
_EXCHANGE_FEES = {"MES": "0.35", "MNQ": "0.35", "MYM": "0.35", "M2K": "0.35", "MBT": "1.74", "MGC": "0.60",
                  "MCL": "0.60", "ES": "1.38", "NQ": "1.38", "YM": "1.38", "RTY": "1.38", "CL": "1.60", "GC": "1.65",
                  "ZN": "0.80", "ZB": "0.87", "ZF": "0.65", "ZT": "0.65", "EUR": "1.60", "M6E": "0.24"}  # fmt: skip

CHARGES = (
    Charge("clearing", "STK", Decimal("0.0002"), schedules=_TIERED),
    Charge("exchange, taken", "STK", Decimal("0.0030"), liquidity=REMOVED, schedules=_TIERED),
    Charge("exchange, added", "STK", Decimal("-0.0020"), liquidity=ADDED, schedules=_TIERED),
    Charge("NYSE", "STK", Decimal("0.000175"), COMMISSION, schedules=_TIERED),
    Charge("FINRA", "STK", Decimal("0.00056"), COMMISSION, schedules=_TIERED),
    Charge("SEC", "STK", Decimal("0.0000278"), VALUE, SELL, regulatory=True, valid_from=date(2024, 5, 22)),
    Charge("SEC", "STK", Decimal("0"), VALUE, SELL, regulatory=True, valid_from=date(2025, 5, 14)),
    Charge("TAF", "STK", Decimal("0.000166"), side=SELL, most=Decimal("8.30"), regulatory=True),
    Charge("CAT", "STK", Decimal("0.000048"), regulatory=True),
    Charge("clearing", "OPT", Decimal("0.02"), most=Decimal("55"), schedules=_TIERED),
    Charge("ORF", "OPT", Decimal("0.02"), regulatory=True),
    Charge("SEC", "OPT", Decimal("0.0000278"), VALUE, SELL, regulatory=True, valid_from=date(2024, 5, 22)),
    Charge("SEC", "OPT", Decimal("0"), VALUE, SELL, regulatory=True, valid_from=date(2025, 5, 14)),
    Charge("TAF", "OPT", Decimal("0.00279"), side=SELL, regulatory=True),
    *(Charge("exchange", product, Decimal("1.38")) for product in ("FUT", "FOP")),
    *(Charge("exchange", "FUT", Decimal(rate), symbols=(symbol,)) for symbol, rate in _EXCHANGE_FEES.items()),
    *(Charge("NFA", product, Decimal("0.02")) for product in ("FUT", "FOP")),
)

SCHEDULES = {
    name: Schedule(name, tuple(row for row in COMMISSIONS if name in row.schedules),
                   tuple(row for row in CHARGES if name in row.schedules))
    for name in ("fixed", "tiered")
}  # fmt: skip
