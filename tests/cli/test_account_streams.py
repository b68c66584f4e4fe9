"""What the commands say of account streams: coverage and gaps, without an account's number."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from capture.lake.layout import Layout
from capture.lake.roll import Roller
from tests.conftest import ScriptedTape

Run = Callable[..., Any]
NUMBER = "DU1234567"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A lake of a session that asked for P&L and lost its line."""
    tape = ScriptedTape(tmp_path / "data")
    tape.open().request("req_pnl", request_id=1, account=NUMBER)
    tape.answer("pnl", request_id=1, daily=1.0).mark().close().mark()
    tape.writer.close()
    list(Roller(Layout(tape.data), "main").roll())
    return tape.data


def test_coverage_and_gaps_of_accounts(run: Run, data: Path) -> None:
    code, out, err = run("coverage", "--accounts", "--data", data)
    assert (code, err) == (0, "")
    assert "pnl" in out and "DU…567" in out
    [row] = json.loads(run("coverage", "--accounts", "--json", "--data", data).out)
    assert row.keys() == {"stream", "account", "expected_s", "down_s", "unknown_s", "share"}
    gaps = run("gaps", "--data", data).out
    assert "pnl" in gaps and "open" in gaps
    every = out + gaps + run("gaps", "--json", "--stream", "pnl", "--data", data).out
    assert NUMBER not in every + run("coverage", "--accounts", "--json", "--data", data).out


def test_coverage_of_accounts_is_of_no_instrument(run: Run, data: Path) -> None:
    code, _, err = run("coverage", "AAPL", "--accounts", "--data", data)
    assert code == 2
    assert "leave one of both away" in err
