"""A lake's life: recorder, roller, sealer and pruner, a step at a time, on a disk that is watched and may fail."""

import errno
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from types import SimpleNamespace
from unittest import mock

from capture.lake.layout import Layout
from capture.lake.parquet_file import ROW_GROUPS
from capture.lake.proof.prune import PruneError, prune
from capture.lake.roll import Roller
from capture.lake.row_groups.compactor import Compactor
from capture.lake.sealing import Sealer
from capture.lake.views import prepare
from capture.recorder.history_desk import HistoryDesk, Wish
from capture.recorder.journal import Journal
from capture.schemas import TABLES
from capture.tape import TapeError, TapeFull, compress_closed
from capture.wanted.settings import Settings
from capture.wire.text.codec import answer_codec, request_codec
from capture.wire.text.framing import frame
from capture.wire.text.handshake import client_hello, server_hello
from tests.conftest import HELLO, SESSION
from tests.disk import Disk, Tree, write_tree
from tests.power.watch import Killed, Short, Watch

RECORDER, ROLLER, SEALER = "recorder", "roller", "sealer"
KEPT_DAYS = 2
SETTINGS = Settings()  # making them takes longer than copying
FILLED = ("trades", "sessions", "subscriptions", "gaps", "notices", "undecoded")  # tables that get rows here
REQUESTS, ANSWERS = request_codec(HELLO.server_version), answer_codec(HELLO.server_version)


class Clock:
    """Virtual time, for the tape and for what is over."""

    def __init__(self) -> None:
        self.now_ns = int(datetime(2026, 1, 5, 12, tzinfo=UTC).timestamp()) * 10**9

    def tick(self) -> int:
        self.now_ns += 1_000_000
        return self.now_ns

    @property
    def now_s(self) -> float:
        return self.now_ns / 1e9

    @property
    def today(self) -> date:
        return datetime.fromtimestamp(self.now_s, UTC).date()

    def next_day(self) -> None:
        self.now_ns += 86_400 * 10**9

    @contextmanager
    def ruling(self) -> Iterator[None]:
        """Let the tape be stamped by it, and leave out what takes long: the views file, and tables that stay empty."""
        clock = SimpleNamespace(time_ns=self.tick, monotonic_ns=lambda: self.now_ns)
        with (mock.patch("capture.tape.steady_clock.time", clock),
              mock.patch.dict(TABLES, {name: TABLES[name] for name in FILLED}, clear=True),
              mock.patch("capture.lake.views._write_views", lambda layout, faults, path: path.write_bytes(b"views"))):
            yield


def settings_of(data: Path) -> Settings:
    return SETTINGS.model_copy(update={"data": data, "segment_size_bytes": 1})  # segments end when they are told to


class Recording:
    """The recorder's process, as far as its tape goes."""

    def __init__(self, data: Path) -> None:
        self.settings = settings_of(data)
        self.journal = Journal.open(self.settings)
        self.connected = False

    def connect(self) -> None:
        self.journal.opened(SESSION)
        self.connected = True
        self._send(client_hello(157, 200))
        self.journal.received(server_hello(HELLO))
        contract = {"con_id": 5, "symbol": "MSFT", "local_symbol": "MSFT", "sec_type": "STK", "exchange": "SMART"}
        self._send(frame(REQUESTS.encode("req_tick_by_tick", {"request_id": 5, "tick_kind": "AllLast", **contract})))
        ask = {"request_id": 6, "what": "TRADES", **contract}
        self._send(frame(REQUESTS.encode("req_historical_ticks", ask)))

    def receive(self, data: bytes) -> None:
        self.journal.received(data)

    def hang_up(self, reason: str) -> None:
        self.connected = False
        with suppress(TapeError):
            self.journal.closed(reason)

    def _send(self, data: bytes) -> None:
        self.journal.sent(data)


def trade(number: int, now_s: float) -> bytes:
    values = {"request_id": 5, "kind": 2, "time": int(now_s), "price": float(number), "size": 100.0, "mask": 0,
              "exchange": "NASDAQ", "conditions": ""}
    return frame(ANSWERS.encode("tick_by_tick", values))


