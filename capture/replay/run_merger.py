"""Rows that lie in runs, each in order of time, put into one order by the kernel, column by column (D152).

A run is what a row group has of one instrument. It is read where it lies: no row moves before it comes into the stretch
that it belongs to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.kernel.merging import LANE, RUN, Merging, Structs, Turns

from .stretch import PLACE, Stretch
from .stretch import Turns as Order

Codes = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.int64]


def is_merged(kind: pa.DataType) -> bool:
    """Return whether columns of a type can be put into order here: numbers, times, booleans, texts by codes."""
    if pa.types.is_dictionary(kind):
        return bool(kind.index_type == pa.int32())
    return bool(pa.types.is_boolean(kind) or (pa.types.is_primitive(kind) and kind.bit_width in (32, 64)))


@dataclass(slots=True, eq=False)
class Piece:
    """Rows of a table that lie behind one another; a column of one value may stand for as many as there are rows."""

    table: int
    columns: Mapping[str, pa.Array]
    rows: int
    source: int

    def __post_init__(self) -> None:
        """Give codes that stand for no text a number of a word: they are looked up all the same."""
        self.columns = {name: _looked_up(column) if pa.types.is_dictionary(column.type) else column
                        for name, column in self.columns.items()}

    def step(self, name: str) -> int:
        """Return 1 where a column has a value for each row, 0 where one stands for all."""
        return int(len(self.columns[name]) == self.rows and self.rows != 1)

    def ranks(self, names: Sequence[str]) -> Codes:
        """Return the places of the rows' recorders among these names; one where all are of one recorder."""
        recorders = self.columns["recorder"]
        words = np.array([names.index(word) for word in recorders.dictionary.to_pylist()], np.int32)
        return words if len(words) == 1 else words[recorders.indices.to_numpy()]


