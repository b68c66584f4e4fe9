"""Reads a text file that a user wrote: the whole text, or a sentence that says what is wrong and what helps."""

from pathlib import Path

from .reason import reason


class UnreadableTextError(ValueError):
    """A file is there and its text cannot be had; the text of the error says why, and what helps."""


def read_text(path: Path) -> str:
    """Return the text of a file. Raises FileNotFoundError, and UnreadableTextError for any other reason."""
    try:
        return path.read_text("utf-8-sig")  # some editors begin a file with a mark of UTF-8
    except FileNotFoundError:
        raise
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UnreadableTextError(f"{path} line {line} is not UTF-8: save the file in that encoding") from None
    except OSError as error:
        raise UnreadableTextError(f"{path} cannot be read: {reason(error)}") from None
