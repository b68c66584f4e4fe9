"""`ticktape fills`: executions with their commissions, each once."""

from typing import Annotated

import typer

from ..shared.options import Accounts, Config, Data, Json, lake_folder, utc_time
from ..shared.output import show_json, show_table

Symbols = Annotated[list[str] | None, typer.Argument(metavar="INSTRUMENT", help="Only these instruments.")]
Since = Annotated[str | None, typer.Option("--from", metavar="TIME", help="Only fills from this time on, UTC.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Only fills before this time, UTC.")]

_COLUMNS = ("account", "filled_ts", "symbol", "side", "shares", "price", "currency", "commission",
            "commission_currency", "realized", "execution_exchange", "order_reference", "combo")  # fmt: skip
_NUMBERS = ("shares", "price", "commission", "realized")


def run(
    symbols: Symbols = None,
    since: Since = None,
    until: Until = None,
    accounts: Accounts = None,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """List executions with their commissions, each once: corrected, without those that were taken back.

    A commission is empty until IB reports it. Of a combination there is a row of the whole (bag) and one of each leg.
    """
    from capture import open_lake
    from capture.query.account.shown_accounts import ShownAccounts

    first, last = utc_time("--from", since), utc_time("--until", until)
    with open_lake(lake_folder(data, config)) as lake:
        shown = ShownAccounts(lake.sql, accounts)
        found = shown.rows(lake.fills(first, last, symbols=symbols or None, accounts=shown.chosen).arrow().to_pylist())
    if json:
        show_json(found)
        return
    rows = [[row[name] if name != "filled_ts" else f"{row[name]:%Y-%m-%d %H:%M:%S}" for name in _COLUMNS]
            for row in found]
    names = [name.replace("_", " ") for name in _COLUMNS]
    show_table(["time (UTC)" if name == "filled ts" else name for name in names], rows, _NUMBERS)
