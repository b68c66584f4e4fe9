"""The tape and the line together: everything is on the tape before the line, and so the session, knows of it (D18)."""

from typing import Any, TypeVar

from capture.account_alias import KEY, masked
from capture.account_key import account_key
from capture.tape import TapeWriter, recorder_folder
from capture.wanted.settings import Settings
from capture.wire.line import Line, Read
from capture.wire.text.codec import Decoded

from .resume import resume

T = TypeVar("T")

# A roller holds the rows between two marks in memory: on a busy line marks come by size, not only by time (D24).
MARK_BYTES = 64 << 20

KILLED = "the recorder ended without closing the session"


class Journal:
    """Writes a recorder's tape and keeps the state of its line; made with `Journal.open`.

    Each method raises TapeFull or TapeError when the record is not on the tape.
    """

    def __init__(self, tape: TapeWriter, line: Line, mark: int, segment_size_bytes: int) -> None:
        self.tape = tape
        self.line = line
        self.mark_number = mark
        self.finished_bytes = 0  # of the segments that this journal has finished
        self.received_bytes = 0
        self._segment_size_bytes = segment_size_bytes
        self._marked_bytes = tape.size_bytes
        self._marked_seq = line.seq
        self._unclosed: str | None = None  # why the session ended, until there is room to say so
        self._account_key = ""  # where accounts are masked
        self._accounts: list[str] = []  # that the settings name

    @classmethod
    def open(cls, settings: Settings) -> "Journal":
        """Go on with the tape of a recorder, or begin it; a session that it left open is closed.

        Raises RecorderBusy while another process writes that tape, TapeError where it cannot be written.
        """
        line, mark = resume(recorder_folder(settings.tape_root, settings.recorder))
        tape = TapeWriter.open(settings.tape_root, settings.recorder, line.as_mark(mark))
        journal = cls(tape, line, mark, settings.segment_size_bytes)
        if settings.accounts is not None and settings.accounts.mask_accounts:
            journal._account_key = account_key(settings.data)
            journal._accounts = [] if settings.accounts.every else list(settings.accounts.accounts)
        if line.session is not None:
            journal.closed(KILLED)
        return journal

    def opened(self, session: dict[str, Any]) -> None:
        """Begin a session."""
        self.mark()
        session |= {KEY: self._account_key} if self._account_key else {}
        self.tape.opened(session)
        self.line.opened(session)

    def masked(self, said: T) -> T:
        """Return what is said to people or in files, without the names of accounts where these are masked."""
        if not self._account_key:
            return said
        return masked(said, {*self.line.context.accounts, *self._accounts}, self._account_key)

    def closed(self, reason: str) -> None:
        """End the session, and mark the place; does nothing between sessions.

        What cannot be written now is written before anything else of this journal.
        """
        if self.line.session is not None:
            self._unclosed = reason
            self.mark()

    def sent(self, data: bytes) -> None:
        """Take bytes that are about to be sent."""
        self.tape.sent(data)
        self.line.sent(data)

    def received(self, data: bytes) -> tuple[Read, list[Decoded]]:
        """Take received bytes and return them cut into frames, with the control messages among them."""
        self.tape.received(data)
        self.received_bytes += len(data)
        read = self.line.received(data)
        messages = [message for _, message in self.line.steer(read)]
        if self.tape.size_bytes - self._marked_bytes >= MARK_BYTES:
            self.mark()
        return read, messages

    def note(self, body: dict[str, Any]) -> None:
        """Take something the recorder noticed."""
        self.tape.note(body)

    def mark(self) -> None:
        """Mark the place, unless nothing came since the last mark."""
        if self._unclosed is not None:
            self.tape.closed({"reason": self._unclosed})
            self.line.closed()
            self._unclosed = None
        if self.tape.size_bytes != self._marked_bytes:
            self.tape.mark(self.line.as_mark(self.mark_number + 1))
            self._marked()

    def rotate(self) -> bool:
        """Begin a new segment where the present one has reached its size; return whether it had."""
        if self.tape.size_bytes < self._segment_size_bytes or self._unclosed is not None:
            return False
        size_bytes = self.tape.size_bytes
        self.tape.rotate(self.line.as_mark(self.mark_number + 1))
        self.finished_bytes += size_bytes
        self._marked()
        return True

    def _marked(self) -> None:
        assert self.line.seq >= self._marked_seq, "frames are counted on across marks and sessions"
        self._marked_seq = self.line.seq
        self.mark_number += 1
        self._marked_bytes = self.tape.size_bytes
