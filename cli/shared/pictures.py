"""Pictures to files: the form by the name, nothing written over unasked."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .exits import UsageError
from .surroundings import PICTURE_MIB, lacking

if TYPE_CHECKING:
    from capture.plot import Format


def picture_format(output: Path | None) -> "Format":
    """Return the form that a file's name asks for, PNG without one. Raises UsageError."""
    from capture.plot import Format

    ending = output.suffix.removeprefix(".").lower() if output else Format.PNG.value
    if ending not in list(Format):
        raise UsageError(f"{output} does not end like a picture: write .{', .'.join(Format)}")
    return Format(ending)


def check_picture(output: Path | None, force: bool) -> None:
    """Raise UsageError for a file that is there, unless it may be written over, and where there is no room to draw."""
    from capture.query import QueryError

    if output is not None and output.exists() and not force:
        raise UsageError(f"{output} is there already: write over it with --force, or name another file with -o")
    if lack := lacking(PICTURE_MIB):
        raise QueryError(lack)


def write_picture(chart: Any, path: Path, force: bool) -> None:
    """Write a chart to a file, and make its folder. Raises UsageError, and OSError that names the file."""
    from capture.plot import save
    from capture.publish import make_folder

    check_picture(path, force)
    try:
        make_folder(path.absolute().parent)
        save(chart, path, picture_format(path))
    except OSError as error:
        error.filename = str(path)  # not that of the temporary file
        raise
