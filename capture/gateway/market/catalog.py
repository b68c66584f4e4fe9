"""Finds instruments the way IB does: empty fields match everything, the exchange SMART all that list it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from . import chains
from .universe import LISTED, Instrument

RIGHTS = {"CALL": "C", "PUT": "P", "0": "", "?": ""}


def _same(name: str) -> Callable[[Instrument, Any], bool]:
    return lambda instrument, value: bool(getattr(instrument, name) == value)


# How a field of a contract is compared with an instrument. Other fields do not narrow a search.
MATCHES: dict[str, Callable[[Instrument, Any], bool]] = {
    **{name: _same(name) for name in ("con_id", "symbol", "sec_type", "strike", "right", "currency",
                                      "local_symbol", "trading_class", "primary_exchange")},
    "exchange": lambda instrument, value: value in instrument.style.valid_exchanges.split(","),
    "last_trade_date": lambda instrument, value: instrument.last_trade_date.startswith(value.split()[0]),
    "multiplier": lambda instrument, value: float(instrument.multiplier or 1) == float(value),
    "sec_id": lambda instrument, value: instrument.isin == value,
}
NAMING = ("con_id", "local_symbol", "sec_id", "sec_type")  # one of these must be given


def find(contract: Mapping[str, Any], epoch_s: int) -> list[Instrument]:
    """Return the instruments a contract may mean at a moment, listed ones before options; none for a vague one."""
    given = {name: contract.get(name) for name in MATCHES}
    right = str(given["right"] or "").upper()
    given["right"] = RIGHTS.get(right, right)
    wanted = {name: value for name, value in given.items() if value}
    if not any(name in wanted for name in NAMING):
        return []
    return [
        instrument
        for some in (LISTED.values(), _options(wanted, epoch_s))
        for instrument in some
        if all(MATCHES[name](instrument, value) for name, value in wanted.items())
    ]


def _options(wanted: Mapping[str, Any], epoch_s: int) -> Iterable[Instrument]:
    """Return the options among which a search has to look."""
    for name, of in (("con_id", chains.option), ("local_symbol", chains.named)):
        if name in wanted:
            found = of(wanted[name])
            return [] if found is None else [found]
    if wanted.get("sec_type") != "OPT":
        return []
    last_trade_date = wanted.get("last_trade_date", "").partition(" ")[0]
    return chains.listed(wanted.get("symbol", ""), last_trade_date, wanted.get("strike", 0.0), wanted.get("right", ""),
                         epoch_s)  # fmt: skip
