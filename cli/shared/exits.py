"""Exit codes: what a command's end tells the shell, and which error gives which."""

import os
from enum import IntEnum
from pathlib import Path


class Exit(IntEnum):
    """An exit code, and its `meaning` in words."""

    DONE = 0, "done"
    FAILED = 1, "failed: no lake, wrong SQL, no gateway, a disk that cannot be written"
    USAGE = 2, "wrong usage or settings: an unknown option, a mistake in ticktape.toml, an instrument that is no word"
    LOST = 3, "finished, but something wanted was lost or refused, or what should agree does not"

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "Exit":
        """Make a member of a code and its meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member


class UsageError(ValueError):
    """The command was asked for something it cannot mean; the text says what is allowed."""


def explain(error: Exception) -> tuple[Exit, str] | None:
    """Return the exit code and the text for an error that is no fault of ours; None for one that is."""
    if isinstance(error, MemoryError):
        return Exit.FAILED, "there is not enough memory: ask for less, such as a shorter time, or free some"
    if isinstance(error, UnicodeEncodeError):  # a text that no file and no engine takes
        return Exit.FAILED, (f"{error.object[:80]!a} holds what is no UTF-8, from character {error.start + 1} on: "
                             "rename the file or folder, or name another")
    # Loaded here: an error may take its time, a command should not.
    import duckdb

    from capture.gateway.given import GivenFileError
    from capture.gateway.kept import JournalError
    from capture.query import AskedError, NotOneQueryError, QueryError
    from capture.reason import reason
    from capture.wanted.instrument import InstrumentError
    from capture.wanted.settings import SettingsError
    from capture.wanted.streams import StreamError

    usage = UsageError | SettingsError | InstrumentError | StreamError | NotOneQueryError | AskedError | GivenFileError
    if isinstance(error, usage):
        return Exit.USAGE, str(error)
    if isinstance(error, QueryError | JournalError | duckdb.Error):
        return Exit.FAILED, str(error)
    if isinstance(error, OSError):
        # A plain one of Python begins with its number; ours are sentences.
        return Exit.FAILED, f"{_place(error)}{reason(error)}" if error.strerror else str(error)
    return None


def _place(error: OSError) -> str:
    """Return the file that an error is about, and not the temporary one that was to become it."""
    from capture.publish import temporary_of

    if not isinstance(error.filename, str | os.PathLike):
        return ""
    path = Path(error.filename)
    return f"{path.with_name(temporary_of(path) or path.name)}: "
