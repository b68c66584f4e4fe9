"""Going on where a tape ends: the state of the line after its last whole record, however the recorder ended."""

from pathlib import Path

from capture.tape import DAMAGED, Follower, Kind, Record, last_mark, segments
from capture.wire.line import Line

FIRST_MARK = 1


def resume(folder: Path) -> tuple[Line, int]:
    """Return the line at the end of the tape in `folder`, and the number of the mark that comes next.

    The line of a recorder that was killed still holds its session. A folder without a tape gives a fresh line. Where
    the tape is damaged behind its last mark, frames are counted as decoding counts them (capture/decode/decoder.py).
    """
    # A segment is named by its first mark, also where that mark itself cannot be read.
    named = max((segment.first_mark for segment in segments(folder)), default=FIRST_MARK - 1)
    mark = last_mark(folder)
    if mark is None:
        return Line(), named + 1
    body = mark.json()
    line = Line.from_mark(body)
    follower = Follower(folder, body["mark"], ended=True)
    seen = len(follower.damage)  # before the mark
    for record in follower:
        if len(follower.damage) > seen:
            seen = len(follower.damage)
            line.damaged()
        take(line, record)
    line.give_up()
    return line, max(body["mark"], named) + 1


def take(line: Line, record: Record) -> None:
    """Take one record of the tape into the line."""
    match record.kind:
        case Kind.RECEIVED:
            line.steer(line.received(record.body))
        case Kind.SENT:
            line.sent(record.body)
        case Kind.OPENED:
            line.opened(record.json())
        case Kind.CLOSED:
            line.closed()
        case Kind.NOTE if DAMAGED in record.json():
            line.damaged()
        case _:
            pass  # marks repeat what the line says; other notes are not about it
