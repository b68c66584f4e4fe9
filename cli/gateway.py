"""`ticktape gateway`: a TWS-speaking gateway with an invented market."""

import errno
import signal
import threading
from typing import Annotated

import typer

from .options import ForSeconds
from .output import say


def run(
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