@dataclass(slots=True)
class RunMerger:
    """Holds pieces of tables, and gives their rows in order, a stretch at a time.

    `tables` are their names, in the order that decides where rows have the same place, each with its columns.
    """

    kernel: Merging
    tables: Mapping[str, Sequence[str]]
    _pieces: list[Piece] = field(default_factory=list)
    _ranks: list[Codes] = field(default_factory=list)  # of each piece
    _names: list[str] = field(default_factory=list)  # of the recorders, by their ranks
    _runs: Structs = field(default_factory=lambda: np.empty(0, RUN))
    _kept: dict[str, pa.Array] = field(default_factory=dict)  # columns of one value, by name
    _owners: Numbers = field(default_factory=lambda: np.empty(0, np.int64))  # for each run the place of its piece

    def add(self, table: str, columns: Mapping[str, pa.Array], rows: int, source: int = 0) -> None:
        """Take rows of a table, whose columns have a value for each row, or one that stands for all.

        `source` is a number by which `left` tells them from others.
        """
        piece = Piece(list(self.tables).index(table), columns, rows, source)
        if not rows:
            return
        place = sum(one.table <= piece.table for one in self._pieces)
        self._pieces.insert(place, piece)
        self._rank(place)
        ends = self.kernel.cut(self._run(place, 0, rows))
        runs = np.concatenate([self._run(place, begin, end) for begin, end in zip([0, *ends], ends, strict=False)])
        at = int(np.searchsorted(self._owners, place))
        owners = self._owners + (self._owners >= place)
        self._runs = np.concatenate([self._runs[:at], runs, self._runs[at:]])
        self._owners = np.concatenate([owners[:at], np.full(len(runs), place), owners[at:]])

    def left(self) -> dict[int, int]:
        """Return how many rows are left of each source that has some."""
        found: dict[int, int] = {}
        for owner, rows in zip(self._owners.tolist(), (self._runs["end"] - self._runs["at"]).tolist(), strict=True):
            source = self._pieces[owner].source
            found[source] = found.get(source, 0) + rows
        return found

    def take(self, until_us: int, most: int) -> Stretch:
        """Return the next rows in order of (ts, recorder, seq, row), at most so many and all before a moment."""
        before = self._runs["at"].copy()
        turns = self.kernel.merge(self._runs, until_us, most)
        if len(self.tables) == 1:
            [(name, columns)] = self.tables.items()
            found = {name: self._table(0, columns, turns, before)} if len(turns) else {}
            order = np.zeros(len(turns), np.int8)
        else:
            found, order = self._apart(turns, before)
        self._let_go()
        return Stretch(found, order)

    def _apart(self, turns: Turns, before: Numbers) -> tuple[dict[str, pa.Table], Order]:
        """Return the rows of each table that has some, and whose row comes next."""
        tables = np.array([piece.table for piece in self._pieces], np.int8)[self._owners][turns]
        found = {}
        for number, (name, columns) in enumerate(self.tables.items()):
            own = turns[tables == number]
            if len(own):
                found[name] = self._table(number, columns, own, before)
        there = np.cumsum([name in found for name in self.tables]).astype(np.int8) - np.int8(1)
        return found, there[tables]

    def _run(self, place: int, at: int, end: int) -> Structs:
        piece, ranks = self._pieces[place], self._ranks[place]
        columns = piece.columns
        step = int(len(ranks) == piece.rows and piece.rows != 1)
        return np.array([(_address(columns["ts"]), _address(columns["seq"]), ranks.ctypes.data,
                          _address(columns["row"]), step, piece.step("row"), at, end)], RUN)  # fmt: skip

    def _rank(self, place: int) -> None:
        """Rank the recorders of a piece, and those of all others anew where it has one that is not among theirs."""
        words = self._pieces[place].columns["recorder"].dictionary.to_pylist()
        if set(words) <= set(self._names):
            self._ranks.insert(place, self._pieces[place].ranks(self._names))
            return
        self._names = sorted({*self._names, *words})
        self._ranks = [piece.ranks(self._names) for piece in self._pieces]
        for run, owner in enumerate(self._owners + (self._owners >= place)):
            self._runs["rank"][run] = self._ranks[owner].ctypes.data

    def _table(self, number: int, names: Sequence[str], turns: Turns, before: Numbers) -> pa.Table:
        own = [place for place, piece in enumerate(self._pieces) if piece.table == number]
        return pa.table([self._column(name, own, turns, before) for name in names], names=list(names))

    def _column(self, name: str, own: Sequence[int], turns: Turns, before: Numbers) -> pa.Array:
        lanes = [self._pieces[place].columns[name] for place in own]
        kind = lanes[0].type
        steps = [self._pieces[place].step(name) for place in own]
        if not any(steps) and not pa.types.is_dictionary(kind) and _are_equal(lanes):
            return self._repeated(name, lanes[0], len(turns))
        nulls, validity = 0, None
        if any(column.null_count for column in lanes):
            validity = pa.allocate_buffer((len(turns) + 7) // 8)
            nulls = self.kernel.bits(turns, self._lanes(own, before, steps, [_bits(one, 0) for one in lanes]),
                                     validity.address)  # fmt: skip
        if pa.types.is_dictionary(kind):
            return self._texts(own, turns, before, steps, lanes, validity, nulls)
        values = pa.allocate_buffer((len(turns) + 7) // 8 if kind.bit_width == 1 else len(turns) * kind.bit_width // 8)
        if kind.bit_width == 1:
            self.kernel.bits(turns, self._lanes(own, before, steps, [_bits(one, 1) for one in lanes]), values.address)
        else:
            places = [(_address(one), 0) for one in lanes]
            self.kernel.values(turns, kind.bit_width // 8, self._lanes(own, before, steps, places), values.address)
        return pa.Array.from_buffers(kind, len(turns), [validity, values], nulls)

    def _texts(
        self, own: Sequence[int], turns: Turns, before: Numbers, steps: Sequence[int],
        lanes: Sequence[pa.DictionaryArray], validity: pa.Buffer | None, nulls: int,
    ) -> pa.Array:  # fmt: skip
        words, maps = _unified([one.dictionary for one in lanes])
        if len(words) == 1 and validity is None:
            return pa.DictionaryArray.from_arrays(self._repeated("", _ZERO, len(turns)), words)
        codes = pa.allocate_buffer(4 * len(turns))
        places = [(_address(one.indices), 0) for one in lanes]
        found = self._lanes(own, before, steps, places, [one.ctypes.data for one in maps])
        self.kernel.codes(turns, found, codes.address)
        indices = pa.Array.from_buffers(pa.int32(), len(turns), [validity, codes], nulls)
        return pa.DictionaryArray.from_arrays(indices, words)

    def _repeated(self, name: str, value: pa.Array, count: int) -> pa.Array:
        """Return a value as often as there are rows: of the same memory each time."""
        known = self._kept.get(name)
        if known is None or len(known) < count or not known.slice(0, 1).equals(value):
            known = self._kept[name] = pa.repeat(value[0], count)
        return known.slice(0, count)

    def _lanes(
        self, own: Sequence[int], before: Numbers, steps: Sequence[int], places: Sequence[tuple[int, int]],
        maps: Sequence[int] | None = None,
    ) -> Structs:
        """Return a lane for each run; of runs of other tables they are empty, and nobody asks for them."""
        of_piece = np.zeros(len(self._pieces), LANE)
        of_piece["values"][own], of_piece["at"][own] = (list(one) for one in zip(*places, strict=True))
        of_piece["step"][own] = steps
        if maps is not None:
            of_piece["map"][own] = maps
        lanes = of_piece[self._owners]
        lanes["at"] += before * lanes["step"]
        return lanes

    def _let_go(self) -> None:
        """Forget pieces whose rows were all taken."""
        left = self._runs["at"] < self._runs["end"]
        used = np.zeros(len(self._pieces), bool)
        used[self._owners[left]] = True
        self._runs, self._owners = self._runs[left], (np.cumsum(used) - 1)[self._owners[left]]
        kept = np.flatnonzero(used).tolist()
        self._pieces, self._ranks = [self._pieces[one] for one in kept], [self._ranks[one] for one in kept]


_ZERO = pa.array([0], pa.int32())
assert {"ts", "seq", "row", "recorder"} == set(PLACE), "rows are ordered here by what stretches are ordered by"


def _looked_up(column: pa.DictionaryArray) -> pa.DictionaryArray:
    if not column.null_count:
        return column
    buffers = [column.is_valid().buffers()[1], column.indices.fill_null(0).buffers()[1]]
    return pa.DictionaryArray.from_arrays(pa.Array.from_buffers(pa.int32(), len(column), buffers), column.dictionary)


def _address(column: pa.Array) -> int:
    """Return where the first value of a column lies."""
    return int(column.buffers()[1].address + column.offset * column.type.bit_width // 8)


def _bits(column: pa.Array, number: int) -> tuple[int, int]:
    """Return where a buffer of bits lies, and which one is of the first row; nowhere where there is no such buffer."""
    buffer = column.buffers()[number]
    return (0, 0) if buffer is None else (int(buffer.address), column.offset)


def _are_equal(arrays: Sequence[pa.Array]) -> bool:
    return all(one.equals(arrays[0]) for one in arrays[1:])


def _unified(words: Sequence[pa.Array]) -> tuple[pa.Array, list[Codes]]:
    """Return all words of some dictionaries, and for each how its codes are called among them."""
    if _are_equal(words):
        return words[0], [np.arange(len(words[0]) + 1, dtype=np.int32)] * len(words)
    chunks = [pa.DictionaryArray.from_arrays(np.arange(len(one), dtype=np.int32), one) for one in words]
    unified = pa.chunked_array(chunks).unify_dictionaries()
    # What stands for no text is looked up, too, where there is no text at all: a map has one number more.
    maps = [np.append(chunk.indices.to_numpy(), np.int32(0)) for chunk in unified.chunks]
    return unified.chunk(0).dictionary, maps
