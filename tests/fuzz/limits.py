"""What reading an input may cost at most: processor time and memory, by its size."""

import resource
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Many times what is measured, as machines differ and coverage slows down; a hang or a bomb is far beyond.
TIME_S, TIME_PER_BYTE_S = 4.0, 20e-6
MEMORY_BYTES, MEMORY_PER_BYTE = 96 << 20, 400
# Asking for the memory takes longer than reading a small input: of these one in so many is followed by a look.
SMALL_BYTES, LOOKED_EVERY = 4_096, 32

_small = Counter[str]()


class LimitError(AssertionError):
    """Reading an input took too long or too much memory."""


def peak_bytes() -> int:
    """Return the most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextmanager
def bounded(size_bytes: int) -> Iterator[None]:
    """Raise LimitError where what is done here with an input of that size is out of proportion to it."""
    limit_s = TIME_S + TIME_PER_BYTE_S * size_bytes
    _small["inputs"] += size_bytes <= SMALL_BYTES
    looked_at = size_bytes > SMALL_BYTES or _small["inputs"] % LOOKED_EVERY == 0
    before = peak_bytes() if looked_at else 0

    def too_long(_signal: int, _frame: FrameType | None) -> None:
        raise LimitError(f"{size_bytes:,} bytes took more than {limit_s:.1f} s of processor time")

    former = signal.signal(signal.SIGVTALRM, too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)
    grown = peak_bytes() - before if looked_at else 0
    if grown > MEMORY_BYTES + MEMORY_PER_BYTE * size_bytes:
        raise LimitError(f"{size_bytes:,} bytes took {grown >> 20} MiB of memory")
