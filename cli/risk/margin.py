"""`ticktape margin`: margin estimated, beside what IB says."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..shared.exits import UsageError
from ..shared.options import Accounts, Config, Data, Json, lake_folder, span_s, utc_time
from ..shared.output import say, show, show_json, show_table
from .assumptions import At, Base, Rates, interest, moment, money, show_unpriced, tell_assumptions

if TYPE_CHECKING:
    from capture import Lake
    from capture.query.held.risk_questions import Margin

MOST_MOMENTS = 1_000
Over = Annotated[str | None, typer.Option("--over", metavar="LENGTH", help="Also of so long before: 30min, 2h, 1d.")]
Every = Annotated[str, typer.Option("--every", metavar="LENGTH", help="With --over: how often.")]


def run(
    at: At = None,
    over: Over = None,
    every: Every = "1h",
    figures: Annotated[Path | None, typer.Option(
        "--figures", metavar="FILE", help="Margin figures of your own, in TOML: see docs/risk.md.")] = None,
    value_at_risk: Annotated[bool, typer.Option(
        "--value-at-risk", help="Also value at risk and expected shortfall, by recorded bars.")] = False,
    currency: Base = None,
    rates: Rates = None,
    accounts: Accounts = None,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show portfolio margin by TIMS and SPAN, estimated, beside what IB requires; with --over also in the time before.

    An estimate: the broker has figures of its own that it does not publish. What cannot be priced is listed.
    """
    from capture import open_lake
    from capture.query.account.shown_accounts import ShownAccounts
    from capture.risk.revaluation import unpriced_table
    from capture.risk.risk_error import RiskError

    given, when = interest(rates), moment(utc_time("--at", at))
    moments = _moments(when, span_s(over) if over else 0.0, span_s(every))
    try:
        own = _figures(figures)
        with open_lake(lake_folder(data, config)) as lake:
            shown = ShownAccounts(lake.sql, accounts)
            asked: dict[str, Any] = {"accounts": shown.chosen, "base_currency": currency, "interest": given}
            found = _margins(lake, moments, figures=own, **asked)
            held = lake.holdings(when, **asked)
            tail = lake.value_at_risk(when, **asked) if value_at_risk else None
    except RiskError as error:
        raise UsageError(str(error)) from None
    _tell_left_out(len(moments) - len(found), len(moments))
    if json:
        show_json({"margin": [_row(one) for one in found],
                   "classes": _without_account(found[-1].portfolio.table().to_pylist()),
                   "commodities": found[-1].span.table().to_pylist(),
                   "value_at_risk": tail and tail.table().to_pylist()})  # fmt: skip
        return
    tell_assumptions(held, given)
    heads = ("time (UTC)", "initial", "IB's", "maintenance", "IB's ", "bound by")
    show_table(heads, [_cells(one) for one in found], heads[1:5])
    _show_parts(found[-1])
    if tail is not None:
        show()
        show_table(("confidence", "value at risk", "expected shortfall", "days", "of few days"),
                   [(f"{row.confidence:.1%}", money(row.value_at_risk), money(row.expected_shortfall), row.days,
                     row.label) for row in tail.rows], ("value at risk", "expected shortfall", "days"))  # fmt: skip
    unpriced = (*found[-1].portfolio.unpriced, *found[-1].span.unpriced, *(tail.unpriced if tail else ()))
    show_unpriced(unpriced_table(unpriced).to_pylist(), shown)
    say(f"ticktape: {found[-1].portfolio.note}")


def _figures(path: Path | None) -> Any:
    """Return a user's own margin figures. Raises UsageError and RiskError."""
    from capture.risk.margin.margin_file import read_margin_file
    from capture.text_file import UnreadableTextError, read_text

    if path is None:
        return None
    try:
        return read_margin_file(read_text(path), str(path))
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist: docs/risk.md says what may be in it") from None
    except UnreadableTextError as error:
        raise UsageError(str(error)) from None


def _moments(last: datetime, over_s: float, every_s: float) -> list[datetime]:
    """Return the moments to look at, the last one always. Raises UsageError for too many."""
    count = int(over_s / every_s) if every_s else MOST_MOMENTS
    if count >= MOST_MOMENTS:
        raise UsageError(f"--over is more than {MOST_MOMENTS:,} times --every: ask for a shorter time, or less often")
    return [last - timedelta(seconds=number * every_s) for number in range(count, -1, -1)]


def _margins(lake: "Lake", moments: Sequence[datetime], **asked: Any) -> list["Margin"]:
    """Return the margin at each moment, from where on accounts were recorded. Raises QueryError where none was."""
    from capture.query.answer import NotYetRecordedError

    found = []
    for at in moments:
        try:
            found.append(lake.margin(at, **asked))
        except NotYetRecordedError:
            if at == moments[-1]:
                raise
    return found


def _tell_left_out(left_out: int, of: int) -> None:
    if left_out:
        say(f"ticktape: {left_out:,} of {of:,} moments are left out: nothing of accounts was recorded by then")


def _row(one: "Margin") -> dict[str, Any]:
    return {"at": one.at, "currency": one.portfolio.currency, "initial": one.initial, "maintenance": one.maintenance,
            "portfolio_initial": one.portfolio.initial, "portfolio_maintenance": one.portfolio.maintenance,
            "span_initial": one.span.initial, "span_maintenance": one.span.maintenance,
            "bound_by": one.portfolio.bound_by, "told": one.told, "told_age_s": one.told_age_s,
            "unpriced": len(one.portfolio.unpriced) + len(one.span.unpriced), "note": one.portfolio.note}  # fmt: skip


def _cells(one: "Margin") -> list[Any]:
    told = {tag: "" if number is None else money(number) for tag, number in one.told.items()}
    return [f"{one.at:%Y-%m-%d %H:%M:%S}", money(one.initial), told["InitMarginReq"], money(one.maintenance),
            told["MaintMarginReq"], one.portfolio.bound_by]  # fmt: skip


def _show_parts(one: "Margin") -> None:
    classes = [(row.name, row.place.kind, row.part().requirement) for row in one.portfolio.classes]
    rows = [*classes, *((row.name, "SPAN", row.requirement) for row in one.span.commodities)]
    if rows:
        show()
        show_table(("class", "kind", "by itself"), [(name, kind, money(amount)) for name, kind, amount in rows],
                   ("by itself",))  # fmt: skip


def _without_account(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "account"} for row in rows]
