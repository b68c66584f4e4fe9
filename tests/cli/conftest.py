"""What the tests of verbs share: running the command line, a small lake, and gateways."""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest

from capture.cli import main
from capture.gateway import Gateway, running
from capture.gateway.market import Market
from capture.lake.layout import Layout
from capture.lake.roll import publish_range
from capture.lake.views import prepare
from capture.schemas import TRADES


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command line as a process would, in a folder of its own; returns exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["ticktape", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return Ran(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with three trades."""
    folder = tmp_path_factory.mktemp("lake") / "data"
    layout = Layout(folder)
    layout.tape.mkdir(parents=True)
    prepare(layout)
    rows = [{
        "ts": datetime(2026, 1, 2, 15, 0, second, 123456, tzinfo=UTC), "seq": second, "row": 0, "recorder": "main",
        "instrument_id": 265598, "symbol": symbol, "stream": "all_last", "request_id": 1, "origin": "live",
        "ts_event": None, "price": price, "size": 100.0, "exchange": "ARCA", "conditions": None, "past_limit": False,
        "unreported": False,
    } for second, (symbol, price) in enumerate([("AAPL", 250.25), ("AAPL", 250.3), ("é|\"x", None)])]
    publish_range(layout, "main", 1, {"trades": pa.Table.from_pylist(rows, TRADES.schema)})
    return folder


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """A gateway with an invented market, without limits."""
    with running(Gateway(Market(rate=5), limits=None)) as gateway:
        yield gateway
