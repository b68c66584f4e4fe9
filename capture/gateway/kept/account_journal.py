"""A file of records, one a line, each there before anybody is told of it: a kill at any moment loses none.

A line is a checksum, a blank, and JSON. The checksum counts the lines before it, too, so that none can be changed,
moved or taken out unseen. Only the last line may be unfinished: it was never acted upon. A file belongs to one gateway
at a time.
"""

import fcntl
import json
import logging
import os
import zlib
from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from capture.publish import publish

LOG = logging.getLogger(__name__)

Record = dict[str, Any]
_DECIMAL = "decimal"  # the only key of an object that stands for an exact number


class JournalError(ValueError):
    """A file of a paper account cannot be gone on from; the text says why, and what to do."""


class Journal:
    """An open journal. `records` are those that were there.

    Raises JournalError for a file that is damaged, or in use by another gateway; it is then as it was.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _locked(path)
        try:
            data = path.read_bytes()
            self.records, self._checksum, whole_bytes = _read(path, data)
        except BaseException:
            self.close()
            raise
        if whole_bytes < len(data):
            os.ftruncate(self._file, whole_bytes)
            LOG.warning("%s: its last line was not finished, and is left out; nobody was told of what it says", path)

    def write(self, record: Record) -> None:
        """Add a record: it is in the file when this returns."""
        line, self._checksum = _line(record, self._checksum)
        _write(self._file, line)

    def rewrite(self, records: Iterable[Record]) -> None:
        """Put other records in the place of all that are there, all at once."""

        def fill(path: Path) -> None:
            checksum, descriptor = 0, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                for record in records:
                    line, checksum = _line(record, checksum)
                    _write(descriptor, line)
            finally:
                os.close(descriptor)
            self._checksum = checksum

        publish(self.path, fill)
        before, self._file = self._file, _locked(self.path)
        os.close(before)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def _locked(path: Path) -> int:
    """Open a file for this gateway alone."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise JournalError(f"{path} is in use by another gateway: end that one, or name another file with --state"
                           ) from None
    return descriptor


def _write(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]


def _line(record: Record, checksum: int) -> tuple[bytes, int]:
    text = json.dumps(record, default=_plain, separators=(",", ":")).encode()
    checksum = zlib.crc32(text, checksum)
    return b"%08x %b\n" % (checksum, text), checksum


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return {_DECIMAL: str(value)}
    raise TypeError(f"{value!r} is no part of a record")


def _exact(found: Record) -> Any:
    return Decimal(found[_DECIMAL]) if found.keys() == {_DECIMAL} else found


def _read(path: Path, data: bytes) -> tuple[list[Record], int, int]:
    """Return the records of a file's bytes, the checksum of the last, and how many bytes these are."""
    records: list[Record] = []
    checksum = at = 0
    while (end := data.find(b"\n", at)) >= 0:
        record, checksum = _record(path, data[at:end], checksum, len(records) + 1)
        records.append(record)
        at = end + 1
    return records, checksum, at


def _record(path: Path, line: bytes, checksum: int, number: int) -> tuple[Record, int]:
    with suppress(ValueError):
        wanted, text = int(line[:8], 16), line[9:]
        checksum = zlib.crc32(text, checksum)
        if checksum == wanted and line[8:9] == b" ":
            record: Record = json.loads(text, object_hook=_exact)
            return record, checksum
    raise JournalError(
        f"{path} line {number} is damaged, so the account cannot go on from it; nothing was changed. Put a copy back, "
        f"or begin anew: `ticktape gateway --state` with another file")  # fmt: skip


