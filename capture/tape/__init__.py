"""The tape: every byte received and sent, with its time, append-only. docs/tape-format.md is its format."""

from .compress import Compressed, compress, compress_closed
from .reader import DAMAGED, Damage, Follower, SegmentReader, last_mark, read_from
from .reads import Reads
from .record import Kind, Record
from .recording_lock import recording_lock
from .repair import Loss, SegmentReport, TapeReport, bad_path, examine, repair
from .segment import Segment, recorder_folder, segments
from .tape_error import MarkMissing, RecorderBusy, TapeError, TapeFull
from .writer import TapeWriter

__all__ = [
    "DAMAGED",
    "Compressed",
    "Damage",
    "Follower",
    "Kind",
    "Loss",
    "MarkMissing",
    "Reads",
    "Record",
    "RecorderBusy",
    "Segment",
    "SegmentReader",
    "SegmentReport",
    "TapeError",
    "TapeFull",
    "TapeReport",
    "TapeWriter",
    "bad_path",
    "compress",
    "compress_closed",
    "examine",
    "last_mark",
    "read_from",
    "recorder_folder",
    "recording_lock",
    "repair",
    "segments",
]
