"""`ticktape gaps`: times in which wanted data did not arrive, and what became of them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..shared.options import Config, Data, Json, lake_folder, utc_time
from ..shared.output import age_text, show_json, show_table

if TYPE_CHECKING:
    from capture import Lake

Instruments = Annotated[list[str] | None, typer.Argument(metavar="INSTRUMENT", help="Only these instruments.")]
StreamOption = Annotated[str | None, typer.Option(help="Only this stream, as the tables name it: all_last, quotes.")]
Since = Annotated[str | None, typer.Option("--from", metavar="TIME", help="Only gaps that end after this time, UTC.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Only gaps that begin before this, UTC.")]

_TO_THE_SECOND = "%Y-%m-%d %H:%M:%S"


def run(
    instruments: Instruments = None,
    stream: StreamOption = None,
    open_only: Annotated[bool, typer.Option("--open", help="Only gaps that still last.")] = False,
    since: Since = None,
    until: Until = None,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """List gaps: instrument, stream, from, to, why, and how they stand.

    A gap lasts from the last moment its stream was known to be whole to the first row after it. Account streams have
    gaps of each account, by the names of other commands: account 1. With --json times are to the microsecond.
    """
    from capture import open_lake

    first, last = utc_time("--from", since), utc_time("--until", until)
    with open_lake(lake_folder(data, config)) as lake:
        found = lake.gaps(instruments, first, last, stream=stream, open_only=open_only).arrow().to_pylist()
        found = _with_accounts(lake, found)
    if json:
        show_json(found)
        return
    rows = [(_of(g), g["stream"], f"{g['from_ts']:{_TO_THE_SECOND}}", _end(g), age_text(g["lasted_s"]), g["state"],
             _why(g)) for g in found]  # fmt: skip
    head = "symbol, account" if any(gap["account"] for gap in found) else "symbol"
    show_table((head, "stream", "from (UTC)", "to", "lasted", "state", "reason"), rows, ("lasted",), last_below=True)


def _with_accounts(lake: "Lake", gaps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return gaps with the account that each is of, as commands show it; None for those of no account, or of all."""
    from capture.query.account.shown_accounts import ShownAccounts
    from capture.wire.messages.account_requests import ACCOUNT_STREAMS

    if not any(gap["stream"] in ACCOUNT_STREAMS for gap in gaps):
        return [{**gap, "account": None} for gap in gaps]
    shown = ShownAccounts(lake.sql, None)
    of = dict(lake.sql("select distinct gap_id, account from gaps where account is not null").rows())
    return [{**gap, "account": shown.name(of.get(gap["gap_id"]))} for gap in gaps]


def _of(gap: dict[str, Any]) -> str:
    return ", ".join(word for word in (gap["symbol"], gap["account"]) if word)


def _end(gap: dict[str, Any]) -> str:
    """Return when a gap ended, of another day than it began with its date, so that a row has room in 80 columns."""
    if gap["to_ts"] is None:
        return ""
    return f"{gap['to_ts']:%H:%M:%S}" if gap["from_ts"].date() == gap["to_ts"].date() else f"{gap['to_ts']:%m-%d %H:%M}"


def _why(gap: dict[str, Any]) -> str:
    code = "" if gap["code"] is None else f"{gap['code']}: "
    restored = f"; {gap['rows_restored']:,} rows restored" if gap["rows_restored"] else ""
    return f"{code}{gap['reason']}{restored}"
