"""`ticktape status`: what is being recorded right now, and what is wrong."""

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from capture.printable import one_line

from ..shared.exits import Exit, UsageError
from ..shared.options import Config, Data, Json, lake_folder
from ..shared.output import age_text, lag_text, nameless_text, show, show_json, show_table, size_text

if TYPE_CHECKING:
    from capture.trouble import Trouble
    from capture.watch.condition import Condition


class Least(StrEnum):
    """From which severity on a trouble counts."""

    ALARM = "alarm"
    WARNING = "warning"


def run(
    data: Data = None,
    config: Config = None,
    check: Annotated[bool, typer.Option("--check", help="Print one line, and exit with 1 unless all is well.")] = False,
    least: Annotated[Least | None, typer.Option(
        help="With --check: what counts as trouble; alarm leaves warnings out. Default: warning.")] = None,
    json: Json = False,
) -> None:
    """Show what is being recorded right now, and what is wrong.

    Of every recorder in a data folder: its state, how many streams are wanted, acknowledged by IB and flowing,
    each stream with its rate and the age of its last row, how far its roller is behind, and how many rows name no
    instrument, which is a fault of ticktape; then the archive, whose files a running recorder reads once in 30 days,
    and the disk. At the end each trouble, with its cause and what helps, and how it is: well, in trouble, or unknown
    while a recorder starts. A stream is wanted, requested, acknowledged, flowing, silent
    against expectation, or refused. Of accounts each stream is unknown, empty by IB's word, or has rows. Rates are of
    the last seconds.
    The lag is how much later than IB's own time rows came in the last minute, half of them and the most: IB gives whole
    seconds, so up to 1 s of it is none. From 5 s on it is a warning, but for delayed data.
    With --check, for health checks: one line, and the exit code is 0 where all is well, also while a line is lost in a
    restart window; else it is 1.
    """
    from capture.watch.condition import look

    if least and not check:
        raise UsageError("--least is for --check")
    folder = lake_folder(data, config)
    found = look(folder)
    if check:
        _check(found, least or Least.WARNING, json)
    if json:
        show_json(_values(found))
        return
    for recorder in found.recorders:
        _show(recorder)
    _show_archive(found.lake["archive"])
    disk = found.lake["disk"]
    show(f"disk: {size_text(disk['used_bytes'])} used by {folder}, {size_text(disk['free_bytes'])} free")
    _show_verdict(found)


def _values(found: "Condition") -> dict[str, Any]:
    return {"data": found.data.absolute(), "verdict": str(found.verdict), "line": found.line,
            "troubles": [asdict(one) for one in found.troubles], **found.lake, "recorders": found.recorders}


def _check(found: "Condition", least: Least, json: bool) -> NoReturn:
    """Print one line on how it is, and end with the exit code for health checks."""
    from capture.trouble import Severity

    verdict, line = found.judged(Severity(least.value))
    if json:
        show_json({"verdict": str(verdict), "line": line})
    else:
        show(f"{verdict}: {line}")
    raise typer.Exit(Exit.DONE if verdict == "well" else Exit.FAILED)


def _show_archive(found: dict[str, Any]) -> None:
    if found["files"]:
        read = found["files"] - found["not_read_yet"]
        since = f"{read:,} of them read since {found['read_since']:%Y-%m-%d}" if read else "none read yet"
        show(f"archive: {found['files']:,} files, {since}")


def _show(recorder: dict[str, Any]) -> None:
    show(f"{recorder['recorder']}: {recorder['condition']}", end="")
    if "pid" in recorder:
        show(f" · process {recorder['pid']} · {recorder['host']}:{recorder['port']} client {recorder['client_id']}"
              f" · {recorder['frames']:,} frames on {size_text(recorder['tape_bytes'])} of tape"
              f" · as of {age_text(recorder['said_s'])} ago", end="")
    show(f"\nroller: {behind_text(recorder)}")
    if recorder["rows_without_instrument"]:
        show(nameless_text(recorder["rows_without_instrument"]))
    if "wanted" in recorder:
        show(f"streams: {recorder['wanted']} wanted, {recorder['acknowledged']} acknowledged, "
              f"{recorder['flowing']} flowing")
    streams = [(s["instrument"], s["symbol"], s["word"], s["state"], f"{s['rows_per_second']:,.1f}",
                age_text(s["last_row_age_s"]), lag_text(s["lag_p50_s"], s["lag_max_s"]),
                s["message"].partition("\n")[0])
               for s in recorder["streams"]]
    if streams:
        show_table(("instrument", "symbol", "stream", "state", "rows/s", "last row", "lag", "message"), streams,
                   ("rows/s", "last row", "lag"))
    _show_accounts(recorder)
    show()


def _show_accounts(recorder: dict[str, Any]) -> None:
    """Show what is known of each account stream; by the state, nothing, that there is nothing, or rows."""
    rows = [(s["account"] or "all", s["stream"], s["state"], f"{s['rows']:,}", age_text(s["last_row_age_s"]),
             s["positions"] or "", s["message"].partition("\n")[0]) for s in recorder["accounts"]]
    if rows:
        show_table(("account", "stream", "state", "rows", "last told", "positions", "message"), rows,
                   ("rows", "last told", "positions"))


def _show_verdict(found: "Condition") -> None:
    """Show each trouble, and what helps; those of the same kind and cause together."""
    told: dict[tuple[str, ...], list[Trouble]] = {}
    for one in found.told:
        told.setdefault((one.severity, one.kind, one.cause, one.remedy), []).append(one)
    for (severity, _, cause, remedy), troubles in told.items():
        since = min((one.since for one in troubles if one.since), default=None)
        when = f" since {since:%Y-%m-%d %H:%M:%S} UTC" if since else ""
        show(one_line(f"{severity}: {', '.join(one.name for one in troubles)}: {cause}{when}; {remedy}"))
    if within := len(found.troubles) - len(found.told):
        show(f"{within} more troubles follow from these, see --json")
    show(f"{found.verdict}: {found.line}" if found.verdict != "trouble" else "trouble: see above")


def behind_text(recorder: dict[str, Any]) -> str:
    """Return in words how far a recorder's roller is behind."""
    if not recorder["behind_marks"]:
        return "up to date"
    since = age_text(recorder["behind_s"])
    return f"{recorder['behind_marks']} marks behind" + (f", last rolled {since} ago" if since else "")
