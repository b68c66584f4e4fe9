"""Answers about the account: an empty paper account, so that clients which ask at their start connect."""

from collections.abc import Iterator
from typing import NoReturn

from capture.gateway.refusal import Refusal, invalid
from capture.gateway.replies import Reply, answer
from capture.gateway.shared_state import Peer
from capture.wire.text.codec import Values

from .handlers import Handlers, nothing

CASH = "1000000.00"
FIGURES = {  # account value -> amount, all in USD
    "AvailableFunds": CASH,
    "BuyingPower": "4000000.00",
    "CashBalance": CASH,
    "EquityWithLoanValue": CASH,
    "ExcessLiquidity": CASH,
    "FullAvailableFunds": CASH,
    "FullExcessLiquidity": CASH,
    "FullInitMarginReq": "0.00",
    "FullMaintMarginReq": "0.00",
    "GrossPositionValue": "0.00",
    "InitMarginReq": "0.00",
    "MaintMarginReq": "0.00",
    "NetLiquidation": CASH,
    "RealizedPnL": "0.00",
    "TotalCashValue": CASH,
    "UnrealizedPnL": "0.00",
}
ADVISOR_LISTS = {1: "ListOfGroups", 2: "ListOfAllocationProfiles", 3: "ListOfAccountAliases"}


def account_updates(peer: Peer, values: Values) -> Iterator[Reply]:
    """Send the account's figures once."""
    if not values["subscribe"]:
        return
    account = peer.state.account
    for key, value in FIGURES.items():
        yield answer("account_value", key=key, value=value, currency="USD", account=account)
    minute = peer.state.local_time(peer.now_us)
    yield answer("account_update_time", time=f"{minute:%H:%M}")
    yield answer("account_download_end", account=account)


def account_summary(peer: Peer, values: Values) -> Iterator[Reply]:
    """Send the figures asked for."""
    request_id, tags = values["request_id"], values["tags"].split(",")
    for tag in tags:
        if tag in FIGURES:
            yield answer("account_summary", request_id=request_id, account=peer.state.account, tag=tag,
                         value=FIGURES[tag], currency="USD")
    yield answer("account_summary_end", request_id=request_id)


def account_updates_multi(peer: Peer, values: Values) -> Iterator[Reply]:
    """Send the account's figures once, per request."""
    request_id = values["request_id"]
    for key, value in FIGURES.items():
        yield answer("account_update_multi", request_id=request_id, account=peer.state.account,
                     model_code=values["model_code"], key=key, value=value, currency="USD")
    yield answer("account_update_multi_end", request_id=request_id)


def positions(_peer: Peer, _values: Values) -> Iterator[Reply]:
    """Say that there are no positions."""
    yield answer("positions_end")


def positions_multi(_peer: Peer, values: Values) -> Iterator[Reply]:
    """Say that there are no positions."""
    yield answer("positions_multi_end", request_id=values["request_id"])


def profits(peer: Peer, values: Values) -> Iterator[Reply]:
    """Say that nothing was won or lost."""
    _require_account(peer, values)
    yield answer("pnl", request_id=values["request_id"], daily=0, unrealized=0, realized=0)


def profits_of_one(peer: Peer, values: Values) -> Iterator[Reply]:
    """Say that there is no position in an instrument, and nothing won or lost with it."""
    _require_account(peer, values)
    if not peer.state.feed.find(peer.now_us, con_id=values["con_id"]):
        raise Refusal(200, "No security definition has been found for the request")
    yield answer("pnl_single", request_id=values["request_id"], position=0, daily=0, unrealized=0, realized=0, value=0)


def _require_account(peer: Peer, values: Values) -> None:
    if values["account"] not in ("", peer.state.account):
        raise invalid(f"Invalid account code '{values['account']}'")


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
    "cancel_account_summary": nothing,
    "cancel_account_updates_multi": nothing,
    "cancel_positions": nothing,
    "cancel_positions_multi": nothing,
    "req_pnl": profits,
    "req_pnl_single": profits_of_one,
    "cancel_pnl": nothing,
    "cancel_pnl_single": nothing,
    "req_financial_advisor": advisor_data,
    "replace_financial_advisor": replace_advisor_data,
    "req_family_codes": family_codes,
    "req_soft_dollar_tiers": soft_dollar_tiers,
}
