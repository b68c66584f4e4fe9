"""The tape: every byte received and sent, with its time, append-only. docs/tape-format.md is its format."""

from .errors import MarkMissing, RecorderBusy, TapeError, TapeFull
from .publish import publish
from .reader import Damage, Follower, SegmentReader, last_mark, read_from
from .record import Kind, Record
from .recover import SegmentReport, TapeReport, examine
from .seal import Sealed, seal, seal_closed
from .segment import Segment, recorder_folder, segments
from .writer import TapeWriter

__all__ = [
    "Damage",
    "Follower",
    "Kind",
    "MarkMissing",
    "Record",
    "RecorderBusy",
    "Sealed",
    "Segment",
    "SegmentReader",
    "SegmentReport",
    "TapeError",
    "TapeFull",
    "TapeReport",
    "TapeWriter",
    "examine",
    "last_mark",
    "publish",
    "read_from",
    "recorder_folder",
    "seal",
    "seal_closed",
    "segments",
]
