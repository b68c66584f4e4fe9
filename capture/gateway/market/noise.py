"""Random numbers by place rather than by turn: the n-th number of a key, for whole arrays, in any order.

Everything in the invented market comes from here, so that any moment can be computed without what came before
it. Numbers are 64-bit words; callers cut them into fields of 12 bits and look those up in tables of 4096 entries.
"""

import hashlib
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FIELD_BITS = 12
FIELD_SIZE = 1 << FIELD_BITS
UNIT = 1 << 16  # fixed point of NORMAL and EXPONENTIAL: integer sums come out the same wherever they start

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def key(*parts: object) -> int:
    """Return the 64-bit key named by `parts`: numbers and words that print the same give the same key."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "little")


def mix(words: Words) -> Words:
    """Scramble 64-bit words one to one (the finalizer of the SplitMix64 generator)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def draw(base: int | Words, index: Ints) -> Words:
    """Return number `index` of each key in `base`: one key for all, or an array of keys beside `index`."""
    return mix(np.asarray(base, np.uint64) + (index.astype(np.uint64) + np.uint64(1)) * _GOLDEN)


def field(words: Words, place: int) -> Ints:
    """Return 12-bit field `place` (0 to 4) of each word, 0 to 4095."""
    return ((words >> np.uint64(place * FIELD_BITS)) & np.uint64(FIELD_SIZE - 1)).astype(np.int64)


def below(words: Words, limit: int | Ints) -> Ints:
    """Return whole numbers from 0 to `limit` - 1, from the upper 32 bits of each word."""
    return ((words >> np.uint64(32)).astype(np.int64) * limit) >> 32


def lookup(weights: Mapping[int, float]) -> Ints:
    """Return a table of 4096 entries in which each value stands as often as its weight says."""
    edges = np.cumsum(list(weights.values()))
    places = (np.arange(FIELD_SIZE) + 0.5) / FIELD_SIZE * edges[-1]
    values: Ints = np.array(list(weights), np.int64)[np.searchsorted(edges, places)]
    return values


_MIDDLES = (np.arange(FIELD_SIZE) + 0.5) / FIELD_SIZE
NORMAL: Floats = np.array([NormalDist().inv_cdf(float(p)) for p in _MIDDLES])
NORMAL_UNITS: Ints = np.rint(NORMAL * UNIT).astype(np.int64)
EXPONENTIAL_UNITS: Ints = np.rint(-np.log(_MIDDLES) * UNIT).astype(np.int64)


def smooth(base: int, times: Ints, scales: Sequence[int], roughness: float) -> Floats:
    """Return random, continuous values at `times`: normals on a grid per scale, joined by straight lines.

    A scale s (in the unit of `times`) moves by about s ** roughness; 0.5 looks like a random walk.
    """
    total = np.zeros(len(times))
    for number, scale in enumerate(scales):
        cell, rest = np.divmod(times, scale)
        scale_key = key(base, number)
        left, right = (NORMAL[field(draw(scale_key, cell + step), 0)] for step in (0, 1))
        total += scale**roughness * (left + (right - left) * (rest / scale))
    return total
