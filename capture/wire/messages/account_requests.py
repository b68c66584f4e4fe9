"""The requests by which accounts are read: their fields, the stream each belongs to, what answers it and ends it."""

from typing import NamedTuple

from .message import Field, Kind, Message, Permission, Repeat, ints, texts

# fmt: off  (a table: one message a few lines)
_ID, BOOL, INT, TEXT = Field("request_id", Kind.INT), Kind.BOOL, Kind.INT, Kind.TEXT

# What reads accounts and changes nothing: what other clients ask for at their start, and a recorder where it may.
_ACCOUNT_ROWS = (
    (5, "req_open_orders", (), 1),
    (6, "req_account_updates", (Field("subscribe", BOOL), Field("account", TEXT)), 2),
    (16, "req_all_open_orders", (), 1),
    (61, "req_positions", (), 1),
    (62, "req_account_summary", (_ID, *texts("group", "tags")), 1),
    (63, "cancel_account_summary", (_ID,), 1),
    (64, "cancel_positions", (), 1),
    (74, "req_positions_multi", (_ID, *texts("account", "model_code")), 1),
    (75, "cancel_positions_multi", (_ID,), 1),
    (76, "req_account_updates_multi", (_ID, *texts("account", "model_code"), Field("ledger", BOOL)), 1),
    (77, "cancel_account_updates_multi", (_ID,), 1),
    (92, "req_pnl", (_ID, *texts("account", "model_code")), None),
    (93, "cancel_pnl", (_ID,), None),
    (94, "req_pnl_single", (_ID, *texts("account", "model_code"), Field("con_id", INT)), None),
    (95, "cancel_pnl_single", (_ID,), None),
    (99, "req_completed_orders", (Field("api_only", BOOL),), None),
)
ACCOUNT_REQUESTS = (
    *(Message(id_, name, elements, version=version, permission=Permission.ACCOUNT)
      for id_, name, elements, version in _ACCOUNT_ROWS),
    Message(7, "req_executions", (
        _ID, Field("client_id", INT), *texts("account", "time", "symbol", "sec_type", "exchange", "side"),
        Field("last_days", INT, since=200), Repeat("dates", ints("date"), since=200)), version=3,
        permission=Permission.ACCOUNT),
    # Orders made by hand get ids of this client: a change, though nothing is traded by it.
    Message(15, "req_auto_open_orders", (Field("bind", BOOL),), version=1, permission=Permission.ORDERS),
)
# fmt: on


class AccountRequest(NamedTuple):
    """A request about accounts: its stream, the answer that says that all was sent, and what cancels it.

    `answers` bring its rows without saying which request they belong to. It is `lasting` where changes follow until it
    is cancelled, by a message of its own or, where there is none, by itself with `subscribe` false.
    """

    name: str
    stream: str
    end: str | None = None
    answers: tuple[str, ...] = ()
    cancel: str | None = None
    lasting: bool = False


STREAM_REQUESTS = (
    AccountRequest("req_account_updates", "values", "account_download_end",
                   ("account_value", "portfolio_value", "account_update_time"), lasting=True),
    AccountRequest("req_account_updates_multi", "values", "account_update_multi_end",
                   cancel="cancel_account_updates_multi", lasting=True),
    AccountRequest("req_account_summary", "values", "account_summary_end", cancel="cancel_account_summary",
                   lasting=True),
    AccountRequest("req_positions", "positions", "positions_end", ("position",), "cancel_positions", lasting=True),
    AccountRequest("req_positions_multi", "positions", "positions_multi_end", cancel="cancel_positions_multi",
                   lasting=True),
    AccountRequest("req_pnl", "pnl", cancel="cancel_pnl", lasting=True),
    AccountRequest("req_pnl_single", "pnl", cancel="cancel_pnl_single", lasting=True),
    AccountRequest("req_open_orders", "orders", "open_orders_end"),
    AccountRequest("req_all_open_orders", "orders", "open_orders_end"),
    AccountRequest("req_completed_orders", "orders", "completed_orders_end", ("completed_order",)),
    AccountRequest("req_executions", "executions", "executions_end"),
)  # fmt: skip

ACCOUNT_STREAMS = tuple(dict.fromkeys(request.stream for request in STREAM_REQUESTS))
BY_NAME = {request.name: request for request in STREAM_REQUESTS}
_CANCELLED_BY = {request.cancel: request for request in STREAM_REQUESTS if request.cancel}
_IDS = {message.name: message.id for message in ACCOUNT_REQUESTS}
_ENDS: dict[str, tuple[str, ...]] = {}
for _request in STREAM_REQUESTS:
    if _request.end:
        _ENDS[_request.end] = (*_ENDS.get(_request.end, ()), _request.name)
_ANSWERED = {answer: request.name for request in STREAM_REQUESTS for answer in request.answers}


def known_as(name: str, request_id: int | None = None) -> int:
    """Return the number by which a request is known: its id; of one that has none, minus the number of its message."""
    return request_id if request_id is not None else -_IDS[name]


def cancelled_by(name: str, subscribe: bool | None = None) -> AccountRequest | None:
    """Return the request that a message cancels; None where it is no cancel."""
    return BY_NAME[name] if subscribe is False and name in BY_NAME else _CANCELLED_BY.get(name)


def asked_by(answer: str) -> tuple[str, ...]:
    """Return the requests, none of which has an id, that an answer without an id may belong to."""
    return (_ANSWERED[answer],) if answer in _ANSWERED else _ENDS.get(answer, ())


def ends(answer: str) -> bool:
    """Return whether an answer says that all that a request asked for was sent."""
    return answer in _ENDS
