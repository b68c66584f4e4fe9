"""How near accounts are to a margin call: only told where it is asked for, and by aliases."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from capture.query import LakeReader, open_reader
from capture.query.account.shown_accounts import ShownAccounts

KNOWN_DAYS = 3  # values of longer ago are none: nobody has recorded this account since
_CUSHIONS = f"""
    select account, arg_max(number, ts) as cushion, max(ts) as ts from account_values
    where tag = 'Cushion' and segment is null and model_code is null and number is not null
      and ts >= now() - interval {KNOWN_DAYS} days
    group by account order by account
"""


class AccountFigure(NamedTuple):
    """An account by its alias: `cushion` is excess liquidity over net liquidation, as of `at`, UTC."""

    account: str
    cushion: float
    at: datetime


def account_figures(data: Path) -> tuple[AccountFigure, ...]:
    """Return the figures of each account that was recorded within days. Raises LakeMissingError and QueryError."""
    with open_reader(data, LakeReader) as lake:
        shown = ShownAccounts(lake.sql, None)
        return tuple(AccountFigure(shown.name(account) or "", cushion, at)
                     for account, cushion, at in lake.sql(_CUSHIONS).rows())
