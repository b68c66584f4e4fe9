"""What a broker has to know of an instrument: its contract, what one of it is worth, and when it trades."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from capture.risk.valuation import quote_units

OPTIONS = ("OPT", "FOP", "WAR")
FUTURES = ("FUT", "CONTFUT")
SETTLED_DAILY = ("FUT", "CONTFUT", "FOP")  # in the commodities segment of an account
ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Security:
    """One instrument, out of the fields of IB's contract details (message 10).

    A price times `multiplier` is the worth of one, in `currency`. `under_con_id` is 0 for what has no underlying, and
    `last_trade_date` empty for what does not expire. `details` are all fields.
    """

    con_id: int
    symbol: str
    sec_type: str
    currency: str
    multiplier: Decimal = ONE
    exchange: str = ""
    local_symbol: str = ""
    last_trade_date: str = ""
    strike: Decimal = Decimal(0)
    right: str = ""
    under_con_id: int = 0
    details: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_option(self) -> bool:
        """Whether it is an option, on whatever."""
        return self.sec_type in OPTIONS

    @property
    def is_future(self) -> bool:
        """Whether it is a future: no cash changes hands for its price, only for what is won or lost."""
        return self.sec_type in FUTURES


def security(details: Mapping[str, Any]) -> Security:
    """Return what a broker has to know out of contract details."""
    units = quote_units(details["sec_type"], details["currency"], details.get("price_magnifier") or 1)
    return Security(
        con_id=details["con_id"], symbol=details["symbol"], sec_type=details["sec_type"],
        currency=details["currency"], multiplier=Decimal(details.get("multiplier") or 1) / units,
        exchange=details.get("primary_exchange") or details["exchange"], local_symbol=details["local_symbol"],
        last_trade_date=details.get("last_trade_date") or "", strike=Decimal(str(details.get("strike") or 0)),
        right=(details.get("right") or "")[:1], under_con_id=details.get("under_con_id") or 0,
        details=details)  # fmt: skip
