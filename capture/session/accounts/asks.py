"""What is asked for about accounts, as a table: of which stream, for whom, how often, and when silence is odd."""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, NamedTuple

from capture.wanted.account_settings import Accounts
from capture.wire.messages.account_requests import ACCOUNT_REQUESTS, BY_NAME

MOST_OF_LOGIN = 50  # accounts: of a login that has more, IB gives positions account by account only
TURN_S = 60.0  # how long an account has the one subscription to its portfolio that IB gives a client, of several


_MESSAGES = {message.name: message for message in ACCOUNT_REQUESTS}
# What every request says that has the field: all keys, all clients, all kinds of orders.
ALWAYS = {"model_code": "", "subscribe": True, "ledger": False, "api_only": False, "client_id": 0, "symbol": "",
          "sec_type": "", "exchange": "", "side": "", "last_days": None, "dates": []}  # fmt: skip


class Per(Enum):
    """Whom a request is about."""

    LOGIN = "login"
    ACCOUNT = "account"
    POSITION = "position"


class Login(NamedTuple):
    """The accounts that a login has, and those of them that are wanted."""

    there: tuple[str, ...]
    wanted: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether one request about all accounts gives what is wanted, and no account besides."""
        return len(self.wanted) == len(self.there) <= MOST_OF_LOGIN


class Ask(NamedTuple):
    """A request: whom it is about, and of which logins it is made at all.

    `every_s` says how often it is made, None for once a session. Of one that lasts, no row for `silent_s` is odd where
    rows came steadily before; None where rows come with changes only. `rows` are the messages that bring its rows
    without an id.
    """

    name: str
    per: Per
    made: Callable[[Login], bool] = lambda _login: True
    every_s: Callable[[Accounts], float | None] = lambda _settings: None
    silent_s: float | None = None
    rows: tuple[str, ...] = ()

    @property
    def stream(self) -> str:
        """The stream whose rows it brings."""
        return BY_NAME[self.name].stream

    @property
    def end(self) -> str | None:
        """The message that says that all was sent; None where its first row is the answer."""
        return BY_NAME[self.name].end

    @property
    def cancel(self) -> str | None:
        """The message that ends it."""
        return BY_NAME[self.name].cancel

    @property
    def has_id(self) -> bool:
        """Whether it has a request id."""
        return "request_id" in _MESSAGES[self.name].names

    def values(self, account: str, con_id: int | None, request_id: int | None, since: str) -> dict[str, Any]:
        """Return the fields of one such request; of executions, for all since a time."""
        given = {"account": account, "con_id": con_id, "request_id": request_id, "time": since}
        return _MESSAGES[self.name].pick(ALWAYS | given)

    def cancellation(self, request_id: int) -> tuple[str, dict[str, Any]]:
        """Return the name and values of the request that ends it."""
        assert self.cancel is not None and self.has_id, f"nothing ends one of several {self.name}"
        return self.cancel, {"request_id": request_id}


def _several(login: Login) -> bool:
    return len(login.wanted) > 1


PNL_SILENT_S, VALUES_SILENT_S = 60.0, 600.0  # IB sends P&L about once a second, values every 3 minutes at the latest
ASKS = (
    # IB updates the portfolio of one account at a time: of several, each has its turn, and values come by another way.
    Ask("req_account_updates", Per.ACCOUNT, silent_s=VALUES_SILENT_S,
        rows=("account_value", "portfolio_value", "account_update_time")),
    Ask("req_account_updates_multi", Per.ACCOUNT, _several, silent_s=VALUES_SILENT_S),
    Ask("req_positions", Per.LOGIN, lambda login: login.is_whole, lambda own: own.positions_interval_s,
        rows=("position",)),
    Ask("req_positions_multi", Per.ACCOUNT, lambda login: not login.is_whole, lambda own: own.positions_interval_s),
    Ask("req_pnl", Per.ACCOUNT, silent_s=PNL_SILENT_S),
    Ask("req_pnl_single", Per.POSITION, silent_s=PNL_SILENT_S),
    # Other clients' orders are pushed to the master client alone, and nothing says that this is it.
    Ask("req_all_open_orders", Per.LOGIN, every_s=lambda own: own.orders_interval_s,
        rows=("open_order", "order_status", "order_bound")),
    Ask("req_completed_orders", Per.LOGIN, every_s=lambda own: own.completed_interval_s, rows=("completed_order",)),
    Ask("req_executions", Per.LOGIN, lambda login: login.is_whole, lambda own: own.executions_interval_s,
        rows=("execution_details", "commission_report")),
    Ask("req_executions", Per.ACCOUNT, lambda login: not login.is_whole, lambda own: own.executions_interval_s,
        rows=("execution_details", "commission_report")),
)  # fmt: skip

def wanted(settings: Accounts, login: Login) -> Iterable[Ask]:
    """Return the requests that a login is asked for the streams of some settings."""
    return [ask for ask in ASKS if ask.stream in settings.streams and ask.made(login)]
