"""Where an export is written before it is there: beside its place, to appear whole or not at all (D112, D113)."""

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from capture.publish import OPEN, make_folder, sync_path

FILE_MODE, PERSONAL_MODE = 0o644, 0o600  # the second of what says something of an account


class ExistsError(FileExistsError):
    """Something is where the export would be written; the text says what, and what to do."""


class Stage:
    """A folder for the files of an export that will be `path`: one file, or a folder of files.

    Files with `personal` rows are their owner's alone.
    """

    def __init__(self, path: Path, *, folder: bool, force: bool, personal: bool = False) -> None:
        self.path, self._is_folder, self._force = path, folder, force
        self._mode = PERSONAL_MODE if personal else FILE_MODE
        self._added: list[Path] = []  # by publishing
        self.root = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self.spill = path.with_name(f".{path.name}.spill.{os.getpid()}.tmp")  # for what does not fit into memory

    def check(self) -> None:
        """Raise ExistsError where a file, or what is of another kind, is in the way."""
        self._check_kind()
        if not self._is_folder and self.path.exists() and not self._force:
            raise ExistsError(f"{self.path} is there already: choose another name, or replace it with --force")

    @contextmanager
    def open(self) -> Iterator[Path]:
        """Make the folder to write into; it is removed at the end, whatever happened."""
        make_folder(self.path.parent)
        for leftover in self.path.parent.glob(f".{escape(self.path.name)}.*.tmp"):
            if not _runs(leftover):
                _remove(leftover)  # it was killed
        self.root.mkdir()
        try:
            yield self.root
        finally:
            for folder in (self.root, self.spill):
                shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def published(self, replaced: Collection[Path] = ()) -> Iterator[None]:
        """Publish, and take back what was not there before where that, or the rest of the export, fails."""
        try:
            self.publish(replaced)
            yield
        except BaseException:
            for path in self._added:
                _remove(path)
            raise

    def publish(self, replaced: Collection[Path] = ()) -> None:
        """Move all files into their places; into a folder that is there beside what is in it.

        Raises ExistsError, having moved nothing, where one of them is there and may not be replaced; those `replaced`,
        relative to the folder, may.
        """
        self._check_kind()
        files = sorted(path for path in self.root.rglob("*") if path.is_file())
        for file in files:
            file.chmod(self._mode)
            sync_path(file)
        for folder in (*(path for path in self.root.rglob("*") if path.is_dir()), self.root):
            folder.chmod(OPEN)
            sync_path(folder)
        if self._is_folder and not self.path.exists():
            self.root.replace(self.path)
            self._added = [self.path]
            sync_path(self.path.parent)
            return
        places = {file: self._place(file) for file in files}
        new = (place for file, place in places.items() if file.relative_to(self.root) not in replaced)
        if not self._force and (taken := next((place for place in new if place.exists()), None)):
            raise ExistsError(f"{taken} is there already: choose another place, or replace such files with --force")
        self._added = [place for place in places.values() if not place.exists()]
        for file, place in places.items():
            make_folder(place.parent)
            file.replace(place)
        for parent in {place.parent for place in places.values()}:
            sync_path(parent)

    def _place(self, file: Path) -> Path:
        return (self.path if self._is_folder else self.path.parent) / file.relative_to(self.root)

    def _check_kind(self) -> None:
        if self._is_folder and self.path.exists() and not self.path.is_dir():
            raise ExistsError(f"{self.path} is a file, and a folder is to be written: choose another name")
        if not self._is_folder and self.path.exists() and not self.path.is_file() and not self.path.is_dir():
            raise ExistsError(f"{self.path} is no file that could be replaced: choose another name")
        if not self._is_folder and self.path.is_dir():
            raise ExistsError(f"{self.path} is a folder, and a file is to be written: choose another name")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _runs(stage: Path) -> bool:
    """Return whether the process still runs that made a folder to write into."""
    pid = stage.name.split(".")[-2]
    try:
        os.kill(int(pid), 0)
    except ValueError:
        return True  # not one of ours
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return int(pid) != os.getpid()
