"""What can go wrong with a tape, each error saying where and how to fix it."""

import errno
from pathlib import Path

from capture.reason import HELP

_FULL = {
    errno.ENOSPC: "free space on that disk, or record to another one",
    errno.EDQUOT: "free space, or raise the disk quota of this user",
    errno.EFBIG: "raise the file size limit of this process (ulimit -f), or let segments rotate sooner",
}


class TapeError(OSError):
    """A tape cannot be written or read."""


class TapeFull(TapeError):  # noqa: N818 - named for the state, as BlockingIOError is
    """There was no room for a record: it is not on the tape, and the tape still ends with a whole record."""


class RecorderBusy(TapeError):  # noqa: N818 - named for the state, as BlockingIOError is
    """Another process is writing this recorder's tape."""


class MarkMissing(TapeError):  # noqa: N818 - named for the state, as BlockingIOError is
    """The tape does not hold the mark from which it was to be read."""


def write_error(error: OSError, path: Path) -> TapeError:
    """Return the project error for a failed write to `path`: `TapeFull` where there was no room."""
    fix = _FULL.get(error.errno or 0)
    if fix:
        return TapeFull(f"no room for the next record of {path} ({error.strerror}): {fix}")
    help_ = HELP.get(error.errno or 0, "check the disk and its permissions")
    return TapeError(f"cannot write {path} ({error.strerror or error}): {help_}")
