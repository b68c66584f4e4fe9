"""Tape records to table rows: the one function that live rolling, fresh queries, recovery and rebuilding share (D36).

Records and a state go in, rows and a state come out. Which decoder does it follows from the protocol that the tape's
marks name: a further protocol is a further entry of PROTOCOLS, whose class has the methods of `LineDecoder` (D30).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypedDict

from capture.tape import Damage, Record, TapeError
from capture.wire.line import PROTOCOL

from .merge_rows import Tables
from .restore import Captured, nothing_stored
from .tws import TwsDecoder


class DecodingState(TypedDict):
    """What the state of any decoder holds for others to read, beside what is its own.

    `heard_us`: when the line was last heard, microseconds since 1970, 0 for never. `watches`: streams that are watched,
    each with its open `gap` or None. `waiting`: closed gaps that wait for history, each a row of `gaps`.
    """

    heard_us: int
    watches: list[dict[str, Any]]
    waiting: list[dict[str, Any]]


class LineDecoder(Protocol):
    """What a protocol must bring so that its tapes become rows.

    Feed it records in order, the first one ever a MARK; `take` returns the rows so far, by table, in arrival order, and
    begins anew. The tables have the columns of their schemas; text columns may be dictionary-encoded. `frames` counts
    what was decoded. A mark's body holds `mark`, `seq` and `protocol`; what else is in it is the protocol's own.
    """

    frames: int

    @property
    def heard_us(self) -> int:
        """When the line was last heard, in microseconds since 1970."""

    @property
    def place(self) -> tuple[int, int]:
        """The last place, as `seq` and `row`, of what was taken: rows are at or before it, those to come behind."""

    def feed(self, records: Iterable[Record]) -> None:
        """Take records in; a run of `Reads` is a sequence of them as well, and may be taken as one."""

    def damaged(self, damage: Damage) -> None:
        """Note bytes of the tape that could not be read."""

    def take(self) -> Tables:
        """Return the rows decoded since the last call, by table; tables without rows are left out."""

    def as_json(self) -> dict[str, Any]:
        """Return what decoding from here on has to know besides the mark: plain values, a `DecodingState` and more."""

    def compare(self, mark: dict[str, Any]) -> tuple[int, tuple[str, ...]]:
        """Return how many frames more a mark tells of than were decoded, and what else it says otherwise."""


class _Made(Protocol):
    def __call__(self, recorder: str, state: dict[str, Any] | None, captured: Captured) -> LineDecoder: ...


PROTOCOLS: dict[str, _Made] = {PROTOCOL: TwsDecoder}
UNNAMED = PROTOCOL  # tapes of before named no protocol


def decoder_of(
    mark: Mapping[str, Any], recorder: str, state: dict[str, Any] | None = None, captured: Captured = nothing_stored
) -> LineDecoder:
    """Return what decodes a recorder's tape from a mark on, by the protocol that the mark's body names.

    `state` is what `as_json` gave at that mark, None at the tape's beginning. `captured` finds the recorder's rows
    of before that mark, and those already taken from this decoder (see capture.decode.restore). Raises TapeError for a
    protocol that is not known here.
    """
    name = mark.get("protocol", UNNAMED)
    if name not in PROTOCOLS:
        raise TapeError(f"the tape of recorder {recorder} is of protocol {name!r}, which this version cannot decode "
                        f"(it knows {', '.join(PROTOCOLS)}): install a newer ticktape")  # fmt: skip
    return PROTOCOLS[name](recorder, state, captured)
