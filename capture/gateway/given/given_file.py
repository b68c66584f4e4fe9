"""A text file that a user gives to the gateway: its text, or a refusal that says what helps."""

from pathlib import Path

from capture.text_file import UnreadableTextError
from capture.text_file import read_text as read


class GivenFileError(ValueError):
    """A file that a user gave is wrong; the text names file, line and key, what is wrong and what is allowed."""


def read_text(path: Path, what: str) -> str:
    """Return the text of a file of `what`. Raises GivenFileError."""
    try:
        return read(path)
    except FileNotFoundError:
        raise GivenFileError(f"{path} does not exist: name the file of {what}") from None
    except UnreadableTextError as error:
        raise GivenFileError(str(error)) from None
