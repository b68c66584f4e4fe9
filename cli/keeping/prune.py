"""`ticktape prune`: old rows and old tapes go, as settings or options say."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..shared.exits import UsageError
from ..shared.options import Config, Data, Json, lake_folder
from ..shared.output import say, show, show_json, show_table, size_text
from ..shared.tape_walk import walk

if TYPE_CHECKING:
    from capture.lake.layout import Layout
    from capture.lake.proof.prune import OldRows, OldTape

EPILOG = ("Words for --keep and for [retention] in ticktape.toml: the name of a table, `tables` for all that are not "
          "named, `tape`. instruments, sessions, subscriptions and gaps are kept for ever.")


def run(
    keep: Annotated[list[str] | None, typer.Option(
        metavar="WORD=DAYS", help="Keep this for so many days: trades=365. Can be repeated.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Remove old rows from tables and the old part of tapes.

    Days are those of [retention] in ticktape.toml, then those of --keep; what neither names is kept for ever. Only
    sealed dates go, whole, and only finished segments of a tape, after they were verified with all that the tables hold
    of them. What went is remembered: `verify` does not miss it, `rebuild` does not bring it back, `coverage` leaves it
    out. A running recorder prunes by itself, after sealing, if ticktape.toml has a [retention].
    """
    from capture.lake.layout import Layout
    from capture.lake.proof.prune import old_rows, old_tape

    layout, days = Layout(lake_folder(data, config)), _days(keep or [], config)
    layout.require()
    today = datetime.now(UTC).date()
    rows = old_rows(layout, days, today)
    tapes = [old for name in layout.recorders() if (old := old_tape(layout, name, days, today))]
    found = [*map(_rows_report, rows), *map(_tape_report, tapes)]
    size_bytes = sum(one["size_bytes"] for one in found)
    if not json:
        _show(found, size_bytes)
    removed = bool(found) and not dry_run and _agreed(yes, size_bytes)
    if removed:
        _prune(layout, rows, tapes)
    if json:
        show_json({"removed": removed, "size_bytes": size_bytes, "parts": found})


def _days(keep: list[str], config: Path | None) -> dict[str, int]:
    """Return days per word, from settings and options. Raises UsageError."""
    from capture.schemas import retention_fault
    from capture.wanted.settings import load_settings

    given: dict[str, int] = {}
    for text in keep:
        word, _, count = text.partition("=")
        if not count.isdecimal():
            raise UsageError(f"--keep {text!r}: write a word and a number of days, as in trades=365")
        given[word] = int(count)
    if fault := retention_fault(given):
        raise UsageError(f"--keep: {fault}")
    days = load_settings(config).retention | given
    if not days:
        raise UsageError("nothing says for how many days to keep what: say it with --keep trades=365, or in "
                         "[retention] of ticktape.toml")
    return days


def _rows_report(old: "OldRows") -> dict[str, Any]:
    return {"table": old.table, "recorder": None, "through": old.through, "files": len(old.paths),
            "size_bytes": old.size_bytes}


def _tape_report(old: "OldTape") -> dict[str, Any]:
    return {"table": None, "recorder": old.recorder, "through": old.through, "files": len(old.paths),
            "size_bytes": old.size_bytes}


def _show(found: list[dict[str, Any]], size_bytes: int) -> None:
    if not found:
        show("nothing is old enough, sealed and there")
        return
    show_table(("what", "up to", "files", "on disk"),
               [(one["table"] or f"tape of {one['recorder']}", one["through"], one["files"],
                 size_text(one["size_bytes"])) for one in found], ("files", "on disk"))
    show(f"together {size_text(size_bytes)}")


def _agreed(yes: bool, size_bytes: int) -> bool:
    if yes or not sys.stdin.isatty():
        return True
    return typer.confirm(f"remove {size_text(size_bytes)} for ever?", err=True)


def _prune(layout: "Layout", rows: list["OldRows"], tapes: list["OldTape"]) -> None:
    from capture.lake.proof.prune import prune_rows, prune_tape

    prune_rows(layout, rows)
    for old in tapes:
        took_s = walk(f"verifying {old.recorder}", prune_tape(layout, old))
        say(f"{old.recorder}: verified and pruned up to mark {old.mark} in {took_s:.1f} s")
