"""What can go wrong with a tape, each error saying where and how to fix it."""

import errno
from pathlib import Path

_FULL = {
    errno.ENOSPC: "free space on that disk, or record to another one",
    errno.EDQUOT: "free space, or raise the disk quota of this user",
    errno.EFBIG: "raise the file size limit of this process (ulimit -f), or let segments rotate sooner",
}


# What helps where a place cannot be read or written.
_HELP = {
    errno.EROFS: "it is on a disk that can only be read: name a place that can be written",
    errno.EACCES: "ask its owner, or name a place of your own",
    errno.EPERM: "ask its owner, or name a place of your own",
    errno.EISDIR: "it is a folder, and a file is needed: name another",
    errno.ENOTDIR: "a part of this path is a file, and folders are needed: name another",
    errno.EEXIST: "what is there is no folder: name another",
    errno.ENOENT: "there is no such place, nor can it be made: name another",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOSPC: "free space on that disk, or name another place",
    errno.EDQUOT: "free space, or raise the disk quota of this user",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENOMEM: "free memory, or raise the limit of this process (ulimit -v)",
}


def reason(error: OSError) -> str:
    """Return in words why something failed, and what helps where that is known."""
    help_ = _HELP.get(error.errno or 0)
    return f"{error.strerror or error}{f': {help_}' if help_ else ''}"


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
    help_ = _HELP.get(error.errno or 0, "check the disk and its permissions")
    return TapeError(f"cannot write {path} ({error.strerror or error}): {help_}")
