"""What this machine can do at most: copy memory, compress with zstd, write a file to disk. In bytes a second.

    python -m bench.limits [--rounds N]
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import zstandard

from .messages import STREAMS, mix
from .rounds import note, spread

COPIED_BYTES = 256 << 20  # far more than caches hold
WRITTEN_BYTES = 256 << 20
FRAMES = 200_000  # of the ingest benchmark, whose bytes are compressed
LEVEL = 1  # of zstd, as live files are written


def copying() -> float:
    """Return how many bytes a second are copied in memory."""
    source = np.ones(COPIED_BYTES, np.uint8)
    target = np.zeros_like(source)
    begin = time.perf_counter()
    np.copyto(target, source)
    return COPIED_BYTES / (time.perf_counter() - begin)


def compressing() -> float:
    """Return how many bytes of messages a second one core compresses."""
    data = b"".join(mix({stream: list(range(1, 101)) for stream in STREAMS}, FRAMES))
    compressor = zstandard.ZstdCompressor(level=LEVEL)
    begin = time.perf_counter()
    compressor.compress(data)
    return len(data) / (time.perf_counter() - begin)


def writing() -> float:
    """Return how many bytes a second are written to a file and synced."""
    data = os.urandom(WRITTEN_BYTES)
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "data").open("wb") as file:
        begin = time.perf_counter()
        file.write(data)
        file.flush()
        os.fdatasync(file.fileno())
        return WRITTEN_BYTES / (time.perf_counter() - begin)


LIMITS: dict[str, Callable[[], float]] = {"memory": copying, "zstd": compressing, "disk": writing}


def main() -> None:
    """Measure and print all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    for name, measure in LIMITS.items():
        values = [measure() for _ in range(asked.rounds)]
        note(f"limit: {name}", "machine", values)
        print(f"{name:<10}{spread(values).median / 1e9:>8.2f} GB a second")


if __name__ == "__main__":
    main()
