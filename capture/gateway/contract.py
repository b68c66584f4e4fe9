"""Finds the one instrument that a request's contract means, or refuses as IB does."""

from typing import Any

from capture.wire.codec import Values
from capture.wire.requests import CONTRACT

from .client import Client
from .refusal import Refusal, historical

Details = dict[str, Any]
FIELDS = (*(field.name for field in CONTRACT), "sec_id_type", "sec_id")

FRACTIONS_SINCE = 163  # server version from which sizes may be fractions

TRADELESS = {"CASH": ("TRADES", "AGGTRADES"), "IND": ("MIDPOINT", "BID", "ASK", "BID_ASK")}


def matching(client: Client, values: Values) -> list[Details]:
    """Return the details of every instrument that a request's contract may mean; refuses (200) where there is none."""
    contract = {name: values[name] for name in FIELDS if values.get(name)}
    found = client.feed.find(client.now_us, **contract)
    if not found:
        raise Refusal(200, "No security definition has been found for the request")
    return found


def resolve(client: Client, values: Values) -> Details:
    """Return the details of the instrument a request names; refuses (200) unless it is exactly one."""
    found = matching(client, values)
    if len(found) > 1:
        raise Refusal(200, f"The contract description specified for {values['symbol']} is ambiguous.")
    return found[0]


def resolve_live(client: Client, values: Values) -> Details:
    """As `resolve`, for live data: refuses (10285) fractional sizes to clients too old for them."""
    details = resolve(client, values)
    if client.server_version < FRACTIONS_SINCE and (details["min_size"] or 1) < 1:
        raise Refusal(10285, "Your API version does not support fractional size rules. "
                             "Please upgrade to a version 163 or above")
    return details


def require_bars(details: Details, what: str) -> None:
    """Refuse bars of what an instrument does not have: pairs of currencies no trades, indices nothing else."""
    if what in TRADELESS.get(details["sec_type"], ()):
        name = f"{details['local_symbol']}@{details['exchange']}"
        raise historical(f"No historical market data for {name} {what}")
