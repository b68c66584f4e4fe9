"""The tape: every byte received and sent, with its time, append-only. docs/tape-format.md is its format."""

from capture.publish import PRIVATE, make_folder, publish

from .compress import Sealed, seal, seal_closed
from .reader import DAMAGED, Damage, Follower, SegmentReader, last_mark, read_from
from .record import Kind, Record
from .recording_lock import recording_lock
from .repair import Loss, SegmentReport, TapeReport, bad_path, examine, repair
from .segment import Segment, recorder_folder, segments
from .tape_error import MarkMissing, RecorderBusy, TapeError, TapeFull
from .writer import TapeWriter

__all__ = [
    "DAMAGED",
    "PRIVATE",
    "Damage",
    "Follower",
    "Kind",
    "Loss",
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
    "bad_path",
    "examine",
    "last_mark",
    "make_folder",
    "publish",
    "read_from",
    "recorder_folder",
    "recording_lock",
    "repair",
    "seal",
    "seal_closed",
    "segments",
]
