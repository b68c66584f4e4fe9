"""Rows as a count and a sum: whether two lots of rows are the same is known without keeping either."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.schemas import TABLES

Words = npt.NDArray[np.uint64]

NULL = np.uint64(0x9E3779B97F4A7C15)
ODD = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))
SHIFT = np.uint64(33)

# What the recorder finds out itself, and what the gateway does not say of its bars.
_NOT_SENT = {"ts", "seq", "row", "recorder", "instrument_id", "symbol", "stream", "request_id", "origin"}
_NOT_SENT_BARS = {"bar_size", "regular_hours", "bar_date"}
CONTENT = {
    name: [column.name for column in TABLES[name].columns
           if column.name not in _NOT_SENT | (_NOT_SENT_BARS if name == "bars" else set())]
    for name in ("trades", "quotes", "midpoints", "ticks", "greeks", "depth", "bars")
}  # fmt: skip


@dataclass
class Tally:
    """How many rows there were, and the sum of their hashes, which does not depend on their order."""

    count: int = 0
    total: int = 0

    def add(self, rows: pa.Table, columns: list[str], sign: int = 1) -> None:
        """Take rows, by these columns; with -1 as `sign` take them away."""
        self.count += sign * len(rows)
        self.total = (self.total + sign * int(hashes(rows, columns).sum(dtype=np.uint64))) % (1 << 64)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.count + other.count, (self.total + other.total) % (1 << 64))


def hashes(rows: pa.Table, columns: list[str]) -> Words:
    """Return a hash of each row. Empty texts and columns that are not there count as null, as which they are stored."""
    found = np.zeros(len(rows), np.uint64)
    for name in columns:
        words = _words(rows[name].combine_chunks()) if name in rows.column_names else NULL
        found = _mixed(found * ODD[0] + words)
    return found


def _words(column: Any) -> Words:
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    absent = column.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    if pa.types.is_string(column.type):
        words = _text_words(column)
        absent = absent | pc.equal(column, "").fill_null(False).to_numpy(zero_copy_only=False)
    elif pa.types.is_floating(column.type):
        words = (column.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False) + 0.0).view(np.uint64)
    else:
        times = pa.types.is_timestamp(column.type)
        plain = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()) if times else column.cast(pa.int64())
        words = plain.fill_null(0).to_numpy(zero_copy_only=False).view(np.uint64)
    return np.where(absent, NULL, words)


def _text_words(column: Any) -> Words:
    encoded = column.fill_null("").dictionary_encode()
    digests = [blake2b(text.encode(), digest_size=8).digest() for text in encoded.dictionary.to_pylist()]
    words: Words = np.frombuffer(b"".join(digests), np.uint64)[encoded.indices.to_numpy()]
    return words


def _mixed(words: Words) -> Words:
    words = (words ^ (words >> SHIFT)) * ODD[1]
    return words ^ (words >> SHIFT)
