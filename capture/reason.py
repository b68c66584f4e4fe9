"""What an error of the system means for a user: why something failed, and what helps."""

import errno
import traceback
from pathlib import Path

# What helps where a place cannot be read or written.
HELP = {
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
    help_ = HELP.get(error.errno or 0)
    return f"{error.strerror or error}{f': {help_}' if help_ else ''}"


def fault(error: BaseException) -> str:
    """Return in words an error that is a fault of ours, with the line of code that raised it, for who reports it."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else "nowhere"
    return f"a fault of ticktape itself in {place}, to be reported: {type(error).__name__}: {error}"
