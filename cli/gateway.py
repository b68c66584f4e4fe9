"""`ticktape gateway`: a TWS-speaking gateway with an invented market, and commands to one that runs."""

import errno
import signal
import threading
from typing import Annotated, Any

import typer

from .exits import UsageError
from .options import ForSeconds, Json
from .output import say, show_json, show_table

GROUP = typer.Typer(invoke_without_command=True, subcommand_metavar="[control ...]", rich_markup_mode=None)


@GROUP.callback()
def run(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes any free one.")] = 4002,
    seed: Annotated[int, typer.Option(help="The same seed gives the same market.")] = 1,
    rate: Annotated[float, typer.Option(min=0.001, help="Multiplies how much happens per second.")] = 1.0,
    speed: Annotated[float, typer.Option(min=0.001, help="Multiplies how fast the market's time runs.")] = 1.0,
    always_open: Annotated[bool, typer.Option(help="Trade around the clock, or in each exchange's hours.")] = True,
    lines: Annotated[int, typer.Option(min=0, help="Market data lines, which IB's limits follow; 0: no limits.")] = 100,
    for_s: ForSeconds = None,
) -> None:
    """Run a gateway with an invented market.

    Any IB client on this machine can connect to it; its address is printed once it listens. It knows some stocks,
    futures, options, currencies, coins and indices, such as AAPL, ESZ6, EUR.USD and CRYPTO:BTC.USD, and runs until
    Ctrl-C.
    """
    if context.invoked_subcommand is not None:
        return
    from capture.gateway import Gateway, Limits, serve
    from capture.gateway.market import Market

    feed = Market(seed=seed, rate=rate, always_open=always_open)
    gateway = Gateway(feed, port=port, speed=speed, limits=Limits.of_lines(lines) if lines else None)
    if for_s is not None:
        timer = threading.Timer(for_s, signal.raise_signal, (signal.SIGTERM,))
        timer.daemon = True
        timer.start()
    try:
        serve(gateway, _announce)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise OSError(f"port {port} is taken, perhaps by TWS or another gateway: name one with --port, or 0") from None


def _announce(port: int) -> None:
    print(f"127.0.0.1:{port}", flush=True)
    say("ticktape: the gateway is up; end it with Ctrl-C")


@GROUP.command()
def control(
    command: Annotated[str | None, typer.Argument(metavar="COMMAND", help="What to do; none: list all.")] = None,
    arguments: Annotated[list[str] | None, typer.Argument(metavar="ARGUMENT", help="In order, or NAME=VALUE.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the gateway.")] = 4002,
    json: Json = False,
) -> None:
    """Break a gateway that runs, to see what its clients make of it.

    For instance: stall trades AAPL 30, outage lost seconds=10, drop mid-frame. Write -- in front of a COMMAND with a
    negative number. Only gateways started by the same user on this machine can be told.
    """
    from capture.gateway import CommandError
    from capture.gateway.control import ask, explained

    if command is None:
        print(explained())
        return
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


def _show(result: dict[str, Any]) -> None:
    """Print what is one value on a line each, and rows as a table."""
    for name, value in result.items():
        if name != "streams":
            print(f"{name}: {', '.join(map(str, value)) if isinstance(value, list | dict) else value}")
    _show_rows(result["streams"])


def _show_rows(rows: list[dict[str, Any]]) -> None:
    if rows:
        show_table(list(rows[0]), [list(row.values()) for row in rows])
