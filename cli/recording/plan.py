"""`ticktape plan`: what of the wanted streams an IB account allows."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..shared.options import Config, Json
from ..shared.output import show, show_json, show_table
from .record import STREAMS, blocks

if TYPE_CHECKING:
    from capture.session.plan import Plan


def run(
    instruments: Annotated[list[str] | None, typer.Argument(
        metavar="INSTRUMENT", help="What to record; without any, the [[record]] blocks of ticktape.toml.")] = None,
    streams: Annotated[str | None, typer.Option(
        metavar="WORD,…", help=f"Streams of these instruments. Default: {STREAMS}.")] = None,
    lines: Annotated[int | None, typer.Option(
        min=0, help="Market data lines of the account. Default: market_data_lines of ticktape.toml.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Say what of the wanted streams the account's market data lines allow.

    IB limits level 1 and 5-second bars, tick-by-tick, depth and history each by its own rule. What exceeds a limit is
    listed with what the recorder will do instead; nothing is ever downgraded. What IB has not, as trades of currency
    pairs, is listed too. Of accounts it says what is asked for how often, and what other clients' orders need.
    """
    from capture.session.accounts.account_plan import accounts_plan
    from capture.session.plan import make_plan
    from capture.wanted.settings import load_settings

    settings = load_settings(config, market_data_lines=lines, record=blocks(instruments or [], streams))
    plan = make_plan(settings.wanted(), settings.market_data_lines, settings.requests_per_second)
    if json:
        show_json(_values(plan) | {"accounts": accounts_plan(settings.accounts, settings.client_id)})
        return
    _show(plan)
    for line in accounts_plan(settings.accounts, settings.client_id):
        show(f"\n{line}")


def _values(plan: "Plan") -> dict[str, Any]:
    return {
        "market_data_lines": plan.lines,
        "fits": plan.fits,
        "start_s": plan.start_s,
        "limits": [{"limit": share.limit.name, "wanted": share.wanted, "allowed": share.allowed,
                    "code": share.limit.code, "misfits": share.misfits,
                    "instead": share.instead if share.misfits else None} for share in plan.shares],
        "impossible": plan.impossible,
    }


def _show(plan: "Plan") -> None:
    rows = [(share.limit.name, share.wanted, "any" if share.allowed is None else share.allowed,
             f"{len(share.misfits)} too many" if share.misfits else "fits", share.limit.rule) for share in plan.shares]
    show_table(("limit", "wanted", "allowed", "verdict", "rule"), rows, ("wanted", "allowed"))
    show(f"\nAll is requested within {max(plan.start_s, 1):.0f} s of the session's start.")
    for name, why in plan.impossible.items():
        show(f"\n{name}: {why}: it will be refused, leave it out")
    for share in plan.shares:
        if share.misfits:
            show(f"\n{share.instead}")
