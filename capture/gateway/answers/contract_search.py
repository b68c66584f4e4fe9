"""Finds the one instrument that a request's contract means, or refuses as IB does."""

import re
from typing import Any

from capture.gateway.refusal import Refusal, historical, invalid
from capture.gateway.shared_state import Peer
from capture.times import moment_of
from capture.wire.messages.contract_fields import CONTRACT
from capture.wire.text.codec import Values

Details = dict[str, Any]
FIELDS = (*(field.name for field in CONTRACT), "sec_id_type", "sec_id")

BESIDE_ID = ("con_id", "exchange")
ZERO = re.compile(r"\s*0*\.?0*\s*")
OPTIONS = ("OPT", "FOP")
OPTION_TERMS = ("right", "strike", "last_trade_date")
CONTINUOUS = ("CONTFUT", "FUT+CONTFUT")
SAME_FUTURE = ("symbol", "trading_class", "exchange", "currency", "multiplier")
FRACTIONS_SINCE = 163  # server version from which sizes may be fractions

HAD_BY = {  # bars that only some kinds of security have
    "OPTION_IMPLIED_VOLATILITY": ("STK", "IND"), "HISTORICAL_VOLATILITY": ("STK", "IND"), "FEE_RATE": ("STK",),
    **dict.fromkeys(("YIELD_BID", "YIELD_ASK", "YIELD_BID_ASK", "YIELD_LAST"), ("BOND",))}  # fmt: skip
TRADELESS = {"CASH": ("TRADES", "AGGTRADES"), "IND": ("MIDPOINT", "BID", "ASK", "BID_ASK")}


def as_taken(values: Values) -> Values:
    """Return a request's values as TWS takes them: what to show in whatever case."""
    return values | {"what": values["what"].upper()} if "what" in values else values


def matching(peer: Peer, values: Values) -> list[Details]:
    """Return the details of every instrument that a request's contract may mean; refuses (200) where there is none.

    Zeros, in whatever writing, are fields left out. Beside a contract id only the exchange can contradict.
    """
    contract = {name: values[name] for name in FIELDS if _is_given(values.get(name))}
    if "con_id" in contract:
        contract = {name: contract[name] for name in BESIDE_ID if name in contract}
    found = _found(peer, contract)
    if not found:
        raise Refusal(200, "No security definition has been found for the request")
    return found


def _found(peer: Peer, contract: Details) -> list[Details]:
    """Return what there is of a contract. Its primary exchange chooses among those that are listed there, or trade
    there where none is: clients name that of an option when they mean its underlying."""
    primary = contract.pop("primary_exchange", "")
    found = _of_any_listing(peer, contract)
    listed = [one for one in found if one["primary_exchange"] == primary]
    return listed or [one for one in found if primary in one["valid_exchanges"].split(",")] if primary else found


def _of_any_listing(peer: Peer, contract: Details) -> list[Details]:
    kind = contract.get("sec_type")
    if kind not in CONTINUOUS:
        return peer.state.feed.find(peer.now_us, **contract)
    futures = peer.state.feed.find(peer.now_us, **contract | {"sec_type": "FUT"})
    fronts = [one | {"sec_type": "CONTFUT"} for one in _fronts(futures, f"{moment_of(peer.now_us):%Y%m%d}")]
    return fronts if kind == "CONTFUT" else [*futures, *fronts]


def _fronts(futures: list[Details], today: str) -> list[Details]:
    """Return of each kind of future the one that ends next, or the last one where all have ended."""
    kinds: dict[tuple[Any, ...], list[Details]] = {}
    for one in sorted(futures, key=lambda one: str(one["last_trade_date"])):
        kinds.setdefault(tuple(one[name] for name in SAME_FUTURE), []).append(one)
    return [next((one for one in ends if one["last_trade_date"][:8] >= today), ends[-1]) for ends in kinds.values()]


def _is_given(value: Any) -> bool:
    return bool(value) and not (isinstance(value, str) and ZERO.fullmatch(value))


def resolve(peer: Peer, values: Values) -> Details:
    """Return the details of the instrument a request names; refuses (200) unless it is exactly one."""
    if values["sec_type"] in OPTIONS and not any(_is_given(values[name]) for name in ("con_id", "local_symbol")) and (
            not all(_is_given(values[name]) for name in OPTION_TERMS)):
        raise invalid("When the local symbol field is empty, please fill the following fields (right, strike, expiry)")
    found = matching(peer, values)
    if len(found) > 1:
        raise Refusal(200, f"The contract description specified for {values['symbol']} is ambiguous.")
    return found[0]


def resolve_live(peer: Peer, values: Values) -> Details:
    """As `resolve`, for live data: refuses (10285) fractional sizes to clients too old for them."""
    if values["sec_type"] in CONTINUOUS:
        raise invalid("Continuous futures have no real-time data")
    details = resolve(peer, values)
    if peer.server_version < FRACTIONS_SINCE and (details["min_size"] or 1) < 1:
        raise Refusal(10285, "Your API version does not support fractional size rules. "
                             "Please upgrade to a version 163 or above")
    return details


def require_bars(details: Details, what: str) -> None:
    """Refuse bars of what an instrument does not have: pairs of currencies no trades, indices no quotes."""
    kind = details["sec_type"]
    if what in TRADELESS.get(kind, ()) or kind not in HAD_BY.get(what, (kind,)):
        name = f"{details['local_symbol']}@{details['exchange']}"
        raise historical(f"No historical market data for {name} {what}")
