"""An answer of IB's history in short: how many rows of which seconds, and whether more come.

A session that pages through history needs no more of it, and a thousand rows decoded one by one would hold it up.
"""

from capture.wire.messages.shapes import SHAPES
from capture.wire.text.codec import Codec, Decoded, message_id
from capture.wire.text.protocol_error import MalformedFrameError

from .ib_times import parse_time_us

PAST = {id_: shape for id_, shape in SHAPES.items() if shape.repeat is not None}

_TIMES = ("time", "bar_date")


def decode_short(codec: Codec, payload: bytes, server_version: int) -> Decoded:
    """Return a frame decoded, of an answer of history only its summary. Raises MalformedFrameError."""
    return summarize(payload, server_version) if message_id(payload) in PAST else codec.decode(payload)


def summarize(payload: bytes, server_version: int) -> Decoded:
    """Return a message of PAST with these values instead of its own: `request_id`; `count` of rows; `first` and `last`,
    their times in whole seconds since 1970, None where there is none to read; `done`, whether no more frames follow.

    Raises MalformedFrameError.
    """
    shape = PAST[message_id(payload) or 0]
    head, row, tail = shape.fields(server_version), shape.row_fields(server_version), shape.tail(server_version)
    fields = payload.split(b"\0")[1:-1]
    names, at = [field.name for field in head], len(head) + 1
    place = next(i for i, field in enumerate(row) if field.name in _TIMES)
    try:
        count = int(fields[len(head)] or b"0")
        request_id = int(fields[names.index("request_id")])
        end = at + count * len(row) + len(tail)
        if count < 0 or len(fields) < end:  # more may follow: newer servers add fields
            raise ValueError("the number of fields differs")
        times = [_second(fields[at + place + len(row) * n]) for n in (0, count - 1)] if count else [None, None]
    except (ValueError, IndexError) as error:
        raise MalformedFrameError(f"{shape.message.name}: {error}") from None
    done = fields[end - 1] not in (b"0", b"") if tail else True
    values = {"request_id": request_id, "count": count, "first": times[0], "last": times[1], "done": done}
    return Decoded(shape.message, values)


def _second(word: bytes) -> int | None:
    time_us = parse_time_us(word.decode("ascii", "replace"))
    return None if time_us is None else time_us // 1_000_000
