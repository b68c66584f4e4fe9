"""The round over the archive: every file is read once in a while, slowly, and what is damaged is written down (D75).

    sealed/checked.json    when each file was read last
    sealed/damaged.json    files that could not be trusted then, which the recorder tells of

Both can be lost without harm: the round then begins anew.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from capture.data_folder import CHECKED, DAMAGED
from capture.lake.layout import Layout
from capture.lake.parquet_file import FILE_MODE
from capture.publish import make_folder, publish
from capture.schemas import Table

from .file_check import Checked, archive_files, check_file, repair_of

EVERY_S = 30 * 86_400.0
SAVE_INTERVAL_S = 10.0  # a round that is killed reads again what it read since



@dataclass(frozen=True, slots=True)
class Damaged:
    """A file that cannot be trusted: its path below the data folder, why, the command that mends it.

    `found` is when that was seen, in ISO form; `changed_ns` is when the file was written last, as it was seen.
    """

    path: str
    why: str
    repair: str
    found: str
    changed_ns: int


class Round:
    """Reads the archive's files that were not read for `every_s`; `pace` is called with the bytes of each part."""

    def __init__(
        self, layout: Layout, pace: Callable[[int], object], *, every_s: float = EVERY_S,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.layout, self._pace, self._every_s, self._now_s = layout, pace, every_s, now_s
        self._read_s = read_times(layout)
        self._damaged = {one.path: one for one in read_damaged(layout)}
        self._saved_s = now_s()

    def due(self) -> list[tuple[Table, Path]]:
        """Return the files to read, that of longest ago first; a damaged or changed one is always to be read."""
        found = [(self._due_s(path), table, path) for table, path in archive_files(self.layout)]
        return [(table, path) for due_s, table, path in sorted(found, key=lambda one: (one[0], one[2]))
                if due_s <= self._now_s()]

    def check(self) -> Iterator[Checked]:
        """Read what is due, file by file, and remember it."""
        for table, path in self.due():
            with suppress(FileNotFoundError):  # sealed anew or pruned meanwhile
                changed_ns = path.stat().st_mtime_ns
                checked = check_file(table, path, self._pace)
                self._take(checked, changed_ns)
                yield checked
        self._save()

    def _due_s(self, path: Path) -> float:
        name = self._name(path)
        read_s, changed_ns = self._read_s.get(name, (0.0, 0))
        with suppress(FileNotFoundError):
            if name not in self._damaged and path.stat().st_mtime_ns == changed_ns:
                return read_s + self._every_s
        return 0.0

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.layout.root))

    def _take(self, checked: Checked, changed_ns: int) -> None:
        name, before = self._name(checked.path), dict(self._damaged)
        self._read_s[name] = self._now_s(), changed_ns
        self._damaged.pop(name, None)
        if checked.fault:
            found = datetime.fromtimestamp(self._now_s(), UTC).isoformat()
            fresh = Damaged(name, checked.fault, repair_of(self.layout, checked.path), found, changed_ns)
            old = before.get(name)
            self._damaged[name] = old if old and (old.why, old.changed_ns) == (fresh.why, changed_ns) else fresh
        if self._damaged != before or self._now_s() - self._saved_s >= SAVE_INTERVAL_S:
            self._save()

    def _save(self) -> None:
        """Write down what is known of files that are there."""
        there = {self._name(path) for _, path in archive_files(self.layout)}
        self._read_s = {name: read for name, read in self._read_s.items() if name in there}
        self._damaged = {name: one for name, one in self._damaged.items() if name in there}
        _publish(self.layout.root / CHECKED, self._read_s)
        _publish(self.layout.root / DAMAGED, [asdict(one) for one in self._damaged.values()])
        self._saved_s = self._now_s()


def read_times(layout: Layout) -> dict[str, tuple[float, int]]:
    """Return when files of the archive were read last, in seconds since 1970, and when they had changed then."""
    said = _read(layout.root / CHECKED)
    with suppress(AttributeError, ValueError, TypeError):
        return {str(name): (float(read_s), int(changed_ns)) for name, (read_s, changed_ns) in said.items()}
    return {}


def read_damaged(layout: Layout) -> list[Damaged]:
    """Return the archive's files that could not be trusted, unless they have changed since or are gone."""
    said, found = _read(layout.root / DAMAGED), []
    with suppress(AttributeError, TypeError, KeyError):
        found = [Damaged(**one) for one in said]
    return [one for one in found if _changed_ns(layout.root / one.path) == one.changed_ns]


def _changed_ns(path: Path) -> int | None:
    with suppress(OSError):
        return path.stat().st_mtime_ns
    return None


def _read(path: Path) -> Any:
    """Return what a file of ours says; nothing where it is not there or cannot be read: all is read anew then."""
    with suppress(OSError, ValueError):
        return json.loads(path.read_text())
    return None


def _publish(path: Path, said: Any) -> None:
    make_folder(path.parent)
    publish(path, partial(_write, json.dumps(said)), mode=FILE_MODE)


def _write(text: str, path: Path) -> None:
    path.write_text(text)
