"""`ticktape account`: what accounts are worth and hold, as of now or of a moment before."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ..shared.options import Accounts, Config, Data, Json, lake_folder, utc_time
from ..shared.output import age_text, say, show, show_json, show_table

At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="As of this time, UTC. Default: now.")]


def run(
    at: At = None,
    all_values: Annotated[bool, typer.Option("--all-values", help="Every value that IB sends.")] = False,
    accounts: Accounts = None,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show values, cash by currency, margin and profits of accounts, and their positions with value and age.

    Known: as of that moment. Stale: IB said so, and since then the line or the request was lost. Empty: IB said that
    there is no position. Unknown: IB has not answered, which does not mean that there is none.
    """
    from capture import open_lake
    from capture.query.account.shown_accounts import ShownAccounts, first_told
    from capture.query.account.shown_figures import FIGURES

    moment = utc_time("--at", at) or datetime.now(UTC)
    with open_lake(lake_folder(data, config)) as lake:
        shown = ShownAccounts(lake.sql, accounts)
        values = shown.rows(lake.account(moment, accounts=shown.chosen).arrow().to_pylist())
        positions = shown.rows(lake.positions(moment, accounts=shown.chosen).arrow().to_pylist())
        first = None if values or any(row["account"] for row in positions) else first_told(lake.sql)
    if first is not None:
        say(f"ticktape: nothing of accounts was recorded by {moment:%Y-%m-%d %H:%M:%S} UTC: what is known of them "
            f"begins at {first:%Y-%m-%d %H:%M:%S}, for --at")
    if json:
        show_json({"at": moment, "values": values, "positions": positions})
        return
    _show_values([row for row in values if all_values or (row["tag"] in FIGURES and row["segment"] is None)], FIGURES)
    show()
    _show_positions([row for row in positions if row["position"] != 0])

NOT_YET_REMOVED = "expired, not yet removed"


def _show_values(values: list[dict[str, Any]], first: Sequence[str]) -> None:
    place = {tag: number for number, tag in enumerate(first)}
    ordered = sorted(values, key=lambda row: (row["account"] or "", place.get(row["tag"], len(place))))
    rows = [(row["account"], row["model_code"], row["tag"], row["segment"], row["currency"], row["value"], row["state"],
             age_text(row["age_s"])) for row in ordered]
    show_table(("account", "model", "value", "segment", "currency", "amount", "state", "age"), rows, ("amount",))


def _show_positions(positions: list[dict[str, Any]]) -> None:
    names = ("position", "average_cost", "market_price", "market_value", "unrealized")
    rows = [(row["account"], row["model_code"], row["symbol"], row["currency"], *(row[name] for name in names),
             NOT_YET_REMOVED if row["expired_ts"] else row["state"], "yes" if row["complete"] else "no",
             age_text(row["age_s"])) for row in positions]  # fmt: skip
    heads = [name.replace("_", " ") for name in names]
    show_table(("account", "model", "symbol", "currency", *heads, "state", "all listed", "age"), rows, heads)
