"""`ticktape backfill`: what IB's history still has."""

import math
import re
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from capture.printable import one_line

from ..shared.exits import Exit, UsageError
from ..shared.options import ClientId, Config, DataToWrite, Host, Port
from ..shared.output import age_text, redraw, say

if TYPE_CHECKING:
    from capture.recorder.history_desk import HistoryDesk, Wish
    from capture.recorder.recorder import Recorder
    from capture.session.history_job import Job
    from capture.wanted.settings import Settings

LOOK_INTERVAL_S = 0.5
LINE_INTERVAL_S = 5.0  # between lines of progress, where there is no terminal

EPILOG = ("\b\nTimes are UTC: 2026-01-31, or 2026-01-31T14:30:00. What there is:\n"
          "trades, quotes, midpoints   every tick, 1,000 at a request; IB allows 60 requests in 10 minutes,\n"
          "                            of quotes 30\n"
          "bars:SIZE[:WHAT]            bars of 1 secs to 1M, of TRADES, MIDPOINT, BID, ASK or BID_ASK")  # fmt: skip

From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="First second.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Up to this second, without it.")]
# What scripts of before say: up to this second, with it.
FormerTo = Annotated[str | None, typer.Option("--to", hidden=True)]


def run(
    instruments: Annotated[list[str] | None, typer.Argument(
        metavar="INSTRUMENT", help="Words as for `record`; without any, the gaps of the recorder.")] = None,
    from_: From = None,
    until: Until = None,
    to: FormerTo = None,
    what: Annotated[str, typer.Option(metavar="WORD,…", help="What to fetch.")] = "trades",
    host: Host = None,
    port: Port = None,
    client_id: ClientId = None,
    data: DataToWrite = None,
    recorder: Annotated[str | None, typer.Option(metavar="NAME", help="Whose tape takes it.")] = None,
    config: Config = None,
) -> None:
    """Fetch from IB's history what is missing.

    Without instruments, the gaps of a recorder: what they lack is added, and nothing twice. With instruments, --from
    and --until, history that was never recorded. A recorder that is running does the work itself, within the same
    limits of IB; else this command does it on the recorder's tape. Ctrl-C interrupts; the same command goes on. The
    exit code is 3 where history did not have all of it.
    """
    import asyncio

    from capture.recorder.history_desk import HistoryDesk
    from capture.wanted.settings import load_settings

    settings = load_settings(config, host=host, port=port, client_id=client_id, data=data, recorder=recorder)
    settings = settings.without_alerts()
    spans = _spans(instruments or [], from_, until or _until_of(to), what)
    desk = HistoryDesk(settings)
    wishes = [desk.wish(wish) for wish in spans]
    if _running(settings):
        say(f"ticktape: recorder {settings.recorder} is running and fetches it")
        code = _watch(desk, wishes, lambda: _running(settings))
    else:
        code = asyncio.run(_fetch(settings, desk, wishes))
    raise typer.Exit(code)


def _until_of(to: str | None) -> str | None:
    """Return what --until says now for the --to of before, which was included."""
    if to is None:
        return None
    until = datetime.fromtimestamp(math.floor(_moment_s(to)) + 1, UTC).isoformat()
    say(f"ticktape: warning: --to was replaced by --until, which is not included: taken as --until {until}")
    return until


def _spans(instruments: list[str], begin: str | None, end: str | None, what: str) -> "list[Wish]":
    from capture.recorder.history_desk import Wish

    if not instruments:
        if begin or end:
            raise UsageError("--from and --until are for instruments; name them, or leave both away to fill the gaps")
        return []
    if begin is None or end is None:
        raise UsageError("history needs a span: give --from and --until")
    from_s, to_s = math.floor(_moment_s(begin)), math.ceil(_moment_s(end)) - 1
    if not from_s <= to_s <= time.time():
        raise UsageError(f"--from {begin} --until {end} is no span of the past: --from has to be before "
                         "--until, and --until not after now, in UTC")
    return [Wish(word, kind.strip(), from_s, to_s, from_s) for word in instruments for kind in _words(what)]


def _words(what: str) -> list[str]:
    return re.split(r",\s*", what.strip())


