"""`ticktape coverage`: how much of the trading time is in the lake."""

from typing import Annotated

import typer

from ..shared.exits import UsageError
from ..shared.options import Config, Data, Json, lake_folder
from ..shared.output import age_text, lag_text, show_json, show_table

_OF_ACCOUNTS = ("expected_s", "down_s", "unknown_s")
_TIMES = ("expected_s", "captured_s", "quiet_s", "backfilled_s", "down_s", "unknown_s")


def run(
    instruments: Annotated[list[str] | None, typer.Argument(metavar="INSTRUMENT", help="Only these.")] = None,
    accounts: Annotated[bool, typer.Option("--accounts", help="Of account streams instead.")] = False,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Say how much of each instrument's trading time is covered, per stream and day.

    Captured: there were rows in every minute. Quiet: no rows, and no sign that any were missing. Backfilled: restored
    from IB's history. Down: missing. Unknown: after the last byte on the tape. A day is the instrument's own.
    The lag is how much later than IB's own time rows came, half of them and the most; up to 1 s of it is none.
    With --accounts, of each account stream how much of the time since it was wanted is covered.
    """
    from capture import open_lake
    from capture.account_alias import short_name

    if accounts and instruments:
        raise UsageError("--accounts is of no instrument: leave one of both away")
    with open_lake(lake_folder(data, config)) as lake:
        rows = lake.account_coverage() if accounts else lake.coverage(instruments)
    if json:
        show_json([row | {"account": short_name(row["account"] or "") or None} if accounts else row for row in rows])
        return
    if accounts:
        told = [(short_name(r["account"] or "") or "all", r["stream"],
                 "" if r["share"] is None else f"{r['share']:.2%}",
                 *(age_text(r[name]) if r[name] else "" for name in _OF_ACCOUNTS)) for r in rows]
        heads = [name.removesuffix("_s") for name in _OF_ACCOUNTS]
        show_table(("account", "stream", "share", *heads), told, ("share", *heads))
        return
    shown = [(r["symbol"], r["stream"], r["day"], "" if r["share"] is None else f"{r['share']:.2%}",
              *(age_text(r[name]) if r[name] else "" for name in _TIMES),
              lag_text(r["lag_p50_s"], r["lag_max_s"]), "; ".join(r["reasons"])) for r in rows]
    heads = [name.removesuffix("_s") for name in _TIMES]
    show_table(("symbol", "stream", "day", "share", *heads, "lag", "reasons"), shown, ("share", *heads, "lag"))
