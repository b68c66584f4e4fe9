"""Are the kernel's numbers Python's? Decimal texts by the million, as any peer may write them.

    python -m tests.kernel.floats [--count N] [--seed N]
"""

import argparse
import struct
import sys
from collections.abc import Iterator
from itertools import islice
from random import Random, SystemRandom

import numpy as np
import numpy.typing as npt

from capture.kernel.decoding import FIELD, Reading, decoding

BATCH = 100_000
UNSET = 1.7976931348623157e308  # the one double that is no value here
_FRONT = b"\0\0\0\x01"  # of each frame: nobody looks at the length that it says


def texts(random: Random) -> Iterator[str]:
    """Yield decimal texts of ten kinds for ever: prices, sizes, ratios, all doubles there are, halfway cases."""
    number, share = random.randrange, random.random
    while True:
        yield f"{number(10**6) / 100}"
        yield f"{number(10**9) / 10 ** number(10)}"
        yield repr(share() * 10 ** number(-6, 7))
        yield f"{share() * 1000 - 500:.17g}"
        yield repr(struct.unpack("<d", struct.pack("<Q", number(0x7FF0 << 48)))[0]).upper()
        yield f"{number(1, 10**19)}E{number(-345, 300)}"
        yield f"{number(-(10**17), 10**17)}"
        yield f"{number(1 << 53, 1 << 54)}.{number(2) * 5}{'0' * number(12)}{number(2)}"
        yield f"{number(1 << 54)}e{number(-23, 24):+}"
        yield f"-{share():.{number(21)}f}"


def read(words: list[str]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Return the kernel's numbers of the words that it takes, which of them are none, and the places of the others."""
    kernel = decoding()
    assert kernel is not None, "there is no kernel to try"
    frames = [_FRONT + word.encode() + b"\0" for word in words]
    starts = np.cumsum([0, *map(len, frames)])
    values, valid = np.empty(len(words)), np.full(len(words) // 8 + 1, 0xFF, np.uint8)
    markers = np.array([UNSET])
    fields = np.zeros(1, FIELD)
    fields[0]["kind"], fields[0]["values"], fields[0]["valid"] = Reading.REAL, values.ctypes.data, valid.ctypes.data
    fields[0]["markers"], fields[0]["marked"], fields[0]["least_marker"] = markers.ctypes.data, 1, UNSET
    unfit = kernel.read_columns(b"".join(frames), starts, np.arange(len(words)), fields)
    rows = len(words) - len(unfit)
    none = np.unpackbits(valid, bitorder="little")[:rows] == 0
    assert none.sum() == fields[0]["nulls"]
    return values[:rows], none, unfit


def compare(words: list[str]) -> int:
    """Return how many of these texts the kernel leaves to Python. Raises AssertionError for a number that differs."""
    values, none, unfit = read(words)
    taken = np.delete(np.array(words), unfit)
    wanted = np.array([float(word or "nan") for word in taken])
    is_none = ~np.isfinite(wanted) | (wanted == UNSET)
    wrong = (none != is_none) | (~none & (values.view(np.int64) != wanted.view(np.int64)))
    assert not wrong.any(), list(zip(taken[wrong], values[wrong], wanted[wrong], strict=True))[:5]
    return len(unfit)


def main() -> None:
    """Compare as many texts as asked for, and print how many there were."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000_000)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1 << 31))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", file=sys.stderr)
    made, left = texts(Random(asked.seed)), 0
    for _ in range(0, asked.count, BATCH):
        left += compare(list(islice(made, BATCH)))
    print(f"{-(-asked.count // BATCH) * BATCH:,} texts, none wrong, {left:,} left to Python")


if __name__ == "__main__":
    main()
