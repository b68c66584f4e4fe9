"""Going on where a tape ends: the state of the line after its last whole record, however the recorder ended."""

from pathlib import Path

from capture.tape import Kind, Record, last_mark, read_from
from capture.tape.line import Line

FIRST_MARK = 1


def resume(folder: Path) -> tuple[Line, int]:
    """Return the line at the end of the tape in `folder`, and the number of the mark that comes next.

    The line of a recorder that was killed still holds its session. A folder without a tape gives a fresh line.
    """
    mark = last_mark(folder)
    if mark is None:
        return Line(), FIRST_MARK
    body = mark.json()
    line = Line.from_mark(body)
    for record in read_from(folder, body["mark"]):
        replay(line, record)
    return line, body["mark"] + 1


def replay(line: Line, record: Record) -> None:
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
        case _:
            pass  # marks repeat what the line says; notes are not about it
