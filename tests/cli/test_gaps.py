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
