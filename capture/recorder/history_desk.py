"""What a recorder is to fetch from IB's history, and how far it is, as files beside its tape (D45, D51).

    rolled.json             the gaps that wait for history (see capture.decode.gaps)
    backfill/<name>.json    a wish: a span of history of an instrument, and how far it is fetched
    pacing.json             the requests of the last 10 minutes, and those for 5-second bars under `live`, so that a
                            restart does not break IB's limits
"""

import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from capture.data_folder import PACING, ROLLED, WISHES
from capture.publish import PRIVATE, make_folder, publish
from capture.session.history_job import Job, State
from capture.session.history_jobs import gap_job
from capture.session.history_pacing import WINDOW_S, HistoryPacing
from capture.session.history_pages import SPANS, BarPages, Pages, TickPages
from capture.session.request_pacing import RequestPacing
from capture.session.subscriptions import Subscription
from capture.tape import recorder_folder
from capture.wanted.instrument import parse_instrument
from capture.wanted.settings import Settings
from capture.wanted.streams import StreamError
from capture.wire.messages.live_streams import TABLE_OF_WHAT

from .resume import FIRST_MARK

Found = TypeVar("Found")
_UNREADABLE = (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
MOST_S = 1 << 33  # later moments than the year 2242 are none

# What of a wish, as a word -> IB's name of it.
WHATS = {table: what for what, table in TABLE_OF_WHAT.items()}
BARS = "bars"
# A stream that has not come past a gap's end is waited for until others are so far beyond, or, where none are, so long.
OTHERS_S, QUIET_S = 60, 900.0


class WishError(StreamError):
    """A wish for history cannot be understood; the text says what is allowed."""


@dataclass(slots=True)
class Wish:
    """A span of history of an instrument, seconds since 1970, both ends included.

    `what` is trades, quotes, midpoints or bars:SIZE[:WHAT]; all before `next_s` is fetched, `rows` of them, with `cut`
    seconds that are not known to be whole.
    """

    instrument: str
    what: str
    from_s: int
    to_s: int
    next_s: int
    state: str = State.WANTED.value
    reason: str = ""
    rows: int = 0
    cut: int = 0

    @property
    def name(self) -> str:
        """The name of its file: the same for the same wish."""
        text = json.dumps([self.instrument, self.what, self.from_s, self.to_s])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def job(self) -> Job:
        """Return the job that fulfils what is left of it. Raises WishError or InstrumentError."""
        pages = pages_of(self.what, self.next_s, self.to_s)
        job = Job(self.name, parse_instrument(self.instrument), pages, self.from_s, state=State(self.state),
                  reason=self.reason, rows=self.rows, cut=self.cut)  # fmt: skip
        job.answers = int(self.rows > 0)
        return job


def pages_of(what: str, from_s: int, to_s: int) -> Pages:
    """Return the pages of a wish's word. Raises WishError."""
    if what in WHATS:
        return TickPages(WHATS[what], from_s, to_s)
    kind, size, made_of, *_ = [*what.split(":"), "", ""]
    if kind != BARS or size not in SPANS:
        raise WishError(f"{what!r} is no history; allowed are {', '.join(WHATS)}, and {BARS}:SIZE[:WHAT] with SIZE one "
                        f"of {', '.join(SPANS)} and WHAT TRADES, MIDPOINT, BID, ASK or BID_ASK")
    return BarPages(size, made_of or "TRADES", from_s, to_s)


def parse_wish(text: str) -> Wish:
    """Return the wish that a file holds. Raises ValueError, WishError and InstrumentError among them."""
    found = json.loads(text)
    types = {field.name: field.type for field in fields(Wish)}
    if not isinstance(found, dict) or not found.keys() <= types.keys():
        raise WishError(f"a wish is an object of {', '.join(types)}")
    for name, value in found.items():
        if type(value) is not types[name] or (isinstance(value, int) and not 0 <= value < MOST_S):
            raise WishError(f"{name} cannot be {value!r:.40}")
    try:
        wish = Wish(**found)
    except TypeError as error:
        raise WishError(str(error)) from None
    wish.job()
    return wish


class HistoryDesk:
    """Reads the wishes of one recorder and writes down what became of them.

    `complete` says whether the jobs last read were all: the tape was rolled up to `mark`, so that its gaps are known.
    What cannot be read is left out, is tried again the next time, and is in `faults`, by its place, with the reason.
    """

    def __init__(self, settings: Settings, mark: int = FIRST_MARK) -> None:
        folder = recorder_folder(settings.tape_root, settings.recorder)
        self._data = settings.data
        self._wishes = folder / WISHES
        self._pacing = folder / PACING
        self._rolled = folder / ROLLED
        self._mark = mark
        self._seen_ns = 0
        self._waiting: list[dict[str, Any]] = []
        self._written: dict[Path, str] = {}
        self._joined: dict[Path, tuple[int, int]] = {}  # which version of others' memories of pacing is counted
        self.complete = False
        self.faults: dict[str, str] = {}

    def load_pacing(self) -> tuple[HistoryPacing, tuple[list[Any], ...]]:
        """Return the pacing that earlier runs left, of history and of live requests (see RequestPacing).

        IB counts by account: so what other recorders of this folder asked history for counts too. Where the own one
        cannot be read, history waits until IB has forgotten what was asked for.
        """
        pacing, live = HistoryPacing(), tuple[list[Any], ...]()
        if self._pacing.exists():
            found = self._read(self._pacing, _parse_pacing)
            pacing, live = found or (HistoryPacing(_held_until_s=time.time() + WINDOW_S), ())
        self.join_others(pacing)
        return pacing, live

    def join_others(self, pacing: HistoryPacing) -> None:
        """Let a pacing count what other recorders of this folder have asked IB's history for by now."""
        for path in sorted(self._pacing.parent.parent.glob(f"*/{self._pacing.name}")):
            if path == self._pacing:
                continue
            try:
                found = path.stat()
            except OSError:
                continue  # gone, or not ours to see
            version = found.st_ino, found.st_mtime_ns
            if self._joined.get(path) != version and (other := self._read(path, _parse_pacing)):
                pacing.join(other[0])
                self._joined[path] = version

    def jobs(self, subscriptions: Iterable[Subscription]) -> tuple[Job, ...]:
        """Return what there is to fetch by now: the gaps that wait, and the wishes."""
        live = {(one.contract.con_id, one.stream.kind.stream): one for one in subscriptions if one.contract}
        gaps = [self._gap_job(gap, live) for gap in self.gaps() if gap["instrument_id"] is not None]
        return (*(job for job in gaps if job is not None), *(wish.job() for wish in self.wishes()))

    def wishes(self) -> list[Wish]:
        """Return the wishes, also those that were fulfilled."""
        found = [self._read(path, parse_wish) for path in sorted(self._wishes.glob("*.json"))]
        return [wish for wish in found if wish is not None]

    def wish(self, wish: Wish) -> Wish:
        """Write a wish down, unless it is there already; return how it stands. Raises WishError or InstrumentError."""
        wish.job()
        path = self._wishes / f"{wish.name}.json"
        if known := self._read(path, parse_wish):
            return known
        make_folder(self._data, PRIVATE)
        make_folder(self._wishes, PRIVATE)
        self.write({path: json.dumps(asdict(wish), indent=1)})
        return wish

    def drop(self, wish: Wish) -> None:
        """Take a wish away."""
        (self._wishes / f"{wish.name}.json").unlink(missing_ok=True)

    def files(self, jobs: Iterable[Job], pacing: HistoryPacing, live: list[list[Any]]) -> dict[Path, str]:
        """Return the files that say how far the wishes are fetched, and the pacing, where they changed."""
        by_name = {job.name: job for job in jobs}
        contents = {self._pacing: pacing.as_json() | {"live": live}}
        for wish in self.wishes():
            if job := by_name.get(wish.name):
                now = {"next_s": job.pages.next_s, "state": job.state.value, "reason": job.reason, "rows": job.rows,
                       "cut": job.cut}  # fmt: skip
                contents[self._wishes / f"{wish.name}.json"] = asdict(wish) | now
        texts = {path: json.dumps(content, indent=1) for path, content in contents.items()}
        return {path: text for path, text in texts.items() if self._written.get(path) != text}

    def write(self, files: dict[Path, str]) -> None:
        """Publish files. Raises OSError."""
        for path, text in files.items():
            publish(path, partial(_write_text, text))
            self._written[path] = text

    def gaps(self) -> list[dict[str, Any]]:
        """Return the gaps that wait for history, as far as the tape is rolled (see capture.decode.gaps)."""
        try:
            changed_ns = self._rolled.stat().st_mtime_ns
        except FileNotFoundError:
            self.complete = self._mark == FIRST_MARK
            return []
        if changed_ns != self._seen_ns and (found := self._read(self._rolled, _parse_rolled)):
            mark, self._waiting = found
            self._seen_ns, self.complete = changed_ns, mark >= self._mark
        return self._waiting

    def _read(self, path: Path, parse: Callable[[str], Found]) -> Found | None:
        """Return what a file holds; None where there is none, or where it cannot be read."""
        found = None
        try:
            found = parse(path.read_text())
        except FileNotFoundError:
            pass
        except _UNREADABLE as error:
            self.faults[str(path)] = f"{type(error).__name__}: {error}".partition("\n")[0]
            return None
        self.faults.pop(str(path), None)
        return found

    def _gap_job(self, gap: dict[str, Any], live: dict[tuple[int, str], Subscription]) -> Job | None:
        """Return the job for a gap; None where what is written of it makes none."""
        name = f"{self._rolled}, gap {gap.get('gap_id')}"
        try:
            one = live.get((gap["instrument_id"], gap["stream"]))
            job = gap_job(gap, one.contract.exchange if one and one.contract else "")
        except _UNREADABLE as error:
            self.faults[name] = f"{type(error).__name__}: {error}"
            return None
        self.faults.pop(name, None)
        if one is not None:
            _wait_for(one, job, live.values())
        return job


def _parse_pacing(text: str) -> tuple[HistoryPacing, tuple[list[Any], ...]]:
    state = json.loads(text)
    live = tuple(state.get("live", ()))
    RequestPacing().resume(live, 0.0, 0.0)
    pacing = HistoryPacing.from_json(state)
    pacing.budget(0.0)
    return pacing, live


def _parse_rolled(text: str) -> tuple[int, list[dict[str, Any]]]:
    rolled = json.loads(text)
    waiting = [dict(gap) for gap in rolled["gaps"]["waiting"]] if rolled["gaps"] else []
    if not all({"gap_id", "instrument_id"} <= gap.keys() for gap in waiting):
        raise ValueError("a gap has no name or no instrument")
    return int(rolled["mark"]), waiting


def _wait_for(one: Subscription, job: Job, all_live: Collection[Subscription]) -> None:
    """Let a gap's job begin once all that comes live of its last seconds has come: it would come twice else."""
    newest_s = max(other.lateness.newest_s or 0.0 for other in all_live)
    is_quiet = newest_s > job.pages.to_s + OTHERS_S  # rather than late
    if not is_quiet and (one.lateness.newest_s or 0.0) <= job.pages.to_s:
        job.begin_s = job.pages.to_s + QUIET_S + max(other.lateness.max_s or 0.0 for other in all_live)


def _write_text(text: str, path: Path) -> None:
    path.write_text(text)
