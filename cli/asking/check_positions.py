"""`ticktape check-positions`: what IB says of positions and profits against what follows from fills."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from ..shared.exits import Exit
from ..shared.options import Accounts, Config, Data, Json, lake_folder, utc_time
from ..shared.output import say, show, show_json, show_table

At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="As of this time, UTC. Default: now.")]

_NUMBERS = ("ib", "ours", "difference")


def run(
    at: At = None,
    accounts: Accounts = None,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Compare positions, costs and profits that IB says with those that follow from fills.

    Also whether what an account is worth is the sum of its parts, and changed in a day by no more than is explained;
    what is held though it expired; and what was defined anew. Each difference is named, and nothing is corrected.
    Ends with 3 where there is a difference that does not go by itself: not a lag of seconds, a commission that is not
    reported yet, cash that moved, or a cost from before the recording began. Ends with 1 where nothing could be
    compared.
    """
    from capture import open_lake
    from capture.lake.layout import Layout
    from capture.query.account.reconciliation import reconcile
    from capture.query.account.shown_accounts import ShownAccounts
    from capture.watch.audit import note_audit

    moment = utc_time("--at", at) or datetime.now(UTC)
    with open_lake(lake_folder(data, config)) as lake:
        found = reconcile(lake, ShownAccounts(lake.sql, accounts), moment)
    if at is None and accounts is None:
        note_audit(Layout(lake_folder(data, config)), found)
    if json:
        show_json({"at": moment, "compared": found.compared, "not_known": found.not_known,
                   "differences": found.differences})  # fmt: skip
    else:
        rows = [(row["account"], row["symbol"], row["kind"].replace("_", " "),
                 *(None if row[name] is None else f"{row[name]:.10g}" for name in _NUMBERS), row["why"], row["detail"])
                for row in found.differences]  # fmt: skip
        show_table(("account", "symbol", "of", "IB", *_NUMBERS[1:], "why", "detail"), rows, ("IB", *_NUMBERS[1:]))
        show(f"{found.compared} positions compared, {len(found.not_known)} not known to be as IB said last")
    if found.is_empty:
        say("ticktape: nothing was compared, as IB's positions are not known as of then: --at names another moment, "
            "and `ticktape status` says what is wrong")
        raise typer.Exit(Exit.FAILED)
    raise typer.Exit(Exit.LOST if found.lasting else Exit.DONE)
