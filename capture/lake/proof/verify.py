"""Verifying: every range of a tape, decoded once more, against the lake's files.

Rows are compared up to the rolled position, as it stood when verifying began; so recorder and roller may run. Memory
holds one range, and a few numbers for every file.
"""

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa

from capture.lake.content import UnreadableError, content_hash, difference, plain, read_rows
from capture.lake.digest import wrong_digests
from capture.lake.kept import wrong_files
from capture.lake.layout import LakeStateError, Layout, Rolled, read_rolled, restored_by
from capture.lake.pruned import read_pruned_tables, read_pruned_tape
from capture.lake.ranges import Range, Ranges, beginning, readable
from capture.lake.roll import parts_of
from capture.lake.row_groups.group_index import wrong_groups
from capture.lake.sealed import sealed_dates
from capture.lake.state import archive_files, archived_through, position_fault, require_sealed
from capture.lake.stored_rows import Files
from capture.lake.versions import newer_columns, stored_version
from capture.schemas import Table
from capture.tape import Damage, segments
from capture.tape.compressed_check import missing_bytes
from capture.tape.reader import TORN

from .day_check import DayCheck
from .gap_check import GapCheck
from .tape_part import Span
from .unaccounted_files import Account, archive_strays, foreign_files, newest_file_mark

