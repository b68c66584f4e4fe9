"""One look at some instruments: level 1 once, fundamental ratios and dividends, recorded like everything else."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from capture.data_folder import SNAPSHOT as SNAPSHOT_RECORDER
from capture.log_lines import say_line
from capture.session.machine import Machine
from capture.session.phases import State
from capture.session.subscriptions import Life, Subscription
from capture.wanted.instrument import Instrument, parse_instrument
from capture.wanted.settings import Settings
from capture.wanted.streams import SNAPSHOT, Stream, parse_stream
from capture.wire.context import Context
from capture.wire.line import Read
from capture.wire.messages.ticktypes import TICK_TYPES
from capture.wire.read_rows import decode

from .recorder import Recorder

GENERIC = (258, 456)  # fundamental ratios, dividends
TIMEOUT_S = 11.0  # IB ends a snapshot after 11 s at the latest

_VALUES = ("price", "size", "value", "text", "option_price")  # of a tick's columns, the first that is not null


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was seen. `instruments` has, by word: `symbol`, `instrument_id`, `ticks` (tick name to value), and
    `problems` (what was refused, empty where nothing was). `exit_code` is that of `Recorder.run`.
    """

    exit_code: int
    instruments: dict[str, dict[str, Any]]


class _Look:
    """Collects the last value of each tick name by request id, and stops its recorder once all is seen."""

    def __init__(self, generic: tuple[int, ...]) -> None:
        self.values: dict[int, dict[str, Any]] = {}
        self.recorder: Recorder | None = None
        self._ended: set[int] = set()
        self._names = {tick.name for tick in TICK_TYPES.values() if tick.generic in generic}
        self._timeout: asyncio.TimerHandle | None = None

    def take(self, read: Read, context: Context) -> None:
        if context.server_version is None:
            return
        batch = decode(read.data, read.starts[read.greeting :], context)
        for rows in batch.rows:
            names = [name for name in ("request_id", "tick_name", *_VALUES) if name in rows.columns]
            for row in zip(*(rows.columns[name].to_pylist() for name in names), strict=True):
                self._tick(dict(zip(names, row, strict=True)))
        self._ended |= {m.values["request_id"] for _, m in batch.messages if m.name == "snapshot_end"}
        asyncio.get_running_loop().call_soon(self._check)  # once the session, too, knows of the read

    def close(self) -> None:
        if self._timeout:
            self._timeout.cancel()

    def _tick(self, row: dict[str, Any]) -> None:
        value = next((row[name] for name in _VALUES if row.get(name) is not None), None)
        self.values.setdefault(row["request_id"], {})[row["tick_name"]] = value

    def _check(self) -> None:
        if self.recorder is None or self.recorder.machine.state is not State.RECORDING:
            return
        if self._timeout is None:
            loop = asyncio.get_running_loop()
            self._timeout = loop.call_later(TIMEOUT_S, self.recorder.leave, f"not all came within {TIMEOUT_S:g} s")
        if all(map(self._done, self.recorder.machine.subscriptions.all)):
            self.recorder.leave("the snapshot is taken")

    def _done(self, subscription: Subscription) -> bool:
        if subscription.life is Life.REFUSED or subscription.request_id is None:
            return subscription.life is Life.REFUSED
        if subscription.stream.kind is SNAPSHOT:
            return subscription.request_id in self._ended
        return self._names <= self.values.get(subscription.request_id, {}).keys()


async def snapshot(
    settings: Settings,
    instruments: Iterable[str | Mapping[str, Any]],
    generic: tuple[int, ...] = GENERIC,
    *,
    say: Callable[[str, str], None] = say_line,
    roll: bool = True,
) -> Snapshot:
    """Look once at instruments, given as words or tables of contract fields.

    The tape's recorder is named "snapshot", and the client id is one above the settings', so that a recorder may run
    meanwhile. Raises InstrumentError, RecorderBusy or TapeError.
    """
    parsed = [parse_instrument(given) for given in instruments]
    streams = [Stream("snapshot", SNAPSHOT, dict(SNAPSHOT.values))]
    if generic:  # a snapshot takes no generic ticks, so they come by a subscription beside it
        streams.append(parse_stream("ticks:" + ",".join(map(str, generic))))
    own = settings.without_alerts().model_copy(update={
        "recorder": SNAPSHOT_RECORDER, "client_id": settings.client_id + 1})
    look = _Look(generic)
    wanted = [(instrument, stream) for instrument in parsed for stream in streams]
    look.recorder = recorder = Recorder(own, wanted, say=say, on_read=look.take, roll=roll)
    try:
        code = await recorder.run()
    finally:
        look.close()
    return Snapshot(code, {i.word: _seen(recorder.machine, i, look.values) for i in parsed})


def _seen(machine: Machine, instrument: Instrument, values: dict[int, dict[str, Any]]) -> dict[str, Any]:
    subscriptions = machine.subscriptions.of(instrument)
    contract = subscriptions[0].contract
    ticks: dict[str, Any] = {}
    for subscription in subscriptions:
        ticks |= values.get(subscription.request_id or 0, {})
    return {
        "symbol": (contract.local_symbol or contract.symbol) if contract else None,
        "instrument_id": contract.con_id if contract else None,
        "ticks": ticks,
        "problems": [s.message for s in subscriptions if s.life is Life.REFUSED],
    }
