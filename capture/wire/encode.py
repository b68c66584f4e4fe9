"""Table rows to frames, whole columns at once: the mirror of `read_rows`, for the gateway's live streams.

Answers that carry their rows in one frame (history) are encoded one at a time by the codec.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.wire.messages.absent import ABSENT, word_for_none
from capture.wire.messages.message import VERSION_FIELD, Kind
from capture.wire.messages.shapes import KINDS_BASE, SHAPES, Shape
from capture.wire.messages.ticktypes import SIZE_OF_PRICE
from capture.wire.text.protocol_error import LocalProtocolError
from capture.wire.text.typed_columns import Columns, Numbers

from .lookup import words
from .table_rows import OPERATIONS, SIDES

LENGTH_BYTES = 4
_PLACEHOLDER = "\1" * LENGTH_BYTES  # stands where a frame's length goes, so that NULs can be counted before
_LARGEST_EXACT = 1e15  # whole numbers below this are written without an exponent


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames back to back: frame i is data[starts[i]:starts[i + 1]], its length in front."""

    data: bytes
    starts: Numbers

    def __len__(self) -> int:
        return len(self.starts) - 1


NO_FRAMES = Frames(b"", np.zeros(1, np.int64))


def encode(table: str, rows: pa.Table, server_version: int) -> Frames:
    """Return one frame per row of a lake table, in the rows' order.

    The rows hold the table's value columns and `request_id`; `trades` also `stream`, which decides between the kinds
    Last and AllLast. Depth whose `smart` is null goes out as message 12, other depth as 13. Raises LocalProtocolError
    for rows that no frame can carry: bars of history, resets of a book, a NUL within a text.
    """
    columns: Columns = {name: rows[name].combine_chunks() for name in rows.column_names}
    keys = SHAPE_OF_ROW[table](columns, rows.num_rows)
    groups = [(int(key), np.flatnonzero(keys == key)) for key in np.unique(keys)]
    parts = [_encode(_shape(key), _take(columns, index, rows.num_rows), server_version) for key, index in groups]
    return merge(parts, [index for _, index in groups])


def merge(parts: Sequence[Frames], keys: Sequence[npt.NDArray[np.int64]]) -> Frames:
    """Interleave frames by their keys, one key per frame; frames of equal keys stay in the order of the parts."""
    filled = [(part, key) for part, key in zip(parts, keys, strict=True) if len(part)]
    if not filled:
        return NO_FRAMES
    if len(filled) == 1 and (np.diff(filled[0][1]) >= 0).all():
        return filled[0][0]
    shifts = np.cumsum([0, *(part.starts[-1] for part, _ in filled)])
    starts = [part.starts[:-1] + shift for (part, _), shift in zip(filled, shifts[:-1], strict=True)]
    edges = np.concatenate([*starts, shifts[-1:]])
    order = np.argsort(np.concatenate([key for _, key in filled]), kind="stable")
    data = pa.py_buffer(b"".join(part.data for part, _ in filled))
    frames = pa.Array.from_buffers(pa.large_binary(), len(order), [None, pa.py_buffer(edges), data])
    _, offsets, merged = frames.take(pa.array(order)).buffers()
    return Frames(merged.to_pybytes(), np.frombuffer(offsets, np.int64, len(order) + 1))


def _shape(key: int) -> Shape:
    if key not in SHAPES:
        raise LocalProtocolError("these rows do not travel one to a frame: history, or the reset of a book")
    return SHAPES[key]


def _take(columns: Columns, index: Numbers, count: int) -> Columns:
    if len(index) == count:
        return columns
    return {name: column.take(pa.array(index)) for name, column in columns.items()}


def _encode(shape: Shape, rows: Columns, server_version: int) -> Frames:
    columns = rows | PREPARE[shape.name](rows)
    fixed = {VERSION_FIELD: shape.message.version, **dict(shape.given)}
    words = [
        str(fixed[field.name]) if field.name in fixed else WORDS[field.kind](columns[field.name])
        for field in shape.fields(server_version)
    ]
    head = f"{_PLACEHOLDER}{shape.message.id}"
    joined = pc.binary_join_element_wise(head, *words, "", "\0", null_handling="replace", null_replacement="")
    _, offsets, text = joined.buffers()
    starts = np.frombuffer(offsets, np.int32, len(joined) + 1).astype(np.int64)
    data = np.frombuffer(text, np.uint8, int(starts[-1])).copy()
    if np.count_nonzero(data == 0) != len(joined) * (len(words) + 1):
        raise LocalProtocolError(f"a text of {shape.name} holds a NUL, which ends a field")
    lengths = (np.diff(starts) - LENGTH_BYTES).astype(">u4")
    data[starts[:-1, None] + np.arange(LENGTH_BYTES)] = lengths.view(np.uint8).reshape(-1, LENGTH_BYTES)
    return Frames(data.tobytes(), starts)


# Which shape a row travels in


def _one(key: int) -> Callable[[Columns, int], Numbers]:
    return lambda _rows, count: np.full(count, key)


def _trade_keys(rows: Columns, _count: int) -> Numbers:
    return np.where(_flags(pc.equal(rows["stream"], "last")), KINDS_BASE + 1, KINDS_BASE + 2)


def _tick_keys(rows: Columns, _count: int) -> Numbers:
    """Return message 1 where the flags of a price tick are set, else the message whose value is; 2 for none."""
    present = [np.asarray(rows[name].is_valid()) for name in ("can_auto_execute", "value", "text")]
    return np.select(present, [1, 45, 46], 2)


