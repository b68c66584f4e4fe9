"""Answers about the session itself: its start, the time, ids and accounts."""

import time
from collections.abc import Callable

from capture.gateway.client import Client
from capture.wire.text.codec import Values

Handlers = dict[str, Callable[[Client, Values], None]]

UNVERIFIED = "This gateway verifies no programs."
TIME_INTERVAL_S = 1.0  # TWS answers the current time no more often


def start_api(client: Client, values: Values) -> None:
    """Begin the session, or refuse a client id that is in use."""
    client_id = values["client_id"] or 0
    if client.started:
        return
    if client.gateway.faults.waits(client, values):
        return
    if client.gateway.client(client_id) is not None or client.gateway.faults.take("duplicate-id"):
        client.error(-1, 326, "Unable to connect as the client id is already in use. Retry with a unique client id.")
        client.close()
        return
    most = client.gateway.limits.clients
    if most is not None and sum(other.started for other in client.gateway.clients) >= most:
        client.close()
        return
    client.start(client_id)
    greeting = [managed_accounts, next_valid_id]
    for answer in greeting if client.gateway.accounts_first else reversed(greeting):
        answer(client, {})
    for code, text in client.gateway.faults.status_notices(client.now_us):
        client.error(-1, code, text)


def managed_accounts(client: Client, _values: Values) -> None:
    """Send the account names."""
    client.send("managed_accounts", accounts=client.gateway.account)


def next_valid_id(client: Client, _values: Values) -> None:
    """Send an order id; nothing is ever ordered here, so it stays 1."""
    client.send("next_valid_id", order_id=1)


def current_time(client: Client, _values: Values) -> None:
    """Send the time in seconds, unless it was asked for just before."""
    if time.monotonic() - client.time_told_s >= TIME_INTERVAL_S:
        client.time_told_s = time.monotonic()
        client.send("current_time", time=client.gateway.told_us() // 1_000_000)


def current_time_millis(client: Client, _values: Values) -> None:
    """Send the time in milliseconds."""
    client.send("current_time_millis", time_ms=client.gateway.told_us() // 1_000)


def market_data_type(client: Client, values: Values) -> None:
    """Remember the market data type for the requests that follow."""
    if values["data_type"] in (1, 2, 3, 4):
        client.data_type = values["data_type"]


def user_info(client: Client, values: Values) -> None:
    """Send an empty white branding id."""
    client.send("user_info", request_id=values["request_id"])


def verify(client: Client, _values: Values) -> None:
    """Say that nothing can be verified here."""
    client.send("verified", successful="false", reason=UNVERIFIED)


def verify_and_authorize(client: Client, _values: Values) -> None:
    """Say that nothing can be verified here."""
    client.send("verified_and_authorized", successful="false", reason=UNVERIFIED)


def nothing(_client: Client, _values: Values) -> None:
    """Take note of what needs no answer."""


HANDLERS: Handlers = {
    "start_api": start_api,
    "req_ids": next_valid_id,
    "req_managed_accounts": managed_accounts,
    "req_current_time": current_time,
    "req_current_time_millis": current_time_millis,
    "req_market_data_type": market_data_type,
    "req_user_info": user_info,
    "set_log_level": nothing,
    "verify": verify,
    "verify_message": verify,
    "verify_and_authorize": verify_and_authorize,
    "verify_and_authorize_message": verify_and_authorize,
}
