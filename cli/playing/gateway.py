"""`ticktape gateway`: a TWS-speaking gateway with an invented or a recorded market, and commands to one that runs."""

import contextlib
import errno
import re
import signal
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from capture.suggestion import unknown
from capture.times import DAY_US

from ..shared.exits import UsageError
from ..shared.options import Config, Data, ForSeconds, Json, PlayedBy, lake_folder
from ..shared.output import say, show, show_json, show_table
from .terms import (
    AccountType,
    Cash,
    FeesOf,
    Filling,
    MasterClientId,
    OrderLatencyMs,
    PenetrationTicks,
    PositionsFile,
    StateFile,
    TestReferences,
    terms,
)

if TYPE_CHECKING:
    from capture.gateway import Clock, Gateway
    from capture.gateway.recorded import Recording
    from capture.gateway.run import Beside

GROUP = typer.Typer(invoke_without_command=True, subcommand_metavar="[control|status ...]", rich_markup_mode=None)

_OF_REPLAY = ("until", "then_live", "start_paused", "data", "config", "recorder", "clock", "instruments")
_OF_MARKET = ("seed", "rate", "always_open")
_NEGATIVE = re.compile(r"-\.?\d")


@GROUP.callback()
def run(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes any free one.")] = 4002,
    seed: Annotated[int, typer.Option(help="The same seed gives the same invented market.")] = 1,
    rate: Annotated[float, typer.Option(min=0.001, help="Multiplies how much happens in it per second.")] = 1.0,
    speed: Annotated[str, typer.Option(
        metavar="FACTOR|max", help="How fast time runs; max, in a replay: as fast as clients read.")] = "1",
    always_open: Annotated[bool, typer.Option(
        help="Let the invented market trade around the clock, or in each exchange's hours.")] = True,
    lines: Annotated[int, typer.Option(min=0, help="Market data lines, which IB's limits follow; 0: no limits.")] = 100,
    replay: Annotated[str | None, typer.Option(
        metavar="TIME", help="Play what was recorded, from this time on: 2026-11-20T14:30 (UTC), or a date.")] = None,
    until: Annotated[str | None, typer.Option(
        metavar="TIME", help="Where a replay ends. Default: where the recording does.")] = None,
    then_live: Annotated[bool, typer.Option(
        "--then-live", help="Go on with what is being recorded, once a replay has come that far.")] = False,
    start_paused: Annotated[bool, typer.Option(
        "--start-paused", help="Let a replay wait for `gateway control resume`.")] = False,
    data: Data = None,
    config: Config = None,
    recorder: Annotated[str | None, typer.Option(help="Whose tape to play, where several recorded.")] = None,
    clock: Annotated[PlayedBy, typer.Option(
        help="Play what came late when it came, or when it happened.")] = PlayedBy.ARRIVAL,
    instruments: Annotated[list[str] | None, typer.Option(
        help="Play only this one: AAPL, conid:265598; may be repeated.")] = None,
    cash: Cash = Decimal(1_000_000),
    account_type: AccountType = "margin",
    positions: PositionsFile = None,
    fees: FeesOf = "fixed",
    fills: Filling = "queue",
    penetration_ticks: PenetrationTicks = 1,
    order_latency_ms: OrderLatencyMs = 0.0,
    test_references: TestReferences = False,
    state: StateFile = None,
    master_client_id: MasterClientId = None,
    for_s: ForSeconds = None,
) -> None:  # fmt: skip
    """Run a gateway with an invented market, or with --replay one that plays what was recorded.

    Any IB client on this machine can connect to it; its address is printed once it listens. The invented market knows
    some stocks, futures, options, currencies, coins and indices, such as AAPL, ESZ6, EUR.USD and CRYPTO:BTC.USD. A
    replay can be paused, moved and sped up by `gateway control`, and by keys where it runs in a terminal. With
    --then-live it goes on, from the past into the present, with what recorders write while it runs. In all of them,
    orders are taken and filled by the market that goes by, for a paper account. It runs until Ctrl-C.
    """
    if (verb := context.invoked_subcommand) is not None:
        for option in context.command.params:
            if option.name and _is_given(context, option.name):
                raise UsageError(f"{option.opts[0]} is of a gateway that begins: options of {verb} follow it, as in "
                                 f"`ticktape gateway {verb} --port 4002`")  # fmt: skip
        return
    from capture.gateway import Gateway, Limits
    from capture.gateway.market import Market

    factor = _speed(speed, may_be_max=replay is not None)
    limits = Limits.of_lines(lines) if lines else None
    _check_together(context, replay is not None)
    if fills != "strict" and _is_given(context, "penetration_ticks"):
        raise UsageError("--penetration-ticks: only with --fills strict")
    if state is not None and state.exists() and any(_is_given(context, name) for name in ("cash", "positions")):
        raise UsageError(f"--cash, --positions: the account in {state} has its own; name another file with --state")
    agreed = terms(
        cash, account_type, positions, fees, fills, penetration_ticks, order_latency_ms, test_references,
        state, master_client_id)
    if replay is None:
        market = Market(seed=seed, rate=rate, always_open=always_open)
        _serve(Gateway(market, port=port, speed=factor, limits=limits, terms=agreed), for_s)
        return
    _check_live(then_live, until, clock)
    folder, by_event = lake_folder(data, config), clock is PlayedBy.EVENT
    with _recording(folder, recorder, instruments or [], by_event, then_live) as recording:
        time = _clock(recording, replay, until, factor, start_paused, then_live)
        _serve(Gateway(recording, port=port, clock=time, limits=limits, terms=agreed), for_s,
               _beside(recording, then_live))


