"""What a process says, as lines for people or as JSON for programs: the setting log_format, TICKTAPE_LOG_FORMAT.

For people lines go to stderr; JSON goes to stdout, one object a line, which containers and the journal collect.
"""

import json
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime

from .printable import one_line

FORMAT = "TICKTAPE_LOG_FORMAT"  # also how processes beside a recorder hear of its setting
JSON = "json"


def is_json() -> bool:
    """Return whether this process was told to say JSON."""
    return os.environ.get(FORMAT, "") == JSON


def say_line(level: str, text: str, process: str = "ticktape", *, as_json: bool | None = None) -> None:
    """Print what a process says, where anybody listens; for people, info without its level.

    `as_json` says how, None as this process was told.
    """
    with suppress(OSError, ValueError):  # a log on a full disk, a reader that has left, a file that was closed
        if is_json() if as_json is None else as_json:
            print(json_line(level, text, process), file=sys.stdout, flush=True)
        else:
            said = f"{process}: {text}" if level == "info" else f"{process}: {level}: {text}"
            print(one_line(said), file=sys.stderr, flush=True)


def json_line(level: str, text: str, process: str) -> str:
    """Return what a process says as an object: when (ISO 8601, UTC), how bad, who, and what."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"ts": at, "level": level, "process": process, "pid": os.getpid(), "message": text})
