"""`ticktape demo`: the whole way of the data, on an invented market."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from capture.data_folder import DEMO

from ..asking import sql, tables
from ..recording.record import record
from ..shared.exits import Exit, UsageError
from ..shared.options import span_s
from ..shared.output import show

RECORDED = [
    {"instruments": ["AAPL", "NVDA", "SPY", "ESZ6"],
     "streams": ["trades", "quotes", "midpoints", "ticks", "depth", "bars"]},
    {"instruments": ["EUR.USD", "CRYPTO:BTC.USD@PAXOS"], "streams": ["quotes", "midpoints", "ticks", "depth"]},
    {"instruments": ["OPT:AAPL:20270115:230:C"], "streams": ["ticks"]},
]
QUESTIONS = (
    ("Trades of each symbol, and their volume-weighted price", """
select symbol, count(*) as trades, sum(size) as volume, round(sum(price * size) / sum(size), 4) as vwap
from trades
group by symbol
order by trades desc"""),
    ("Quotes of each symbol, and their average spread in basis points", """
select symbol, count(*) as quotes, round(avg(ask_price - bid_price), 6) as spread,
       round(avg(10000 * (ask_price - bid_price) / bid_price), 3) as basis_points
from quotes
group by symbol
order by basis_points"""),
    ("5-second bars of one symbol, made from its trades", """
select time_bucket(interval '5 seconds', ts) as bar, first(price order by ts, seq) as open, max(price) as high,
       min(price) as low, last(price order by ts, seq) as close, sum(size) as volume
from trades
where symbol = 'ESZ6'
group by bar
order by bar"""),
    ("Greeks of an option, by IB's model", """
select symbol, count(*) as computations, round(avg(implied_volatility), 4) as volatility, round(avg(delta), 4) as delta
from greeks
where tick_name = 'MODEL_OPTION'
group by symbol"""),
)


def run(
    data: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder for tape and tables.")] = Path("data-demo"),
    for_s: Annotated[float, typer.Option("--for", parser=span_s, metavar="LENGTH", help="How long to record.")] = 20,
    rate: Annotated[float, typer.Option(min=0.001, help="Multiplies how much happens in the market.")] = 10,
) -> None:
    """Record an invented market, then ask it in SQL.

    It all runs on this machine; the rows stay in the data folder until the next demo.
    """
    from capture.wanted.settings import load_settings

    _clear(data)
    with _gateway(rate) as port:
        _title(f"An invented market is on 127.0.0.1:{port}; it is recorded into {data} for {for_s:g} s")
        settings = load_settings(Path(os.devnull), host="127.0.0.1", port=port, data=data, recorder="main",
                                 record=RECORDED, roll_interval_s=5, market_data_lines=0)
        code = record(settings, for_s)
    if code in (Exit.DONE, Exit.LOST):
        _title("The tables")
        tables.run(data=data)
        show("\nThe rows of gaps are no loss here: the end of a recording opens a gap in every stream, which lasts "
              "until the next start.")
        beside = os.path.relpath(Path(sys.executable).with_name("ticktape"))
        command = "ticktape" if shutil.which("ticktape") else beside
        for title, query in QUESTIONS:
            _title(title)
            show(f"{command} sql --data {data} \"{query}\"\n", flush=True)
            sql.run(query, data=data)
        _title("To see it in a browser")
        show(f"{command} serve --data {data}")
    raise typer.Exit(code)


def _clear(data: Path) -> None:
    """Make the folder of a demo, emptied of the one before; a folder that holds anything else is left alone."""
    from capture.publish import PRIVATE, make_folder, publish
    from capture.tape.recording_lock import recording_lock

    if data.exists() and any(data.iterdir()):
        if not (data / DEMO).exists():
            raise UsageError(f"{data} holds something that is no demo: name a fresh folder with --data")
        tape = data / "tape" / "main"
        if tape.exists():
            with recording_lock(tape):  # or another demo is running
                shutil.rmtree(data)
    make_folder(data, PRIVATE)
    publish(data / DEMO, Path.touch)


@contextmanager
def _gateway(rate: float) -> Iterator[int]:
    """Run a gateway in a process of its own, and give its port."""
    # No limits: IB's allow 5 tick-by-tick streams to an ordinary account.
    command = [sys.executable, "-m", "capture.cli", "gateway", "--port=0", "--lines=0", f"--rate={rate}"]
    # In a session of its own, Ctrl-C reaches the recorder alone, which then ends before its gateway does.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    ) as process:
        try:
            address = process.stdout.readline() if process.stdout else ""
            if not address:
                raise OSError("the gateway of the demo did not start: `ticktape gateway --port 0` says why")
            yield int(address.rpartition(":")[2])
        finally:
            process.terminate()


def _title(text: str) -> None:
    show(f"\n{text}\n", flush=True)
