"""A paper day traded by programs of others and recorded beside them: what SQL says is what the broker's books say."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from capture import Lake, open_lake
from capture.data_folder import STATUS
from capture.gateway import Gateway, running
from capture.gateway.trading import Trading
from capture.status_model import read_status
from tests.accounts_recorded import RECORDER
from tests.foreign import PATIENCE_S, talking

from .test_foreign_orders import NAUTILUS, PROGRAMS, begin, books, market, number, worth

pytestmark = pytest.mark.slow

IB_ASYNC = ("ib_async==2.1.0",)
CONFIG = """client_id = {client_id}
port = {port}
[accounts]
orders_interval_s = 5
completed_interval_s = 5
executions_interval_s = 5
positions_interval_s = 5
"""
# What SQL says, in the shape in which `books` says what the broker has: by what is in the first column.
IN_SQL = {
    "orders": "select permanent_id, status, filled, remaining, average_price from order_lives(null, null)",
    "fills": """select execution_id, permanent_id, instrument_id, side, shares, price, commission, realized
        from fills(null, null)""",
    "positions": """select instrument_id, position, average_cost from positions_at(now())
        where position <> 0 and state = 'known' and complete""",
    "portfolio": """select instrument_id, position, market_price, market_value, average_cost, unrealized, realized
        from positions_at(now()) where position <> 0""",
    "pnl": """select 'all', daily_reported, unrealized_reported, realized_reported from pnl_between(null, null)
        where instrument_id is null""",
    "values": """select tag, number from account_at(now())
        where segment is null and currency = 'USD' and state = 'known' and number is not null""",
}


class Recorder:
    """`ticktape record` in a folder of its own: one process after the other, on the same tape."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self.data = folder, folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "ticktape.toml").write_text(CONFIG.format(client_id=RECORDER, port=port))

    def start(self) -> None:
        assert self._process is None
        command = [sys.executable, "-m", "capture.cli", "record"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TICKTAPE_")}
        self._process = subprocess.Popen(command, env=environment, cwd=self._folder, stderr=subprocess.DEVNULL)

    def await_known(self) -> None:
        """Wait until the process that runs knows every stream of its account."""
        until(self._is_known, "every stream of the account")

    def end(self, number_: signal.Signals) -> int | None:
        """End the process that runs, if one does, and return its exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.send_signal(number_)
        return process.wait(PATIENCE_S)

    def _is_known(self) -> bool:
        assert self._process is not None and self._process.poll() is None, "the recorder ended"
        said = read_status(self.data / "tape" / "main" / STATUS)
        states = [stream["state"] for stream in said.get("accounts", ())]
        return said.get("pid") == self._process.pid and bool(states) and "unknown" not in states


@contextmanager
def recording(folder: Path, port: int) -> Iterator[Recorder]:
    recorder = Recorder(folder, port)
    recorder.start()
    try:
        yield recorder
    finally:
        recorder.end(signal.SIGKILL)


def until(condition: Callable[[], Any], what: str) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until_s, what
        time.sleep(0.2)


def await_fill(gateway: Gateway) -> None:
    """Wait until something more is filled than is now."""
    before = len(gateway.control("executions"))
    until(lambda: len(gateway.control("executions")) > before, "a fill")


def await_line(gateway: Gateway) -> None:
    """Wait until the recorder is connected."""
    until(lambda: any(client.id == RECORDER and client.started for client in gateway.state.clients), "a new line")


def plain(value: Any) -> Any:
    return value if isinstance(value, str) else number(value)


def in_sql(lake: Lake, query: str) -> dict[str, Any]:
    rows = lake.sql(query).rows()
    assert len({row[0] for row in rows}) == len(rows), f"twice the same: {rows}"
    return {str(first): [plain(value) for value in rest] for first, *rest in rows}


def wanted(trading: Trading) -> dict[str, Any]:
    """What the broker has, as IB tells it to a client that asks: what it rejected ended as cancelled."""
    known = books(trading)
    told = {"Inactive": "Cancelled"}
    return known | {
        "orders": {key: [told.get(status, status), *rest] for key, (status, *rest) in known["orders"].items()},
        "portfolio": {key: row for key, row in known["portfolio"].items() if row[0]},
        "pnl": {"all": known["pnl"]},
        "values": {tag: [value] for tag, value in worth(trading).items()},
    }


def seen(data: Path, expected: dict[str, Any]) -> dict[str, Any]:
    with open_lake(data) as lake:
        found = {name: in_sql(lake, query) for name, query in IN_SQL.items()}
    return found | {"values": {tag: row for tag, row in found["values"].items() if tag in expected["values"]}}


def require_is_seen(data: Path, expected: dict[str, Any]) -> None:
    """Wait until SQL says what is expected."""
    patience_s = time.monotonic() + PATIENCE_S / 2
    while (found := seen(data, expected)) != expected and time.monotonic() < patience_s:
        time.sleep(1)
    for name, value in expected.items():
        assert found[name] == value, name


def test_a_day_of_nautilus_trader_and_ib_async_is_in_sql_as_the_broker_has_it(tmp_path: Path) -> None:
    """The recorder is a third client, of which the line is dropped, and which is killed, and started again."""
    with running(market(paused=True)) as gateway, recording(tmp_path, gateway.port) as recorder:
        with talking(NAUTILUS, PROGRAMS / "nautilus_orders.py", "trade", gateway.port) as node:
            recorder.await_known()
            begin(gateway)
            node.heard()
            assert node.heard()["left"] == 0
        gateway.control("drop")  # nobody else is there
        with talking(IB_ASYNC, PROGRAMS / "insync_orders.py", "ib_async", gateway.port) as program:
            await_fill(gateway)
            gateway.control("pause")
            await_line(gateway)
            recorder.await_known()
            gateway.control("resume")
            await_fill(gateway)
            recorder.end(signal.SIGKILL)
            await_fill(gateway)
            recorder.start()
            program.heard()
            gateway.control("pause")
            program.go_on()
            program.heard()
        recorder.await_known()
        assert recorder.end(signal.SIGINT) == 0
        recorder.start()  # while the market stands still: what it is told is what the broker has in the end
        expected = wanted(gateway.state.trading)
        assert len(expected["orders"]) == 23 and len(expected["fills"]) > 12 and len(expected["positions"]) == 2
        require_is_seen(recorder.data, expected)
        assert recorder.end(signal.SIGINT) == 0
    with open_lake(recorder.data) as lake:
        assert lake.sql("select count(*) from sessions where event = 'opened'").rows() == [(4,)]
        assert lake.sql("select count(*) > 2 * count(distinct execution_id) from executions").rows() == [(True,)]
        assert lake.sql("select count(*) from undecoded").rows() == [(0,)]
