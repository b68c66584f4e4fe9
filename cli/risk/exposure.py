"""`ticktape exposure`: how much moves with a sector, a currency, an underlying, ….

Options count as the share of their underlying that moves them.
"""

from enum import StrEnum
from typing import Annotated, Any

import typer

from ..shared.options import Accounts, Config, Data, Json, lake_folder, utc_time
from ..shared.output import say, show_json, show_table
from .assumptions import At, Base, Index, Rates, interest, moment, money, tell_assumptions


class By(StrEnum):
    """By what exposure is told apart."""

    SECTOR = "sector"
    CURRENCY = "currency"
    CLASS = "class"
    UNDERLYING = "underlying"
    EXPIRY = "expiry"
    ACCOUNT = "account"


_COLUMNS = ("group", "holdings", "long", "short", "gross", "net", "beta_weighted", "without_beta", "delta",
            "gamma", "vega", "theta", "unpriced")  # fmt: skip


def run(
    by: Annotated[By, typer.Option("--by", help="What it is told by.")] = By.UNDERLYING,
    at: At = None,
    currency: Base = None,
    rates: Rates = None,
    index: Index = None,
    accounts: Accounts = None,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show exposure in the account's currency: long, short, gross, net and greeks in money, the largest first.

    delta: money for a move of 1 %; gamma: the change of that by another 1 %; vega: for a point of volatility; theta:
    for a day. Options count by IB's delta, else by that of their price. What has no price is counted as unpriced.
    """
    from capture import open_lake
    from capture.query.account.shown_accounts import ShownAccounts

    given = interest(rates)
    with open_lake(lake_folder(data, config)) as lake:
        shown = ShownAccounts(lake.sql, accounts)
        when = moment(utc_time("--at", at))
        asked: dict[str, Any] = {"accounts": shown.chosen, "base_currency": currency, "interest": given}
        held = lake.holdings(when, **asked)
        rows = lake.exposure(by, index=index, held=held).arrow().to_pylist()
    if by is By.ACCOUNT:
        rows = [{**row, "group": shown.name(row["group"]) or ""} for row in rows]
    if json:
        show_json({"at": when, "currency": held.market.base_currency, "by": by.value, "rows": rows})
        return
    tell_assumptions(held, given)
    for reason in (reason for row in rows for reason in row["reasons"]):
        say(f"ticktape: in no figure: {reason}")
    columns = [name for name in _COLUMNS if index is not None or "beta" not in name]
    heads = [name.replace("_", " ") for name in columns]
    show_table([by.value, *heads[1:]], [[_cell(row[name]) for name in columns] for row in rows], heads[1:])


def _cell(value: object) -> object:
    return money(value) if isinstance(value, float) else value
