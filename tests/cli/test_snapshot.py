import json
from collections.abc import Callable
from typing import Any

import pytest

from capture.gateway import Gateway

Run = Callable[..., Any]


@pytest.mark.slow
def test_one_look_at_two_instruments(run: Run, gateway: Gateway) -> None:
    code, out, err = run("snapshot", "AAPL", "EUR.USD", "--port", gateway.port, "--json")
    seen = json.loads(out)
    assert list(seen) == ["AAPL", "EUR.USD"]
    assert seen["AAPL"]["instrument_id"] == 265598
    assert seen["AAPL"]["ticks"]["BID"] < seen["AAPL"]["ticks"]["ASK"], err
    assert code in (0, 3)  # a currency pair has no ratios to show
    rows = json.loads(run("sql", "select distinct recorder, stream from ticks where stream = 'snapshot'", "--json").out)
    assert rows == [{"recorder": "snapshot", "stream": "snapshot"}]


def test_an_unknown_word_is_wrong_usage(run: Run) -> None:
    code, _, err = run("snapshot", "A!")
    assert code == 2
    assert "names no instrument" in err


@pytest.mark.slow
def test_an_unknown_contract_is_told_once_and_no_table_is_shown(run: Run, gateway: Gateway) -> None:
    code, out, err = run("snapshot", "NOSUCH", "--port", gateway.port)
    assert (code, out) == (1, "")
    assert err.count("NOSUCH") == 1
