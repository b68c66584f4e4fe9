"""What the commands about risk have in common: the moment, currencies, interest rates, and what is assumed."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..shared.exits import UsageError
from ..shared.output import say, show_table

if TYPE_CHECKING:
    from capture.query.account.shown_accounts import ShownAccounts
    from capture.query.held.portfolio import Portfolio

At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="As of this time, UTC. Default: now.")]
Base = Annotated[str | None, typer.Option(
    "--currency", metavar="CURRENCY", help="In this currency. Default: the account's own.")]
Rates = Annotated[list[str] | None, typer.Option(
    "--rate", metavar="CURRENCY=RATE", help="Interest a year as a fraction, USD=0.0375. Default: 0.04 for all.")]
Index = Annotated[str | None, typer.Option(
    "--index", metavar="INSTRUMENT", help="What betas are measured against, by its recorded bars.")]

_CURRENCY = re.compile("[A-Z]{3}")


def interest(given: Iterable[str] | None) -> dict[str, float]:
    """Return interest rates by currency, of words such as USD=0.0375. Raises UsageError."""
    found = {}
    for word in given or ():
        currency, _, number = word.partition("=")
        try:
            rate = float(number)
        except ValueError:
            rate = None
        if rate is None or not _CURRENCY.fullmatch(currency):
            raise UsageError(f"--rate {word}: write a currency and a fraction, such as USD=0.0375")
        found[currency] = rate
    return found


def moment(at: datetime | None) -> datetime:
    """Return a moment, now for None."""
    return at or datetime.now(UTC)


def tell_assumptions(held: "Portfolio", given: dict[str, float]) -> None:
    """Say on stderr what a figure rests on that nobody said, what was said in vain, and whose positions are unknown."""
    from capture.risk.valuation import money_currency

    assumed = sorted({currency for currency in held.market.interest if currency not in given})
    if assumed and any(holding.is_option for holding in held.holdings):
        rate = held.market.interest[assumed[0]]
        say(f"ticktape: interest of {', '.join(assumed)} is taken to be {rate} a year: --rate {assumed[0]}=… says it")
    currencies = {money_currency(holding) for holding in held.holdings}
    if unused := sorted(given.keys() - currencies):
        say(f"ticktape: --rate of {', '.join(unused)} changes nothing: what is held is in "
            f"{', '.join(sorted(currencies)) or 'no currency'}")
    if held.unknown:
        say(f"ticktape: IB has not said what {len(held.unknown)} account(s) hold: they are in no figure")
    if held.stale:
        say("ticktape: the positions are those of before the line was lost; `ticktape status` says more")


def money(amount: float) -> str:
    """Return an amount in whole units, never -0; empty where it is none."""
    return f"{round(amount) + 0:,}" if isfinite(amount) else ""


def show_unpriced(rows: Sequence[dict[str, Any]], shown: "ShownAccounts") -> None:
    """Print what is in no figure, whose it is, and why."""
    if rows:
        say(f"ticktape: {len(rows)} position(s) are in no figure:")
        show_table(("account", "symbol", "kind", "position", "why"),
                   [(row["account"], row["symbol"], row["security_type"], row["position"], row["reason"])
                    for row in shown.rows(rows)], ("position",))  # fmt: skip
