"""What processes that were killed left in a lake: files half written, and folders in which they sorted (D81)."""

import shutil
from pathlib import Path

from capture.data_folder import SEALED
from capture.publish import sweep, temporary_of
from capture.schemas import TABLES

from .archive import SORT_PREFIX
from .layout import Layout, archive_marks, day_folders


def sweep_lake(layout: Layout) -> None:
    """Remove what killed processes left beside the files of a lake; only for who holds the sealer's lock.

    What sealing left goes at once, as nobody else sorts; other half-written files once they are an hour old.
    """
    for folder in (folder for table in TABLES for folder in day_folders(layout.archive(table)).values()):
        for path in folder.iterdir():
            if path.name.startswith(SORT_PREFIX):
                shutil.rmtree(path, ignore_errors=True)
            elif _is_sorted(path):
                path.unlink(missing_ok=True)
    live = [folder for table in TABLES for folder in day_folders(layout.live(table)).values()]
    archive = [folder for table in TABLES for folder in day_folders(layout.archive(table)).values()]
    for folder in (layout.root, layout.root / SEALED, *live, *archive):
        sweep(folder)


def _is_sorted(path: Path) -> bool:
    """Return whether a file is a half-written one of several marks: rolling writes only such of one mark."""
    name = temporary_of(path)
    marks = archive_marks(path.with_name(name)) if name else None
    return marks is not None and marks[1] < marks[2]