def _check_together(context: typer.Context, is_replay: bool) -> None:
    """Refuse options that say nothing about the market that is wanted."""
    odd = [name for name in (_OF_MARKET if is_replay else _OF_REPLAY) if _is_given(context, name)]
    if odd:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in odd)
        only = "an invented market" if is_replay else "a replay: say from when with --replay"
        raise UsageError(f"{options}: only for {only}")


def _is_given(context: typer.Context, name: str) -> bool:
    return getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"


def _check_live(then_live: bool, until: str | None, clock: PlayedBy) -> None:
    if then_live and until is not None:
        raise UsageError("--then-live and --until contradict each other: what is being recorded has no end")
    if then_live and clock is PlayedBy.EVENT:
        raise UsageError("--then-live and --clock event contradict each other: what comes late cannot be sent at a "
                         "time that is over")


def _speed(text: str, may_be_max: bool) -> float:
    from capture.replay.clock import AT_ONCE, FASTEST

    if text == "max" and may_be_max:
        return AT_ONCE
    with contextlib.suppress(ValueError):
        if 0.001 <= (factor := float(text)) <= FASTEST:
            return factor
    raise UsageError(f"--speed is {text!r}; write a factor from 0.001 to {FASTEST:,.0f}"
                     f"{', or max' if may_be_max else ''}")


@contextlib.contextmanager
def _recording(
    folder: Path, recorder: str | None, instruments: list[str], by_event: bool, grows: bool
) -> Iterator["Recording"]:
    from capture import open_lake
    from capture.gateway.recorded import Recording, RecordingError

    with open_lake(folder) as lake:
        try:
            recording = Recording(lake, recorder, instruments, by_event, grows)
        except RecordingError as error:
            raise UsageError(str(error)) from None
        yield recording


def _clock(
    recording: "Recording", replay: str, until: str | None, speed: float, paused: bool, grows: bool
) -> "Clock":
    from capture.gateway import Clock
    from capture.gateway.control.replay_commands import as_text

    begin_us, end_us = recording.begin_us, recording.end_us
    start_us = _moment_us("--replay", replay, begin_us)
    if start_us // DAY_US == begin_us // DAY_US and start_us < begin_us:
        say(f"ticktape: the recording begins at {as_text(begin_us)}")
        start_us = begin_us
    last_us = min(_moment_us("--until", until, start_us), end_us) if until is not None else end_us
    if not begin_us <= start_us < last_us:
        raise UsageError(f"nothing to play from {as_text(start_us)} until {as_text(last_us)}: "
                         f"the recording goes from {as_text(begin_us)} to {as_text(end_us)}")  # fmt: skip
    return Clock(start_us, speed, (begin_us, last_us - grows), paused, grows=grows)