_COPY = "bring back the missing part of the tape from a copy, if there is one"
ONLY_COPY = "none: the tape that gave it was pruned; bring back the file from a copy, if there is one"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something missing, different or damaged: where, what it is, and what repairs it.

    `problem` is one of: tape damaged, tape incomplete, file missing, file unreadable, file different, file unexplained,
    position wrong, gaps inconsistent, pruned meanwhile.
    """

    problem: str
    place: str
    detail: str
    repair: str


@dataclass(slots=True)
class Content:
    """Rows of a table that the tape gives, and a hash of them file by file: equal for equal tapes, wherever rolled."""

    rows: int = 0
    _digest: Any = field(default_factory=lambda: blake2b(digest_size=16))

    def add(self, rows: int, content: str) -> None:
        """Take the number of rows of one file, and their hash."""
        self.rows += rows
        self._digest.update(content.encode())

    def as_json(self) -> dict[str, Any]:
        """Return rows and hash as plain values."""
        return {"rows": self.rows, "hash": self._digest.hexdigest()}


class Verifier:
    """Verifies one recorder's tape and files: iterate `ranges`, then read `findings` and the counts.

    `torn` lists what a kill or a power cut left at the end of segments; where data was lost with it, a finding says so.
    `noted_losses` counts damage that was repaired: what was lost then is noted on the tape. `pruned_tape` says what of
    the tape was pruned, None for nothing; what it gave for sealed days is remembered and compared. `pruned_rows` counts
    the rows that the tape gives and that were pruned from tables; they are not missed. `nameless` counts rows of market
    data that name no instrument, by table.
    """

    def __init__(self, layout: Layout, recorder: str, span: Span | None = None) -> None:
        self.layout, self.recorder, self.span = layout, recorder, span or Span()
        self.findings: list[Finding] = []
        self.torn: list[Damage] = []
        self.contents: dict[str, Content] = {}
        self.nameless: Counter[str] = Counter()
        self.range_count = self.frames = self.noted_losses = self.pruned_rows = 0
        self._folder = layout.tape / recorder
        self._gaps, self._account = GapCheck(), Account()
        require_sealed(layout)
        self._sealed = sealed_dates(layout)
        self.pruned_tape = read_pruned_tape(self._folder)
        self._pruned = read_pruned_tables(layout)
        self.days = DayCheck(layout, recorder, self._pruned)
        self._damaged: set[Path] = set()  # segments of which reading said so
        self.rolled = self._position()

    @property
    def rows(self) -> int:
        """How many rows were compared, of all tables."""
        return sum(content.rows for content in self.contents.values())

    def ranges(self) -> Iterator[Range]:
        """Verify range by range, yielding each when it is done. Raises TapeError for a format that is not known."""
        first = beginning(self._folder)
        if first is None:
            if self.rolled is not None:
                self._find("tape incomplete", self._folder, "no mark of this tape can be read", _COPY)
            return
        if self.pruned_tape:
            self._gaps.begin_with(self.pruned_tape.state)
            self.days.begin_with(self.pruned_tape.days, wanted=self.span.begin is None)
        ranges = Ranges(self._folder, first, readable(Files(self.layout, self.recorder)))
        self._damage(ranges.damage_before)
        for found in ranges:
            if self.span.passed(found):
                break
            if not self.range_count:
                self._beginning(found)
            self._tape(found)
            self._files(found)
            yield found
        else:
            self._damage(ranges.damage)
            if self.span.everything:
                self._ending(first.mark)
        self._compressed_segments()
        self._sealed_days()
        if (self.pruned_tape, self._pruned) != (read_pruned_tape(self._folder), read_pruned_tables(self.layout)):
            self._find("pruned meanwhile", self._folder, "what is missing may have been pruned while it was looked for",
                       self._command("verify"))

    def _find(self, problem: str, place: object, detail: str, repair: str) -> None:
        self.findings.append(Finding(problem, str(place), detail, repair))

    def _position(self) -> Rolled | None:
        try:
            return read_rolled(self.layout, self.recorder)
        except LakeStateError as error:
            self._find("position wrong", self.layout.rolled(self.recorder), f"it cannot be read: {error.__cause__}",
                       self._rebuild())
            return None

    def _command(self, verb: str, *more: str) -> str:
        words = ("ticktape", verb, "--data", str(self.layout.root), "--recorder", self.recorder, *more)
        return shlex.join(words)

    def _rebuild(self, found: Range | None = None) -> str:
        if found is None:
            return self._command("rebuild", "--replace")
        if not found.is_whole:
            return f"none while the file can be read: the tape is not whole here; {_COPY}"
        return self._command("rebuild", "--replace", f"--from={found.from_mark}", f"--until={found.to_mark}")

    # The tape

    def _beginning(self, found: Range) -> None:
        pruned = self.pruned_tape
        seq = found.start.json()["seq"]
        if seq and (pruned is None or (pruned.mark, pruned.frames) != (found.from_mark, seq)):
            detail = f"the tape begins with it, but {seq:,} frames came before"
            self._find("tape incomplete", f"{self._folder} mark {found.from_mark}", detail, _COPY)

    def _tape(self, found: Range) -> None:
        self.frames += found.frames
        self.range_count += 1
        self.noted_losses += found.noted_losses
        self.nameless.update(found.nameless if self.span.covers(found) else {})
        if self._damage(found.damage, found.lost_frames) or found.noted_losses:
            return  # after which nobody expects the mark to agree
        if found.disagreements:
            detail = f"the tape before it gives another {', '.join(found.disagreements)}"
            lost = f"; {found.lost_frames:,} frames are missing" if found.lost_frames else ""
            self._find("tape incomplete", f"{self._folder} mark {found.to_mark}", detail + lost, _COPY)
        if found.to_mark <= found.from_mark:
            self._find("tape incomplete", f"{self._folder} mark {found.to_mark}",
                       f"it follows mark {found.from_mark}", _COPY)

    def _damage(self, damage: Iterable[Damage], lost_frames: int | None = None) -> bool:
        """Take note of bytes that are no records, and return whether any of them is more than a torn tail."""
        broken = [one for one in damage if one.reason != TORN]
        self.torn += [one for one in damage if one.reason == TORN]
        lost = "" if lost_frames is None else f"; {lost_frames:,} frames are missing before the next mark"
        for one in broken:
            detail = f"{one.size_bytes:,} bytes: {one.reason}{lost}"
            self._find("tape damaged", f"{one.path} offset {one.offset}", detail, self._command("recover", "--repair"))
        self._damaged |= {one.path for one in broken}
        return bool(broken)

    def _compressed_segments(self) -> None:
        """Look for compressed segments that lack no record, but bytes at their end: reading them met no damage."""
        met = [segment for segment in segments(self._folder) if segment.first_mark <= max(self._account.last_mark, 0)]
        for path in (segment.path for segment in met if segment.compressed and segment.path not in self._damaged):
            if missing := missing_bytes(path):
                detail = f"{missing} bytes or more of its checksum are missing at the end; every record is there"
                self._find("tape damaged", path, detail, _COPY)

    def _files(self, found: Range) -> None:
        paths = []
        rolled = self.rolled is not None and found.from_mark < self.rolled.mark
        covered = self.span.covers(found)
        for table, day, part in parts_of(found.tables):
            rows = plain(table, part)
            if self._pruned.holds(table.name, day, self.recorder, found.from_mark):
                self.pruned_rows += rows.num_rows
                continue
            if rolled and covered:
                content = content_hash(rows)
                self.contents.setdefault(table.name, Content()).add(rows.num_rows, content)
            if day > self._sealed[table.name]:
                paths.append(self.layout.live_file(table.name, day, self.recorder, found.from_mark))
                if rolled and covered:
                    self._compare(paths[-1], table, rows, content, found)
            elif rolled:
                self.days.add(table, day, rows, found.from_mark, wanted=covered)
        self._account.add(found, paths)
        for fault in self._gaps.faults(found.tables["gaps"]) if "gaps" in found.tables else ():
            self._find("gaps inconsistent", f"{self._folder} mark {found.from_mark}", fault,
                       "none: it follows from the tape; please report it")
        at_position = self.rolled is not None and self.rolled.mark == found.to_mark
        if at_position and self.rolled and self._known(self.rolled.state) != self._known(found.state):
            self._find("position wrong", self.layout.rolled(self.recorder),
                       f"its state is not the one that the tape gives at mark {found.to_mark}", self._rebuild())

    def _compare(self, path: Path, table: Table, rows: pa.Table, content: str, found: Range) -> None:
        try:
            stored = read_rows(table, path)
        except FileNotFoundError:
            self._find("file missing", path, f"the tape gives {rows.num_rows:,} rows for it", self._rebuild(found))
        except UnreadableError as error:
            self._find("file unreadable", path, str(error), self._rebuild(found))
        else:
            newer = newer_columns(table, stored_version(path))
            rows, known = (self._comparable(table, one).drop_columns(newer) for one in (rows, stored))
            if content_hash(stored) != content and content_hash(known) != content_hash(rows):
                self._find("file different", path, difference(rows, known), self._rebuild(found))

    def _comparable(self, table: Table, rows: pa.Table) -> pa.Table:
        return rows.drop_columns([column for name, column in self._pruned.not_known if name == table.name])

    def _known(self, state: dict[str, Any] | None) -> Any:
        """Return a state at a mark as plain values, without what the tape alone does not tell once rows were pruned."""
        known = json.loads(json.dumps(state))
        if known:  # versions before wrote those that closed at once in some other order
            known["waiting"].sort(key=itemgetter("gap_id"))
        for gap in known["waiting"] if known and self._pruned.not_known else ():
            gap.pop("rows_restored", None)
        return known

    def _sealed_days(self) -> None:
        if self.rolled is None:
            return
        for fault in self.days.faults(self.rolled.mark, self._account.last_mark):
            repair = self._command("rebuild", "--replace", f"--from={fault.first}", f"--until={fault.last + 1}")
            if self.pruned_tape and fault.first < self.pruned_tape.mark:
                repair = ONLY_COPY
            self._find(fault.problem, fault.place, fault.detail, repair)
        if self.span.everything:
            for path, first, last in archive_strays(self.layout, self.recorder, self.days.days, self._pruned):
                if last < self.rolled.mark and path.parent.name <= f"date={self._sealed[path.parent.parent.name]}":
                    self._stray(path, first, self._account.gives(first, last))

    def _ending(self, first: int) -> None:
        """Look for what the walk along the tape did not meet: the rolled position, and files."""
        position, last = self.layout.rolled(self.recorder), self._account.last_mark
        rolled = self.rolled.mark if self.rolled else first
        if rolled != first and rolled not in self._account.marks:
            self._find("position wrong", position, f"it says mark {rolled}, which is not on the tape; the tape's last "
                       f"one is {last}", self._rebuild())
        for path, mark, whole in self._account.strays(self.layout, self.recorder, self._sealed):
            if mark < rolled:
                self._stray(path, mark, whole)
        # Listed before the position is read again: a roller may be one range ahead of it, no more.
        newest, archived = newest_file_mark(self.layout, self.recorder), archived_through(archive_files(self.layout))
        now = self._position()
        at = now.mark if now else None
        if (now or not position.exists()) and (fault := position_fault(self.layout, self.recorder, at, archived)):
            self._find("position wrong", position, fault, restored_by(self.layout))
        if newest is not None and newest > (now.mark if now else first):
            self._find("position wrong", position, f"there are files up to mark {newest}, beyond it", self._rebuild())

    def _stray(self, path: Path, mark: int, whole: bool) -> None:
        if whole:
            self._find("file unexplained", path, "the tape gives no rows for it", self._rebuild())
        else:
            self._find("file unexplained", path, f"the tape holds no whole range that begins with mark {mark}",
                       f"none: keep it, it may be the only copy of its rows; {_COPY}")


def foreign(layout: Layout) -> list[Finding]:
    """Return a finding for each file among the rolled ones that no recorder of the lake has written."""
    return [Finding("file unexplained", str(path), "no recorder with a tape here has written it",
                    shlex.join(["mv", str(path), f"{path}.bad"])) for path in foreign_files(layout)]


def misremembered(layout: Layout) -> list[Finding]:
    """Return a finding for each archive file of which something else is kept than it says, digests included."""
    found = [Finding("file different", str(path), "it holds other rows than the archive", shlex.join(["rm", str(path)]))
             for path in (*wrong_digests(layout), *wrong_groups(layout))]
    for path in wrong_files(layout):
        kept = str(layout.kept(path.parent.parent.name))
        detail = f"it holds another number of rows of {path}"
        found.append(Finding("file different", kept, detail, shlex.join(["rm", kept])))
    return found