def _moment_s(text: str) -> float:
    """Return a time, or the midnight of a date, in seconds since 1970, UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time such as 2026-01-31 or 2026-01-31T14:30:00") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _running(settings: "Settings") -> bool:
    from capture.lake.layout import Layout
    from capture.watch.recorder_state import recorder_state

    return bool(recorder_state(Layout(settings.data), settings.recorder)["running"])


async def _fetch(settings: "Settings", desk: "HistoryDesk", wishes: "list[Wish]") -> int:
    """Do the work on the recorder's tape, and return the exit code."""
    import asyncio

    from capture.recorder.recorder import Recorder

    recorder = Recorder(settings, wanted=[])

    async def until_fetched() -> None:
        left = TimeLeft()
        show = _paced(lambda: _summary(recorder, left))
        while not recorder.fetched or not recorder.machine.sessions:
            await asyncio.sleep(LOOK_INTERVAL_S)
            show()
        recorder.stop(_ending(recorder.machine.history.jobs.values()))

    watching = asyncio.ensure_future(until_fetched())
    try:
        code = await recorder.run()
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    jobs = recorder.machine.history.jobs.values()
    lacking = [job for job in jobs if job.state != "done"]
    for wish in desk.wishes():
        if wish.state != "wanted" and wish.name in {asked.name for asked in wishes}:
            desk.drop(wish)
    return code or (Exit.LOST if lacking else Exit.DONE)


def _ending(jobs: "Iterable[Job]") -> str:
    lacking = sum(job.state != "done" for job in jobs)
    return (f"what IB's history gives is fetched; of {lacking} spans not all is there, as said above" if lacking
            else "all that IB's history has is fetched")


class TimeLeft:
    """How long it still takes, in words. It never climbs: an estimate that does was too short, and is said to be one
    that may be."""

    def __init__(self) -> None:
        self._least_s = float("inf")

    def text(self, left_s: float, known: bool) -> str:
        """Return the words for an estimate; `known` says whether enough is fetched to tell."""
        if not known:
            return "how long that takes is not known yet"
        climbs = left_s > self._least_s
        self._least_s = min(left_s, self._least_s)
        return f"by IB's limits {'at least ' * climbs}{age_text(self._least_s)} more"


def _summary(recorder: "Recorder", left: TimeLeft) -> tuple[str, str]:
    """Return how far it is, and how long it still takes."""
    import asyncio

    history = recorder.machine.history
    jobs: list[Job] = list(history.jobs.values())
    if not jobs:
        return "looking for gaps", ""
    share = sum(job.share for job in jobs) / len(jobs)
    known = all(job.share > 0 for job in jobs)
    left_s = history.estimate_s(asyncio.get_running_loop().time())
    return (f"{share:.0%} of {len(jobs)} spans fetched, {sum(job.rows for job in jobs):,} rows",
            f"; {left.text(left_s, known)}")


def _watch(desk: "HistoryDesk", wishes: "list[Wish]", running: Callable[[], bool]) -> int:
    """Show how far a running recorder is, and return the exit code once it is done."""
    names = {wish.name for wish in wishes}

    def left() -> "list[Wish]":
        return [wish for wish in desk.wishes() if wish.name in names and wish.state == "wanted"]

    show = _paced(lambda: (f"{len(left())} of {len(names)} spans and {len(desk.gaps())} gaps left", ""))
    while left() or (not names and desk.gaps()):
        if not running():
            say("ticktape: the recorder stopped; the same command goes on with what is left")
            return Exit.FAILED
        time.sleep(LOOK_INTERVAL_S)
        show()
    done = [wish for wish in desk.wishes() if wish.name in names]
    if len(done) < len(names):
        reasons = [f"{path}: {reason}" for path, reason in desk.faults.items()] or ["its file is gone"]
        say(f"ticktape: what became of {len(names) - len(done)} spans cannot be read: {'; '.join(reasons)}; the same "
            "command asks for them again")
        return Exit.FAILED
    for wish in done:
        desk.drop(wish)
        say(one_line(f"ticktape: {wish.instrument} {wish.what}: "
                     f"{wish.reason or f'{wish.rows:,} rows of history fetched'}"))
    return Exit.LOST if any(wish.state == "unavailable" for wish in done) else Exit.DONE


def _paced(text: Callable[[], tuple[str, str]]) -> Callable[[], None]:
    """Return what shows a text, and more of it, now and then: on a terminal over and over on one line, else on a line
    of its own, where the text is another."""
    shown_s, shown = time.monotonic(), ""

    def show() -> None:
        nonlocal shown_s, shown
        if sys.stderr.isatty():
            redraw(f"ticktape: {''.join(text())}")
        elif time.monotonic() - shown_s >= LINE_INTERVAL_S and (now := text())[0] != shown:
            (shown, more), shown_s = now, time.monotonic()
            say(f"ticktape: {shown}{more}")

    return show
