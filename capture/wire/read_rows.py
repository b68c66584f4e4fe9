"""A whole read to table rows and messages: masses by columns, the rest frame by frame, nothing dropped (D32, D7)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.kernel.decoding import decoding
from capture.wire.messages.message import VERSION_FIELD, Field, Kind
from capture.wire.messages.shapes import KINDS_BASE, MASS_IDS, REQUIRED, SHAPES, TICK_BY_TICK_ID, Shape
from capture.wire.text.codec import Codec, Decoded, answer_codec, message_id
from capture.wire.text.decode_program import program_of, read_columns
from capture.wire.text.protocol_error import MalformedFrameError
from capture.wire.text.typed_columns import ARROW_TYPES, Columns, IrregularError, Numbers, Payloads, flat, unset_to_null
from capture.wire.text.typed_columns import Rows as RowsOfFields

from .context import DETAILS, Context
from .frame_kinds import message_keys
from .lookup import Lookup
from .table_rows import Change, Rows, fill

# Up to this many frames it is quicker to decode one by one than to look for the one that spoils the rest.
_FEW_FRAMES = 32

_UNUSED = frozenset({VERSION_FIELD, "kind", "unused"})


@dataclass(slots=True)
class Batch:
    """What a read held: table rows, other messages in order, and frames that could not be decoded with the reason.

    Frames are numbered from 0 in the read. `extra` counts, per message, the frames that had more fields than known.
    `answered` are the requests for history whose last rows are among these.
    """

    rows: list[Rows] = field(default_factory=list)
    messages: list[tuple[int, Decoded]] = field(default_factory=list)
    bad: list[tuple[int, bytes, str]] = field(default_factory=list)
    extra: dict[str, int] = field(default_factory=dict)
    answered: list[int] = field(default_factory=list)


def decode(data: bytes, starts: Numbers, context: Context) -> Batch:
    """Decode all frames of a read, given where they start (see `boundaries`) and the session's context.

    Market data types that change within the read (message 58) take effect from their frame on; the context takes note
    of all messages. Raises nothing for any frame: what cannot be decoded is in `bad`.
    """
    return _Decoder(data, starts, context).run()


class _Decoder:
    def __init__(self, data: bytes, starts: Numbers, context: Context) -> None:
        self.data, self.starts, self.context = data, starts, context
        self.version = context.server_version or 0
        self.codec: Codec = answer_codec(self.version)
        self.batch = Batch()
        self.changes: list[Change] = []
        self.lookup = Lookup(context)
        self.singles: list[int] = []
        self.found: dict[str, list[tuple[int, Decoded]]] = defaultdict(list)

    def run(self) -> Batch:
        keys = message_keys(self.data, self.starts)
        there = np.flatnonzero(np.bincount(keys + 1)) - 1 if len(keys) else keys
        groups = {key: np.flatnonzero(keys == key) for key in there.tolist()}
        self._single(frame for key, index in groups.items() if key not in SHAPES for frame in index.tolist())
        self._note_changes()
        for key, index in groups.items():
            if key in SHAPES:
                self._group(SHAPES[key], index)
        self._single(self.singles)
        for name, items in self.found.items():
            self._fill_singles(_SHAPE_BY_NAME[name], items)
        self.batch.messages.sort(key=lambda item: item[0])
        self.batch.bad.sort(key=lambda item: item[0])
        for _, decoded in self.batch.messages:
            self.context.received(decoded)
        for request_id in self.batch.answered:
            self.context.answered(request_id)
        return self.batch

    def _note_changes(self) -> None:
        for frame, decoded in sorted(self.batch.messages, key=lambda item: item[0]):
            values = decoded.values
            if decoded.name != "market_data_type" or values["data_type"] not in (1, 2, 3, 4):
                continue
            if values["request_id"] in self.context.requests:  # of others nothing is kept beyond this read either
                self.changes.append(Change(frame, values["request_id"], values["data_type"]))

    def _fill(self, shape: Shape, columns: Columns, frames: Numbers, places: npt.NDArray[np.int32]) -> None:
        if len(frames):
            self.batch.rows.append(fill(shape, columns, frames, places, self.lookup, self.changes))

    # Masses

    def _group(self, shape: Shape, index: Numbers) -> None:
        """Decode frames of one shape: by the kernel, where it is there, and here what does not fit or it cannot."""
        kernel = decoding()
        if kernel is not None and shape.repeat is None:
            program = program_of(shape, self.version, _UNUSED)
            columns, unfit = read_columns(kernel, program, self.data, self.starts, index)
            fit = np.delete(index, unfit) if len(unfit) else index
            self._fill(shape, columns, fit, np.zeros(len(fit), np.int32))
            index = index[unfit]
        if len(index):
            self._mass(shape, index)

    def _mass(self, shape: Shape, index: Numbers) -> None:
        """Decode frames of one shape by columns; those that do not fit are left for one by one."""
        take = self._repeated if shape.repeat else self._flat
        try:
            take(shape, index)
        except IrregularError:
            if len(index) <= _FEW_FRAMES:
                self.singles.extend(index.tolist())
                return
            half = len(index) // 2
            self._mass(shape, index[:half])
            self._mass(shape, index[half:])

    def _flat(self, shape: Shape, index: Numbers) -> None:
        fields = shape.fields(self.version)
        wanted = frozenset(f.name for f in fields) - _UNUSED
        payloads = Payloads(self.data, self.starts, index)
        unfit: list[int] = []
        if not payloads.regular(len(fields) + 1):
            fits = payloads.fields_per_frame() == len(fields) + 1
            unfit = index[~fits].tolist()
            index = index[fits]
            payloads = Payloads(self.data, self.starts, index)
        columns = flat(payloads, fields, wanted)
        outside = _outside(shape, columns)
        if outside.any():
            unfit += index[outside].tolist()
            inside = pa.array(~outside)
            columns = {name: column.filter(inside) for name, column in columns.items()}
            index = index[~outside]
        self.singles.extend(unfit)  # not before: an irregular column sends the whole group round again
        self._fill(shape, columns, index, np.zeros(len(index), np.int32))

    def _repeated(self, shape: Shape, index: Numbers) -> None:
        head, row = shape.fields(self.version), shape.row_fields(self.version)
        payloads = Payloads(self.data, self.starts, index)
        widths = payloads.fields_per_frame()
        if (widths < len(head) + 2).any():
            raise IrregularError("a frame ends before its rows")
        firsts = np.cumsum(widths) - widths
        headers = RowsOfFields(payloads, firsts)
        count = headers.column(Field("count", Kind.INT), len(head) + 1)
        if count.null_count:  # empty means no rows, but IB's marker of no value is no count
            raise IrregularError("a frame counts no rows")
        counted = count.to_numpy().astype(np.int64)
        tail = shape.tail(self.version)
        if (counted < 0).any() or not (widths == len(head) + 2 + counted * len(row) + len(tail)).all():
            raise IrregularError("the number of fields differs")
        last = [RowsOfFields(payloads, firsts + widths).column(f, place) for place, f in enumerate(tail, -len(tail))]
        names = [f.name for f in head]
        request_ids = headers.column(head[names.index("request_id")], names.index("request_id") + 1)
        if request_ids.null_count:
            raise IrregularError("a frame names no request")
        owners = np.repeat(np.arange(len(index)), counted)
        places = np.arange(len(owners)) - np.repeat(np.cumsum(counted) - counted, counted)
        bases = firsts[owners] + len(head) + 2 + places * len(row)
        rows = RowsOfFields(payloads, bases)
        columns = {f.name: rows.column(f, i) for i, f in enumerate(row) if f.name not in _UNUSED}
        columns["request_id"] = request_ids.take(pa.array(owners))
        self._fill(shape, columns, index[owners], places.astype(np.int32))
        # Ticks come in several frames, the last of which says so; bars in one.
        done = last[0].fill_null(0).to_numpy() != 0 if last else np.ones(len(index), np.bool_)
        self.batch.answered += request_ids.filter(pa.array(done)).to_pylist()

    # One by one

    def _single(self, frames: Iterable[int]) -> None:
        """Decode frames one by one: messages aside, those of the masses to `found` by shape, the rest to `bad`."""
        for frame in frames:
            payload = self.data[self.starts[frame] + 4 : self.starts[frame + 1]]
            if message_id(payload) in self.codec.unread:
                continue
            try:
                decoded = self.codec.decode(payload)
                name = _shape_name(decoded)
            except MalformedFrameError as error:
                self.batch.bad.append((frame, payload, str(error)))
                continue
            if decoded.extra:
                self.batch.extra[decoded.name] = self.batch.extra.get(decoded.name, 0) + 1
            if name is None:
                self.batch.messages.append((frame, decoded))
            elif name:
                self.found[name].append((frame, decoded))

    def _fill_singles(self, shape: Shape, items: list[tuple[int, Decoded]]) -> None:
        fields = shape.row_fields(self.version) if shape.repeat else shape.fields(self.version)
        if shape.repeat:
            ids = [decoded.values["request_id"] for _, decoded in items if decoded.values.get("done", True)]
            self.batch.answered += ids
        records = [(frame, place, decoded.values["request_id"], row)
                   for frame, decoded in items for place, row in enumerate(_rows_of(shape, decoded))]
        columns = {f.name: _column(f, [record[3][f.name] for record in records])
                   for f in fields if f.name not in _UNUSED}
        columns["request_id"] = pa.array([record[2] for record in records], pa.int32())
        self._fill(shape, columns, np.array([record[0] for record in records], np.int64),
                   np.array([record[1] for record in records], np.int32))


_SHAPE_BY_NAME = {shape.name: shape for shape in SHAPES.values()}


def _rows_of(shape: Shape, decoded: Decoded) -> list[dict[str, object]]:
    return decoded.values[shape.repeat] if shape.repeat else [decoded.values]


def _column(described: Field, values: list[object]) -> pa.Array:
    if described.kind is Kind.BOOL:
        values = [int(bool(value)) for value in values]
    return unset_to_null(pa.array(values, ARROW_TYPES[described.kind]), described.kind)


def _outside(shape: Shape, columns: Columns) -> npt.NDArray[np.bool_]:
    """Return which rows lack a required number or have one beyond its limits."""
    count = len(columns["request_id"])
    outside = np.zeros(count, np.bool_)
    for name in REQUIRED & columns.keys():
        if columns[name].null_count:
            outside |= np.asarray(columns[name].is_null())
    for name, lowest, highest in shape.limits:
        numbers = columns[name].fill_null(lowest).to_numpy()
        outside |= (numbers < lowest) | (numbers > highest)
    return outside


def _shape_name(decoded: Decoded) -> str | None:
    """Return the shape a decoded frame belongs to, "" for one without content, None for a message of no shape.

    Raises MalformedFrameError when a required number is missing or beyond its limits.
    """
    values = decoded.values
    if decoded.name in DETAILS and values["con_id"] is None:
        raise MalformedFrameError(f"{decoded.name}.con_id is empty")
    if decoded.message.id not in MASS_IDS:
        return None
    key = decoded.message.id
    if key == TICK_BY_TICK_ID:
        if values["kind"] == 0:
            return ""  # announces that there is nothing
        if values["kind"] not in (1, 2, 3, 4):
            raise MalformedFrameError(f"tick_by_tick.kind {values['kind']} is not known")
        key = KINDS_BASE + values["kind"]
    shape = SHAPES[key]
    for name in REQUIRED & values.keys():
        if values[name] is None:
            raise MalformedFrameError(f"{decoded.name}.{name} is empty")
    for name, lowest, highest in shape.limits:
        if not lowest <= values[name] <= highest:
            raise MalformedFrameError(f"{decoded.name}.{name} is {values[name]}, not {lowest} to {highest}")
    return shape.name