def _moment_us(option: str, text: str, near_us: int) -> int:
    from capture.gateway.control.replay_commands import moment_us

    try:
        return moment_us(text, near_us)
    except (ValueError, OverflowError):
        raise UsageError(f"{option} is {text!r}; write a time, 2026-11-20T14:30 or 2026-11-20T09:30-05:00, "
                         "or a date") from None


def _beside(recording: "Recording", grows: bool) -> "Beside":
    """Return what runs beside a replay: keys, and where it grows what takes in what comes."""
    from capture.gateway.recorded import growing

    from ..shared.keys import watching

    @contextlib.contextmanager
    def beside(gateway: "Gateway", end: Callable[[], None]) -> Iterator[None]:
        with watching(gateway, end), growing(recording, gateway.clock) if grows else contextlib.nullcontext():
            yield

    return beside


def _serve(gateway: "Gateway", for_s: float | None, beside: "Beside | None" = None) -> None:
    from capture.gateway import serve

    def ready(port: int) -> None:
        _announce(port)
        if for_s is not None:
            timer = threading.Timer(for_s, signal.raise_signal, (signal.SIGTERM,))
            timer.daemon = True
            timer.start()

    try:
        serve(gateway, ready, beside)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise OSError(
            f"port {gateway.port} is taken, perhaps by TWS or another gateway: name one with --port, or 0") from None


def _announce(port: int) -> None:
    show(f"127.0.0.1:{port}", flush=True)
    say("ticktape: the gateway is up; end it with Ctrl-C")


@GROUP.command()
def status(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the gateway.")] = 4002,
    json: Json = False,
) -> None:
    """Show a gateway that runs: where it is, its clients and streams, open orders, and how its account stands.

    It is what `gateway control status` shows; `gateway control orders` and `account` show more.
    """
    control("status", [], port, json)


@GROUP.command(context_settings={"ignore_unknown_options": True})  # -60 is a number of seconds
def control(
    command: Annotated[str | None, typer.Argument(metavar="COMMAND", help="What to do; none: list all.")] = None,
    arguments: Annotated[list[str] | None, typer.Argument(metavar="ARGUMENT", help="In order, or NAME=VALUE.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the gateway.")] = 4002,
    json: Json = False,
) -> None:
    """Break a gateway that runs, to see what its clients make of it, or move a replay in time.

    For instance: stall trades AAPL 30, outage lost seconds=10, drop mid-frame; pause, seek 14:30, speed 10. Only
    gateways started by the same user on this machine can be told.
    """
    from capture.gateway import CommandError
    from capture.gateway.control.command_socket import ask, explained

    if command is None:
        show(explained())
        return
    for word in (command, *(arguments or [])):
        if word.startswith("-") and not _NEGATIVE.match(word):
            raise UsageError(unknown("option", word, ("--port", "--json", "--help")))
    try:
        result = ask(port, command, arguments or [])
    except CommandError as error:
        raise UsageError(str(error)) from None
    if json:
        show_json(result)
    elif isinstance(result, dict):
        _show(result)
    elif isinstance(result, list):
        _show_rows(result)
    else:
        show(f"{command}: {result or 'done'}")


def _show(result: dict[str, Any]) -> None:
    """Print what is one value on a line each, and then what is rows as a table."""
    tables = ("streams", "positions")
    for name, value in result.items():
        if name not in tables:
            show(f"{name}: {', '.join(map(str, value)) if isinstance(value, list | dict) else value}")
    for name in tables:
        _show_rows(result.get(name, []))


def _show_rows(rows: list[dict[str, Any]]) -> None:
    if rows:
        show_table(list(rows[0]), [list(row.values()) for row in rows])
