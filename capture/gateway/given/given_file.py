"""A text file that a user gives: read whole, or refused with what helps."""

from pathlib import Path

from capture.reason import reason


class GivenFileError(ValueError):
    """A file that a user gave is wrong; the text names file, line and key, what is wrong and what is allowed."""


def read_text(path: Path, what: str) -> str:
    """Return the text of a file of `what`. Raises GivenFileError."""
    try:
        return path.read_text("utf-8-sig")  # some editors begin a file with a mark of UTF-8
    except FileNotFoundError:
        raise GivenFileError(f"{path} does not exist: name the file of {what}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise GivenFileError(f"{path} line {line} is not UTF-8: save the file in that encoding") from None
    except OSError as error:
        raise GivenFileError(f"{path} cannot be read: {reason(error)}") from None
