"""Rows as arrays of numpy, to compute with: numbers, times in microseconds, words as codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]

NOTHING = np.iinfo(np.int64).min  # in place of a whole number, or a time, that is null
NO_WORD = -1


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of as many rows each: whole numbers and times in microseconds since 1970 (null: NOTHING), numbers (null:
    nan), flags, and words as places among their `words` (null: NO_WORD).
    """

    arrays: Mapping[str, Array]
    words: Mapping[str, list[str]]

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def where(self, chosen: Array) -> "Columns":
        """Return the rows of a mask, or of places in the order of these."""
        if chosen.dtype == np.bool_ and chosen.all():
            return self
        return Columns({name: array[chosen] for name, array in self.arrays.items()}, self.words)

    def code(self, name: str, word: str) -> int:
        """Return what stands for a word; for one that no row has a code that none has."""
        known = self.words[name]
        return known.index(word) if word in known else len(known)

    def are(self, name: str, words: tuple[str, ...]) -> Mask:
        """Return which rows have one of some words."""
        found: Mask = np.isin(self.arrays[name], [self.code(name, word) for word in words])
        return found

    def texts(self, name: str, places: Array) -> pa.Array:
        """Return the words of some rows as plain text."""
        codes = self.arrays[name][places]
        return pa.array(self.words[name], pa.string()).take(pa.array(codes, mask=codes == NO_WORD))


def columns_of(rows: pa.Table) -> Columns:
    """Return rows as arrays; texts are dictionary-encoded."""
    whole = rows.unify_dictionaries().combine_chunks()
    arrays: dict[str, Array] = {}
    words: dict[str, list[str]] = {}
    for name in whole.column_names:
        column = whole[name].chunk(0) if whole[name].num_chunks else pa.array([], whole[name].type)
        if pa.types.is_dictionary(column.type):
            words[name] = column.dictionary.to_pylist()
            arrays[name] = column.indices.fill_null(NO_WORD).to_numpy()
        else:
            arrays[name] = _array(column)
    return Columns(arrays, words)


def _array(column: pa.Array) -> Array:
    if pa.types.is_floating(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False), np.float64)
    if pa.types.is_boolean(column.type):
        return np.asarray(column.fill_null(False).to_numpy(zero_copy_only=False), np.bool_)
    numbers = column.cast(pa.int64())
    return np.asarray((numbers.fill_null(NOTHING) if numbers.null_count else numbers).to_numpy(), np.int64)


def changes(keys: Sequence[Array]) -> Mask:
    """Return which rows differ in any of some columns from the one before; the first does, where there is one."""
    found: Mask = np.ones(len(keys[0]), np.bool_)
    found[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return found


def in_order(keys: Sequence[Array]) -> Array:
    """Return the places of rows in order of some columns, the first before all others."""
    places: Array = np.arange(len(keys[0]))
    later = np.zeros(max(len(places) - 1, 0), np.bool_)
    for key in reversed(keys):
        later = (key[1:] > key[:-1]) | ((key[1:] == key[:-1]) & later)
    return places if later.all() else np.lexsort(tuple(reversed(keys)))


def ranks(words: Sequence[str]) -> Array:
    """Return for each word its place among them in order."""
    found = np.empty(len(words), np.int64)
    found[sorted(range(len(words)), key=words.__getitem__)] = np.arange(len(words))
    return found
