"""`ticktape gaps`: the times it takes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.mark.parametrize("option", ["--from", "--until"])
def test_a_time_that_is_none_is_told(run: Run, lake: Path, option: str) -> None:
    code, out, err = run("gaps", option, "yesterday", "--data", lake)
    assert (code, out) == (2, "")
    assert err == (f"ticktape: {option} yesterday is no time: write 2026-11-20T14:30 (UTC), 2026-11-20T09:30-05:00, "
                   "or a date, 2026-11-20\n")


def test_times_narrow_down_and_are_utc_without_a_zone(run: Run, script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 10.0).close("reset by peer")

    def begins(*options: str) -> list[str]:
        return [gap["from_ts"] for gap in json.loads(run("gaps", *options, "--data", script.data, "--json").out)]

    (begin,) = begins()
    assert begins("--from", begin[:10]) == [begin]
    assert begins("--until", begin[:10]) == []
    assert begins("--until", begin.removesuffix("+00:00")) == []  # a gap begins before the time that is given


VERBS: dict[str, list[object]] = {
    "gaps": ["gaps", "aapl"], "coverage": ["coverage", "aapl"], "check-bars": ["check-bars", "aapl"],
    "tail": ["tail", "trades", "aapl", "--for", 0]}


@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_symbol_is_warned_of_on_stderr_once(run: Run, script: Any, verb: str) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 10.0)
    code, _, err = run(*VERBS[verb], "--data", script.data)
    assert (code, err) == (0, "ticktape: warning: nothing was recorded of 'aapl'; did you mean 'AAPL'?\n")


@pytest.mark.parametrize("verb", [["gaps"], ["check-bars"]])
def test_a_reversed_span_is_a_mistake(run: Run, script: Any, verb: list[str]) -> None:
    code, out, err = run(*verb, "--from", "2026-02-01", "--until", "2026-01-01", "--data", script.data)
    assert (code, out) == (2, "")
    assert "is before the start 2026-02-01 00:00:00 UTC: swap them" in err


@pytest.mark.parametrize("verb", [["gaps"], ["tail", "trades"]])
def test_an_unknown_stream_is_a_mistake(run: Run, script: Any, verb: list[str]) -> None:
    code, out, err = run(*verb, "--stream", "all-last", "--data", script.data)
    assert (code, out) == (2, "")
    assert "did you mean 'all_last'?" in err
