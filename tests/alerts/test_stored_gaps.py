"""Gaps as the roller leaves them."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from capture.alerts.alert_limits import open_gaps, unrestored
from capture.alerts.stored_gaps import stored_gaps
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.tape.notes import BACKFILLED
from tests.conftest import ScriptedTape


@pytest.fixture
def script(tmp_path: Path) -> Iterator[ScriptedTape]:
    tape = ScriptedTape(tmp_path / "data", now=time.time_ns)
    yield tape
    tape.writer.close()


def states(script: ScriptedTape) -> list[tuple[str, str, str]]:
    """Roll what there is, and return recorder, stream and state of all gaps that are known."""
    script.mark()
    list(Roller(Layout(script.data), "main").roll())
    return [(one["recorder"], one["stream"], one["state"]) for one in found(script)]


def found(script: ScriptedTape) -> list[dict[str, Any]]:
    return stored_gaps(Layout(script.data), datetime.now(UTC) - timedelta(days=1))


def test_a_gap_is_open_then_waits_for_history_and_is_filled_or_not(script: ScriptedTape) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1.0)
    assert states(script) == []
    script.close("lost")
    assert states(script) == [("main", "all_last", "open")]
    [gap] = found(script)
    now = datetime.now(UTC)
    [told] = open_gaps([gap], [], [], now)
    assert (told.name, told.cause) == ("main AAPL all_last", "lost")
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1.0)
    assert states(script) == [("main", "all_last", "closed")]
    assert list(unrestored(found(script), now)) == []
    assert len(list(unrestored(found(script), now + timedelta(hours=2)))) == 1
    script.writer.note({"note": BACKFILLED, "gap_id": gap["gap_id"], "state": "unavailable", "reason": "no permission"})
    assert states(script) == [("main", "all_last", "unavailable")]
    [lacking] = unrestored(found(script), datetime.now(UTC))
    assert lacking.cause.endswith("AAPL all_last are missing: no permission")
    assert stored_gaps(Layout(script.data), now + timedelta(days=1)) == []


def test_a_gap_that_history_fills_is_none(script: ScriptedTape) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1.0).close("lost").mark()
    [(*_, state)] = states(script)
    gap_id = found(script)[0]["gap_id"]
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1.0)
    script.writer.note({"note": BACKFILLED, "gap_id": gap_id, "state": "backfilled", "reason": None})
    assert (state, states(script)) == ("open", [])


def test_without_a_lake_there_are_none(tmp_path: Path) -> None:
    assert stored_gaps(Layout(tmp_path), datetime.now(UTC)) == []