def _depth_keys(rows: Columns, _count: int) -> Numbers:
    keys = np.where(np.asarray(rows["smart"].is_null()), 12, 13)
    return np.where(_flags(pc.is_in(rows["operation"], words(OPERATIONS))), keys, 0)


def _bar_keys(rows: Columns, _count: int) -> Numbers:
    forms = [_flags(pc.equal(rows["form"], form)) for form in ("closed", "update")]
    return np.select(forms, [50, 90], 0)


SHAPE_OF_ROW: dict[str, Callable[[Columns, int], Numbers]] = {
    "trades": _trade_keys,
    "quotes": _one(KINDS_BASE + 3),
    "midpoints": _one(KINDS_BASE + 4),
    "ticks": _tick_keys,
    "greeks": _one(21),
    "depth": _depth_keys,
    "bars": _bar_keys,
}


# Columns of a table to the fields of a message: IB's sentinels for nulls, flags into bit masks


def _flags(column: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(column.fill_null(False))


def _mask(rows: Columns, *names: str) -> pa.Array:
    """Return flags as bits, the first name's the lowest."""
    return pa.array(sum(_flags(rows[name]).astype(np.int32) << bit for bit, name in enumerate(names)))


def _seconds(column: pa.Array) -> pa.Array:
    return pa.array(column.cast(pa.int64()).fill_null(0).to_numpy() // 1_000_000)


def _price(price: pa.Array, size: pa.Array, message: str, field: str = "price") -> pa.Array:
    """Return prices with IB's word for none where both price and size are missing."""
    if not price.null_count:
        return price
    return pc.if_else(pc.and_kleene(price.is_null(), pc.equal(size, 0)), float(word_for_none(message, field)), price)


def _plain(_rows: Columns) -> Columns:
    return {}


def _tick_price(rows: Columns) -> Columns:
    paired = pc.is_in(rows["tick_type"], pa.array(list(SIZE_OF_PRICE), rows["tick_type"].type))
    return {
        "price": _price(rows["price"], rows["size"], "tick_price"),
        "size": pc.if_else(paired, rows["size"], rows["size"].fill_null(0)),
        "mask": _mask(rows, "can_auto_execute", "past_limit", "pre_open"),
    }


def _tick_option(rows: Columns) -> Columns:
    return {name: rows[name].fill_null(float(word_for_none("tick_option", name))) for name in ABSENT["tick_option"]}


def _trade(rows: Columns) -> Columns:
    return {
        "time": _seconds(rows["ts_event"]),
        "price": _price(rows["price"], rows["size"], "tick_by_tick_last"),
        "mask": _mask(rows, "past_limit", "unreported"),
    }


def _quote(rows: Columns) -> Columns:
    return {
        "time": _seconds(rows["ts_event"]),
        **{f"{side}_price": _price(rows[f"{side}_price"], rows[f"{side}_size"], "tick_by_tick_quote", f"{side}_price")
           for side in ("bid", "ask")},
        "mask": _mask(rows, "bid_past_low", "ask_past_high"),
    }


def _midpoint(rows: Columns) -> Columns:
    return {"time": _seconds(rows["ts_event"])}


def _depth(rows: Columns) -> Columns:
    return {
        "operation": pc.index_in(rows["operation"], words(OPERATIONS)),
        "side": pc.index_in(rows["side"], words(SIDES)),
    }


def _bar(rows: Columns) -> Columns:
    counts = {name: rows[name].fill_null(word_for_none("real_time_bar", name)) for name in ABSENT["real_time_bar"]}
    return counts | {"time": _seconds(rows["ts_event"])}


PREPARE: dict[str, Callable[[Columns], Columns]] = {
    "tick_price": _tick_price,
    "tick_size": _plain,
    "tick_generic": _plain,
    "tick_string": _plain,
    "tick_option": _tick_option,
    "tick_by_tick_last": _trade,
    "tick_by_tick_quote": _quote,
    "tick_by_tick_midpoint": _midpoint,
    "market_depth": _depth,
    "market_depth_l2": _depth,
    "real_time_bar": _bar,
    "historical_data_update": _bar,
}


# Values to text. Market data repeats its values, so each distinct one is written once.


def _distinct(write: Callable[[pa.Array], pa.Array]) -> Callable[[pa.Array], pa.Array]:
    def write_column(column: pa.Array) -> pa.Array:
        distinct = column.dictionary_encode()
        return write(distinct.dictionary).take(distinct.indices)

    return write_column


def _integers(values: pa.Array) -> pa.Array:
    return values.cast(pa.int64()).cast(pa.string())


def _decimals(values: pa.Array) -> pa.Array:
    """Return the shortest text that reads back as the same number; whole numbers without point or exponent."""
    numbers = values.to_numpy(zero_copy_only=False)
    whole = (np.rint(numbers) == numbers) & (np.abs(numbers) < _LARGEST_EXACT)
    integers = pa.array(np.where(whole, numbers, 0).astype(np.int64)).cast(pa.string())
    return integers if whole.all() else pc.if_else(pa.array(whole), integers, values.cast(pa.string()))


def _texts(column: pa.Array) -> pa.Array:
    return column.cast(pa.string())


WORDS: dict[Kind, Callable[[pa.Array], pa.Array]] = {
    Kind.INT: _distinct(_integers),
    Kind.LONG: _distinct(_integers),
    Kind.BOOL: _distinct(_integers),
    Kind.FLOAT: _distinct(_decimals),
    Kind.DECIMAL: _distinct(_decimals),
    Kind.TEXT: _texts,
    Kind.ESCAPED: _texts,
}
