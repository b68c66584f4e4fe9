"""`ticktape orders`: orders, open and done, with their lives."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from ..shared.exits import UsageError
from ..shared.options import Accounts, Config, Data, Json, lake_folder, utc_time
from ..shared.output import age_text, show_json, show_table

Symbols = Annotated[list[str] | None, typer.Argument(metavar="INSTRUMENT", help="Only these instruments.")]
Since = Annotated[str | None, typer.Option(
    "--from", metavar="TIME", help="Only orders of which something came from this time on, UTC.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="As they stood before this time, UTC.")]
At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="As they stood at this time, UTC.")]


def run(
    symbols: Symbols = None,
    since: Since = None,
    until: Until = None,
    at: At = None,
    open_only: Annotated[bool, typer.Option("--open", help="Only orders that are open.")] = False,
    accounts: Accounts = None,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """List orders with their last state and their lives: submitted, accepted, first filled, ended.

    Gone: IB no longer lists it, and nothing says how it ended. Stale: the line was lost since. Executed: of it only
    executions came. Times from the submission are empty where the order was there before it was seen.
    """
    from capture import open_lake
    from capture.query.account.shown_accounts import ShownAccounts

    if at is not None and until is not None:
        raise UsageError("--at and --until both say as of when: leave one of them away")
    first, last = utc_time("--from", since), utc_time("--until", until)
    if at is not None:
        last = _after(utc_time("--at", at))
    with open_lake(lake_folder(data, config)) as lake:
        shown = ShownAccounts(lake.sql, accounts)
        lives = lake.orders(first, last, symbols=symbols or None, accounts=shown.chosen).arrow().to_pylist()
    found = [row for row in shown.rows(lives) if not open_only or row["state"] == "open"]
    if json:
        show_json(found)
        return
    show_table(
        ("account", "order", "symbol", "action", "quantity", "type", "limit", "state", "status", "filled", "at",
         "commission", "seen (UTC)", "accepted after", "filled after", "changes", "reference"),
        map(_row, found), ("order", "quantity", "limit", "filled", "at", "commission", "changes"))


def _after(moment: datetime | None) -> datetime | None:
    """Return the end before which a moment is the last."""
    return None if moment is None else moment + timedelta(microseconds=1)


def _row(order: dict[str, Any]) -> list[Any]:
    seen = order["seen_ts"] or order["first_fill_ts"]
    return [
        order["account"], order["permanent_id"] or f"client {order['client_id']}: {order['order_id']}",
        order["symbol"], order["action"], order["total_quantity"], order["order_type"], order["limit_price"] or None,
        order["state"], order["status"], order["filled"], order["average_price"], order["commission"],
        None if seen is None else f"{seen:%Y-%m-%d %H:%M:%S}", age_text(order["acknowledge_s"]),
        age_text(order["first_fill_s"]), order["modifications"] or None, order["order_reference"]]