def late_trade(number: int, at_s: float) -> bytes:
    tick = {"time": int(at_s), "mask": 0, "price": float(number), "size": 1.0, "exchange": "X", "conditions": ""}
    return frame(ANSWERS.encode("historical_trades", {"request_id": 6, "done": True, "ticks": [tick]}))


@dataclass(frozen=True, slots=True)
class Owed:
    """What a life promised up to a moment: rows and wishes that must be there.

    Rows of dates before `pruned_before` may be pruned. `dates` are the dates of all rows.
    """

    rows: frozenset[int]
    pruned_before: date
    wishes: frozenset[str]
    dates: dict[int, date]

    def keeps(self, number: int) -> bool:
        """Return whether a row may not be pruned."""
        return self.dates.get(number, date.max) >= self.pruned_before


@dataclass(frozen=True, slots=True)
class Former:
    """What a life begins with: what the power cut left of the one before, and the rows found in it."""

    tree: Tree = field(default_factory=dict)
    rows: tuple[int, ...] = ()
    dates: dict[int, date] = field(default_factory=dict)
    pruned_before: date = date.min


class Life:
    """Steps of all processes over a data folder below `root`.

    `rows` are the numbers of the rows that the tape took, `dates` the dates of all rows that it was given; `promises`
    says from which operation on how many of them must be there whatever happens, `pruned` from which operation on rows
    before a date may go, `wishes` from which on a wish must be there.
    """

    def __init__(self, root: Path, clock: Clock, random: Random, former: "Former | None" = None) -> None:
        former = former or Former()
        write_tree(former.tree, root)
        self.data, self.clock, self.random = root / "data", clock, random
        self.layout = Layout(self.data)
        self.watch = Watch(root, Disk(former.tree))
        self.rows = list(former.rows)
        self.dates = dict(former.dates)
        self.promises: list[tuple[int, int]] = [(0, len(self.rows))]
        self.pruned: list[tuple[int, date]] = [(0, former.pruned_before)]
        self.wishes: list[tuple[int, str]] = []
        self.steps = 0
        self._recording: Recording | None = None
        self._roller: Roller | None = None
        self._on_disk: dict[str, dict[Path, int]] = {}  # what each process knows of folders
        self._plan: dict[int, str] = {}
        self._calls = 0
        self._full = range(0)
        self.watch.fault = self._fault

    def fail_at(self, plan: dict[int, str], full: range) -> None:
        """Let calls of the system fail by their number, and the disk be full in a range of them."""
        self._plan, self._full = plan, full

    def _fault(self, call: str, path: str) -> None:
        self._calls += 1
        what = self._plan.get(self._calls)
        if what == "kill":
            self.watch.killed = True
            raise Killed
        if what == "error" and call in ("write", "fsync", "chmod", "rename", "open"):
            raise OSError(errno.EIO, "the disk failed")
        if self._calls in self._full and call in ("write", "chmod", "open", "mkdir"):
            if call == "write" and self._calls % 2:
                raise Short
            raise OSError(errno.ENOSPC, "no space left")

    def live(self, steps: int) -> None:
        """Do so many steps, and stop nothing at the end."""
        with self.watch.watching(), self.clock.ruling():
            for _ in range(steps):
                step = self.random.choices(list(STEPS), list(STEPS.values()))[0]
                self._as(*step)
                self.steps += 1
            for process in (RECORDER, ROLLER, SEALER):
                self.end(process)

    def _as(self, process: str, step: "Callable[[Life], None]") -> None:
        """Do a step in a process, which may be killed or end with an error by it."""
        self.watch.process = process
        try:
            with mock.patch("capture.publish._on_disk", self._on_disk.setdefault(process, {})):
                step(self)
        except Killed:
            self.end(process)
        except TapeFull:
            if process == RECORDER:
                self._as(process, Life.hang_up)
        except (OSError, PruneError):
            self.end(process)

    def end(self, process: str) -> None:
        """Let a process end, as SIGKILL ends it."""
        self.watch.end(process)
        self._on_disk.pop(process, None)
        if process == RECORDER:
            self._recording = None
        if process == ROLLER:
            self._roller = None

    def _promise(self, count: int | None = None) -> None:
        self.promises.append((len(self.watch.operations), len(self.rows) if count is None else count))

    def owed(self, cut: int) -> Owed:
        """Return what was promised before an operation."""
        count = max(count for at, count in self.promises if at <= cut)
        return Owed(frozenset(self.rows[:count]), max(before for at, before in self.pruned if at <= cut),
                    frozenset(name for at, name in self.wishes if at <= cut), self.dates)

    # Steps

    def record(self) -> None:
        recording = self._recording = self._recording or Recording(self.data)
        if not recording.connected:
            recording.connect()
        first = max(self.dates, default=0) + 1
        numbers = range(first, first + self.random.randint(1, 3))
        late_days = [self.random.choice((1, 2)) if self.random.random() < 0.07 else 0 for _ in numbers]
        late = dict(zip(numbers, late_days, strict=True))
        self.dates |= {number: self.clock.today - timedelta(days) for number, days in late.items()}
        data = b"".join(late_trade(number, self.clock.now_s - 86_400 * days) if days else
                        trade(number, self.clock.now_s) for number, days in late.items())
        at = self.random.choice((len(data), self.random.randrange(len(data))))
        recording.receive(data[:at])
        if at < len(data):
            recording.receive(data[at:])
        self.rows += numbers

    def hang_up(self) -> None:
        if self._recording:
            self._recording.hang_up("the disk is full")

    def mark(self) -> None:
        if self._recording:
            self._recording.journal.mark()

    def sync(self) -> None:
        if self._recording:
            count = len(self.rows)
            self._recording.journal.tape.sync()
            self._promise(count)

    def rotate(self) -> None:
        if self._recording and self._recording.journal.rotate():
            self._promise()
            compress_closed(self.layout.tape / "main")

    def stop(self) -> None:
        if self._recording:
            recording, self._recording = self._recording, None
            recording.hang_up("stopped")
            recording.journal.tape.close()
            self._promise()

    def be_killed(self) -> None:
        self.watch.killed = True
        raise Killed

    def wish(self) -> None:
        begin = int(self.clock.now_s)
        desk = HistoryDesk(settings_of(self.data))
        wish = desk.wish(Wish("MSFT", "trades", begin, begin + 60, begin))
        self.wishes.append((len(self.watch.operations), wish.name))

    def roll(self) -> None:
        if self._roller is None:
            prepare(self.layout)
            self._roller = Roller(self.layout, "main")
        deque(self._roller.roll(), maxlen=0)

    def seal(self) -> None:
        sealer = Sealer(self.layout, settle_s=0, grace_s=-1e12, now_s=lambda: self.clock.now_s)
        # In every second run as a version did that cut no row groups by symbol.
        with mock.patch("capture.lake.parquet_file.ROW_GROUPS", self.random.choice((ROW_GROUPS, {}))):
            deque(sealer.seal(), maxlen=0)
        sealer.clear()

    def compact(self) -> None:
        deque(Compactor(self.layout, settle_s=0).compact(), maxlen=0)

    def prune(self) -> None:
        self.pruned.append((len(self.watch.operations), self.clock.today - timedelta(days=KEPT_DAYS)))
        prune(self.layout, {"trades": KEPT_DAYS, "tape": KEPT_DAYS}, self.clock.today)

    def pass_a_day(self) -> None:
        self.clock.next_day()


STEPS: dict[tuple[str, Callable[[Life], None]], int] = {
    (RECORDER, Life.record): 30,
    (RECORDER, Life.mark): 10,
    (RECORDER, Life.sync): 8,
    (RECORDER, Life.rotate): 5,
    (RECORDER, Life.stop): 2,
    (RECORDER, Life.be_killed): 2,
    (RECORDER, Life.wish): 1,
    (ROLLER, Life.roll): 10,
    (ROLLER, Life.be_killed): 1,
    (SEALER, Life.seal): 4,
    (SEALER, Life.compact): 3,
    (SEALER, Life.prune): 2,
    (RECORDER, Life.pass_a_day): 3,
}
