"""Answers about the account: its values, positions and P&L, and what changes of them while a client listens."""

from collections.abc import Iterator
from typing import NoReturn

from capture.gateway.broker.account.account_values import unknown_tags
from capture.gateway.refusal import Refusal, invalid
from capture.gateway.replies import Reply, answer
from capture.gateway.shared_state import Peer
from capture.wire.text.codec import Values

from .handlers import Handler, Handlers, client_id_of, require_account

ADVISOR_LISTS = {1: "ListOfGroups", 2: "ListOfAllocationProfiles", 3: "ListOfAccountAliases"}
MOST_SUMMARIES = 2  # of a client at a time
TOO_MANY = "Error processing request.-'bW' : cause - Maximum number of account summary requests exceeded"
ALL = ("", "All")


def account_updates(peer: Peer, values: Values) -> Iterator[Reply]:
    """Send the account's values and positions, and what changes of them from then on; or end that."""
    if not values["subscribe"]:
        peer.state.trading.streams.end(client_id_of(peer), "updates")
        return
    require_account(peer, values)
    yield from _begin(peer, "updates", -1, values)
    minute = peer.state.local_time(peer.now_us)
    yield answer("account_update_time", time=f"{minute:%H:%M}")
    yield answer("account_download_end", account=peer.state.account)


def account_summary(peer: Peer, values: Values) -> Iterator[Reply]:
    """Send the values asked for, and what changes of them from then on."""
    request_id, streams = values["request_id"], peer.state.trading.streams
    if values["group"] not in ALL:
        raise invalid(f"'{values['group']}' is no group of accounts")
    if unknown := unknown_tags(values["tags"]):
        raise invalid(f"Unknown tag: {', '.join(unknown)}")
    if streams.count(client_id_of(peer), "summary") >= MOST_SUMMARIES:
        raise Refusal(322, TOO_MANY)
    yield from _begin(peer, "summary", request_id, values)
    yield answer("account_summary_end", request_id=request_id)


def account_updates_multi(peer: Peer, values: Values) -> Iterator[Reply]:
    """Send the account's values, and what changes of them from then on, per request."""
    require_account(peer, values)
    yield from _begin(peer, "updates_multi", values["request_id"], values)
    yield answer("account_update_multi_end", request_id=values["request_id"])


def positions(peer: Peer, values: Values) -> Iterator[Reply]:
    """Send all positions, and each that changes from then on."""
    yield from _begin(peer, "positions", -1, values)
    yield answer("positions_end")


def positions_multi(peer: Peer, values: Values) -> Iterator[Reply]:
    """Send all positions, and each that changes from then on, per request."""
    require_account(peer, values)
    yield from _begin(peer, "positions_multi", values["request_id"], values)
    yield answer("positions_multi_end", request_id=values["request_id"])


def profits(peer: Peer, values: Values) -> Iterator[Reply]:
    """Send what was won and lost, once a second from then on."""
    require_account(peer, values)
    yield from _begin(peer, "pnl", values["request_id"], values)


def profits_of_one(peer: Peer, values: Values) -> Iterator[Reply]:
    """Send what was won and lost with one instrument, once a second from then on."""
    require_account(peer, values)
    if not peer.state.feed.find(peer.now_us, con_id=values["con_id"]):
        raise Refusal(200, "No security definition has been found for the request")
    yield from _begin(peer, "pnl_single", values["request_id"], values)


def _begin(peer: Peer, kind: str, request_id: int, values: Values) -> Iterator[Reply]:
    for row in peer.state.trading.listen(client_id_of(peer), peer.now_us, kind, request_id, values):
        yield answer(row.name, **row.values)


def _end(kind: str) -> Handler:
    """Return what ends a stream of a kind."""

    def end(peer: Peer, values: Values) -> Iterator[Reply]:
        peer.state.trading.streams.end(client_id_of(peer), kind, values.get("request_id", -1))
        return iter(())

    return end


# Of financial advisors, which this account is none of


def advisor_data(_peer: Peer, values: Values) -> Iterator[Reply]:
    """Send an empty list."""
    element = ADVISOR_LISTS.get(values["data_type"])
    if element is None:
        raise invalid(f"{values['data_type']} is no kind of financial advisor's data")
    yield answer("financial_advisor", data_type=values["data_type"],
                 xml=f'<?xml version="1.0" encoding="UTF-8"?>\n<{element}></{element}>')


def replace_advisor_data(_peer: Peer, _values: Values) -> NoReturn:
    """Refuse it."""
    raise invalid("FA data operations ignored for non FA customers.")


def family_codes(peer: Peer, _values: Values) -> Iterator[Reply]:
    """Say that the account is of no family."""
    yield answer("family_codes", codes=[{"account": peer.state.account, "code": ""}])


def soft_dollar_tiers(_peer: Peer, values: Values) -> Iterator[Reply]:
    """Say that there are none."""
    yield answer("soft_dollar_tiers", request_id=values["request_id"])


HANDLERS: Handlers = {
    "req_account_updates": account_updates,
    "req_account_summary": account_summary,
    "req_account_updates_multi": account_updates_multi,
    "req_positions": positions,
    "req_positions_multi": positions_multi,
    "cancel_account_summary": _end("summary"),
    "cancel_account_updates_multi": _end("updates_multi"),
    "cancel_positions": _end("positions"),
    "cancel_positions_multi": _end("positions_multi"),
    "req_pnl": profits,
    "req_pnl_single": profits_of_one,
    "cancel_pnl": _end("pnl"),
    "cancel_pnl_single": _end("pnl_single"),
    "req_financial_advisor": advisor_data,
    "replace_financial_advisor": replace_advisor_data,
    "req_family_codes": family_codes,
    "req_soft_dollar_tiers": soft_dollar_tiers,
}
