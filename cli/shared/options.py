"""Options that several verbs share."""

import re
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .exits import UsageError

Data = Annotated[Path | None, typer.Option("--data", metavar="FOLDER", help="Folder of the lake.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

Accounts = Annotated[str | None, typer.Option(
    metavar="NAMES", help="Only these accounts, by name; all: every one. Otherwise numbers are left out.")]

Host = Annotated[str | None, typer.Option(help="Where TWS or IB Gateway runs.")]
Port = Annotated[int | None, typer.Option(help="Its API port.")]
ClientId = Annotated[int | None, typer.Option(help="API client id.")]
DataToWrite = Annotated[Path | None, typer.Option("--data", metavar="FOLDER", help="Folder for tape and tables.")]
Config = Annotated[Path | None, typer.Option(metavar="FILE", help="Settings. Default: ticktape.toml.")]


def span_s(text: str) -> float:
    """Return a length of time in seconds: 14, 14s, 90min, 2h, 1d. Raises typer.BadParameter for what is none."""
    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+) *(s|min|h|d)?", str(text).strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no length of time: write 14, 14s, 90min, 2h or 1d")
    return float(found[1]) * _UNITS_S[found[2] or "s"]


_UNITS_S = {"s": 1.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}
_LENGTH = "14 (seconds), 14s, 90min, 2h."

ForSeconds = Annotated[float | None, typer.Option(
    "--for", parser=span_s, metavar="LENGTH", help=f"Stop after so long: {_LENGTH}")]


class PlayedBy(StrEnum):
    """By what time a replay plays what came late."""

    ARRIVAL = "arrival"
    EVENT = "event"


def lake_folder(given: Path | None, config: Path | None = None) -> Path:
    """Return the folder to read: the one given, or the one that a recorder with these settings writes to."""
    if given is not None and config is None:
        return given
    from capture.wanted.settings import data_folder

    named = data_folder(config)
    return named if given is None else given


def utc_time(option: str, text: str | None) -> datetime | None:
    """Return the time that an option gives, UTC where it names no zone, of a date its midnight; None for none.

    Raises UsageError for what is no time.
    """
    if text is None:
        return None
    try:
        given = datetime.fromisoformat(text)
        return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{option} {text} is no time: write 2026-11-20T14:30 (UTC), 2026-11-20T09:30-05:00, "
                         "or a date, 2026-11-20") from None
