"""Answers to account and order requests: an empty paper account, so that clients which ask at their start connect."""

from capture.wire.codec import Values, message_id

from .client import Client
from .session import Handlers, nothing

CASH = "1000000.00"
FIGURES = {  # account value -> amount, all in USD
    "AvailableFunds": CASH,
    "BuyingPower": "4000000.00",
    "CashBalance": CASH,
    "EquityWithLoanValue": CASH,
    "ExcessLiquidity": CASH,
    "GrossPositionValue": "0.00",
    "InitMarginReq": "0.00",
    "MaintMarginReq": "0.00",
    "NetLiquidation": CASH,
    "RealizedPnL": "0.00",
    "TotalCashValue": CASH,
    "UnrealizedPnL": "0.00",
}


def account_updates(client: Client, values: Values) -> None:
    """Send the account's figures once."""
    if not values["subscribe"]:
        return
    account = client.gateway.account
    for key, value in FIGURES.items():
        client.send("account_value", key=key, value=value, currency="USD", account=account)
    minute = client.gateway.local_time(client.now_us)
    client.send("account_update_time", time=f"{minute:%H:%M}")
    client.send("account_download_end", account=account)


def account_summary(client: Client, values: Values) -> None:
    """Send the figures asked for."""
    request_id, tags = values["request_id"], values["tags"].split(",")
    for tag in tags:
        if tag in FIGURES:
            client.send("account_summary", request_id=request_id, account=client.gateway.account, tag=tag,
                        value=FIGURES[tag], currency="USD")
    client.send("account_summary_end", request_id=request_id)


def account_updates_multi(client: Client, values: Values) -> None:
    """Send the account's figures once, per request."""
    request_id = values["request_id"]
    for key, value in FIGURES.items():
        client.send("account_update_multi", request_id=request_id, account=client.gateway.account,
                    model_code=values["model_code"], key=key, value=value, currency="USD")
    client.send("account_update_multi_end", request_id=request_id)


def positions(client: Client, _values: Values) -> None:
    """Say that there are no positions."""
    client.send("positions_end")


def positions_multi(client: Client, values: Values) -> None:
    """Say that there are no positions."""
    client.send("positions_multi_end", request_id=values["request_id"])


def open_orders(client: Client, _values: Values) -> None:
    """Say that there are no open orders."""
    client.send("open_orders_end")


def completed_orders(client: Client, _values: Values) -> None:
    """Say that there are no completed orders."""
    client.send("completed_orders_end")


def executions(client: Client, values: Values) -> None:
    """Say that there are no executions."""
    client.send("executions_end", request_id=values["request_id"])


PLACE_ORDER, CANCEL_ORDER = 3, 4
CANCEL_WITHOUT_VERSION_SINCE = 192
ORDER_REFUSALS = {
    PLACE_ORDER: (201, "Order rejected - reason:This gateway takes no orders."),
    CANCEL_ORDER: (10147, "OrderId {} that needs to be cancelled is not found."),
}


def order_refusal(payload: bytes, server_version: int) -> tuple[int, int, str] | None:
    """Return order id, code and text that refuse an order or its cancellation; None for any other frame.

    Orders are in no table of messages, so that none can be encoded: all that is read of one is its id. That is the
    first field of an order, and of a cancellation since 192, which had a version in front of it before.
    """
    kind, words = message_id(payload), payload.split(b"\0")[1:-1]
    place = int(kind == CANCEL_ORDER and server_version < CANCEL_WITHOUT_VERSION_SINCE)
    if kind not in ORDER_REFUSALS or len(words) <= place or not words[place].isdigit():
        return None
    code, text = ORDER_REFUSALS[kind]
    order_id = int(words[place])
    return order_id, code, text.format(order_id)


HANDLERS: Handlers = {
    "req_account_updates": account_updates,
    "req_account_summary": account_summary,
    "req_account_updates_multi": account_updates_multi,
    "req_positions": positions,
    "req_positions_multi": positions_multi,
    "req_open_orders": open_orders,
    "req_all_open_orders": open_orders,
    "req_completed_orders": completed_orders,
    "req_executions": executions,
    "req_auto_open_orders": nothing,
    "cancel_account_summary": nothing,
    "cancel_account_updates_multi": nothing,
    "cancel_positions": nothing,
    "cancel_positions_multi": nothing,
}
