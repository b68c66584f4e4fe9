"""Writing a tape: one `write()` for each record, stamped and checksummed, never behind half a record (D19, D20)."""

import errno
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, NoReturn

from capture.publish import PRIVATE, make_folder, publish, sweep, sync_content, write_again

from .reader import newest_records
from .record import Header, Kind, pack, pack_header
from .recording_lock import FolderLock
from .segment import recorder_folder, segment_path, segments
from .steady_clock import TapeClock
from .tape_error import TapeError, write_error


class TapeWriter:
    """The one writer of a recorder's tape; made with `TapeWriter.open`.

    Append from one thread; `sync` alone may run in another. Each append returns the record's wall_ns once the
    operating system has the bytes, so they survive the process being killed. It raises `TapeFull` or
    `TapeError` when the record is not on the tape; the tape then still ends with a whole record.
    """

    def __init__(self, folder: Path, lock: FolderLock, clock: TapeClock, newest_mark: int) -> None:
        self.folder = folder
        self.size_bytes = 0  # of the current segment
        self._safe_bytes = 0  # of them, on disk
        self._lock = lock
        self._clock = clock
        self._newest_mark = newest_mark
        self._path = folder
        self._descriptor = -1
        self._swap = Lock()  # guards the descriptor between sync and rotate or close, not appends
        self._torn = False

    @classmethod
    def open(
        cls,
        root: Path,
        recorder: str,
        first_mark: Mapping[str, Any],
        *,
        wall_ns: Callable[[], int] | None = None,
        mono_ns: Callable[[], int] | None = None,
    ) -> "TapeWriter":
        """Begin a new segment of the tape of `recorder` in the tape folder `root` with the mark `first_mark`.

        Raises `RecorderBusy` while another process writes that tape, `TapeError` for a bad name or a folder
        that cannot be written, ValueError for a mark whose number is not above all marks on the tape.
        """
        folder = recorder_folder(root, recorder)
        lock = _take(folder)
        try:
            sweep(folder)
            newest = newest_records(folder)
            marks = [segment.first_mark for segment in segments(folder)]
            marks += [newest[Kind.MARK].json()["mark"]] if Kind.MARK in newest else []
            last_wall_ns = max((record.wall_ns for record in newest.values()), default=0)
            writer = cls(folder, lock, TapeClock(last_wall_ns, wall_ns, mono_ns), max(marks, default=-1))
            _sync_all(folder)
            writer._begin(first_mark)
        except BaseException:
            lock.release()
            raise
        return writer

    def received(self, data: bytes) -> int:
        """Append the bytes of one read from the socket."""
        return self._append(Kind.RECEIVED, data)

    def sent(self, data: bytes) -> int:
        """Append the bytes of one write to the socket."""
        return self._append(Kind.SENT, data)

    def opened(self, session: Mapping[str, Any]) -> int:
        """Append the beginning of a session."""
        return self._append(Kind.OPENED, _json(session))

    def closed(self, session: Mapping[str, Any]) -> int:
        """Append the end of a session."""
        return self._append(Kind.CLOSED, _json(session))

    def note(self, note: Mapping[str, Any]) -> int:
        """Append something that the recorder noticed."""
        return self._append(Kind.NOTE, _json(note))

    def mark(self, mark: Mapping[str, Any]) -> int:
        """Append a mark: `mark`, above all marks before it, `seq`, and what else the recorder wants there."""
        body = self._mark_body(mark)
        wall_ns = self._append(Kind.MARK, body)
        self._newest_mark = mark["mark"]
        return wall_ns

    def rotate(self, mark: Mapping[str, Any]) -> None:
        """Finish the segment, synced, and begin a new one with `mark`; on an error, stay in the old one."""
        self.sync()
        self._begin(mark)

    def sync(self) -> None:
        """Bring all records appended so far safely to disk; may run in another thread, and after `close`."""
        with self._swap:
            if self._descriptor < 0:
                return
            path, descriptor = self._path, os.dup(self._descriptor)  # rotate may close ours meanwhile
            first, end = self._safe_bytes, self.size_bytes
            assert first <= end, "what is safe on disk was written before"
        try:
            _sync_data(descriptor, path, first, end)
        except OSError as error:
            raise write_error(error, path) from error
        finally:
            os.close(descriptor)
        with self._swap:
            if path == self._path:
                self._safe_bytes = max(self._safe_bytes, end)

    def close(self) -> None:
        """Bring everything safely to disk and let go of the tape; closing again does nothing."""
        if self._descriptor < 0:
            return
        try:
            self.sync()
        finally:
            self._replace(self._path, self.size_bytes, -1)
            self._lock.release()

    def _append(self, kind: Kind, body: bytes) -> int:
        if self._torn or self._descriptor < 0:
            raise TapeError(f"{self._path} is closed, or ends with half a record: open the tape again")
        wall_ns, mono_ns = self._clock.stamp()
        data = pack(kind, wall_ns, mono_ns, body)
        try:
            written = os.write(self._descriptor, data)
        except OSError as error:
            self._withdraw(error)
        if written != len(data):
            self._withdraw(OSError(errno.ENOSPC, f"only {written} of {len(data)} bytes were written"))
        self.size_bytes += written
        self._note_step()
        return wall_ns

    def _withdraw(self, error: OSError) -> NoReturn:
        """Take back what a failed write may have left: a record behind half a record could not be trusted."""
        try:
            os.ftruncate(self._descriptor, self.size_bytes)
        except OSError:
            self._torn = True
        raise write_error(error, self._path) from error

    def _note_step(self) -> None:
        if step_s := self._clock.take_step_s():
            self.note({"note": "clock stepped back", "step_s": step_s})

    def _begin(self, mark: Mapping[str, Any]) -> None:
        body = self._mark_body(mark)
        path = segment_path(self.folder, mark["mark"])
        header = pack_header(Header(self.folder.name, mark["mark"], mark["seq"]))
        data = header + pack(Kind.MARK, *self._clock.stamp(), body)
        try:
            publish(path, lambda temporary: temporary.write_bytes(data))
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        except OSError as error:
            raise write_error(error, path) from error
        self._newest_mark, self._torn = mark["mark"], False
        self._replace(path, len(data), descriptor)
        self._note_step()

    def _replace(self, path: Path, size_bytes: int, descriptor: int) -> None:
        """Go on with another segment, of which so many bytes are written and on disk; with none where it is -1."""
        with self._swap:
            former, self._descriptor = self._descriptor, descriptor
            self._path, self.size_bytes, self._safe_bytes = path, size_bytes, size_bytes
        if former >= 0:
            os.close(former)

    def _mark_body(self, mark: Mapping[str, Any]) -> bytes:
        if not {"mark", "seq"} <= mark.keys():
            raise ValueError(f"a mark has the keys mark and seq, this one has {sorted(mark)}")
        if mark["mark"] <= self._newest_mark:
            raise ValueError(
                f"mark {mark['mark']} is not above mark {self._newest_mark} of {self.folder}: "
                "count on from last_mark(folder)"
            )
        return _json(mark)

    def __enter__(self) -> "TapeWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _take(folder: Path) -> FolderLock:
    """Make the folder of a tape, and those that hold it, where they are missing, and lock it."""
    try:
        make_folder(folder, PRIVATE)
        return FolderLock(folder)
    except TapeError:
        raise
    except OSError as error:
        raise write_error(error, folder) from error


def _sync_data(descriptor: int, path: Path, first: int, end: int) -> None:
    """Sync an open file; where that fails, by writing again what may have been lost."""
    try:
        os.fdatasync(descriptor)
    except OSError:
        write_again(path, first, end)


def _sync_all(folder: Path) -> None:
    """Bring to disk what a killed recorder had written: the mark that comes next builds on it."""
    for segment in (segment for segment in segments(folder) if not segment.compressed):
        try:
            sync_content(segment.path)
        except OSError as error:
            raise write_error(error, segment.path) from error


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(value), separators=(",", ":")).encode()
