"""Answers about the session itself: its start, the time, ids and accounts."""

from collections.abc import Iterable, Iterator

from capture.gateway.replies import Reply, answer, error
from capture.gateway.shared_state import Peer
from capture.wire.text.codec import Values

from .handlers import Handlers, nothing

IN_USE = "Unable to connect as the client id is already in use. Retry with a unique client id."
UNVERIFIED = "This gateway verifies no programs."
LARGEST_ID = 2**31 - 1  # on the wire it is also the word for none
TIME_INTERVAL_S = 1.0  # TWS answers the current time no more often


def start_api(peer: Peer, values: Values) -> Iterator[Reply]:
    """Begin the session, or refuse a client id that is in use."""
    client_id = LARGEST_ID if values["client_id"] is None else values["client_id"]
    if peer.started:
        return
    if peer.state.faults.active("not-ready"):
        peer.state.waiting.append((peer, values))
        return
    if peer.state.client(client_id) is not None or peer.state.faults.take("duplicate-id"):
        yield error(-1, 326, IN_USE, peer.now_us)
        peer.close()
        return
    most = peer.state.limits.clients
    if most is not None and sum(other.started for other in peer.state.clients) >= most:
        peer.close()
        return
    peer.start(client_id)
    greeting = [managed_accounts, next_valid_id]
    for greet in greeting if peer.state.accounts_first else reversed(greeting):
        yield from greet(peer, {})
    for code, text in peer.state.notices(peer.now_us):
        yield error(-1, code, text, peer.now_us)


def managed_accounts(peer: Peer, _values: Values) -> Iterator[Reply]:
    """Send the account names."""
    yield answer("managed_accounts", accounts=peer.state.account)


def next_valid_id(peer: Peer, _values: Values) -> Iterator[Reply]:
    """Send the lowest order id that the client may use."""
    assert peer.id is not None
    yield answer("next_valid_id", order_id=peer.state.trading.paper.identities.next_order_id(peer.id))


def current_time(peer: Peer, _values: Values) -> Iterator[Reply]:
    """Send the time in seconds, unless it was asked for just before."""
    if peer.state.clock.real_s() - peer.time_told_s >= TIME_INTERVAL_S:
        peer.time_told_s = peer.state.clock.real_s()
        yield answer("current_time", time=peer.state.told_us() // 1_000_000)


def current_time_millis(peer: Peer, _values: Values) -> Iterator[Reply]:
    """Send the time in milliseconds."""
    yield answer("current_time_millis", time_ms=peer.state.told_us() // 1_000)


def market_data_type(peer: Peer, values: Values) -> Iterable[Reply]:
    """Remember the market data type for the requests that follow."""
    if values["data_type"] in (1, 2, 3, 4):
        peer.data_type = values["data_type"]
    return ()


def user_info(_peer: Peer, values: Values) -> Iterator[Reply]:
    """Send an empty white branding id."""
    yield answer("user_info", request_id=values["request_id"])


def verify(_peer: Peer, _values: Values) -> Iterator[Reply]:
    """Say that nothing can be verified here."""
    yield answer("verified", successful="false", reason=UNVERIFIED)


def verify_and_authorize(_peer: Peer, _values: Values) -> Iterator[Reply]:
    """Say that nothing can be verified here."""
    yield answer("verified_and_authorized", successful="false", reason=UNVERIFIED)


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
