import json
import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from capture.serve.now_view import COLUMNS, Versions, as_json


def test_a_listener_is_told_what_changed_since_its_version() -> None:
    told = Versions()
    told.take({"a": (1,), "b": (2,)})
    assert told.since(0) == {"whole": True, "columns": COLUMNS, "rows": [(1,), (2,)]}
    told.take({"a": (1,), "b": (3,)})
    told.take({"a": (4,), "b": (3,)})
    assert told.since(2)["rows"] == [(4,)]
    assert told.since(1) == {"whole": False, "columns": COLUMNS, "rows": [(4,), (3,)]}
    assert told.since(3)["rows"] == []


def test_a_stream_that_came_or_went_is_told_with_all_others() -> None:
    told = Versions()
    told.take({"a": (1,), "b": (2,)})
    told.take({"a": (1,)})
    assert told.since(1) == {"whole": True, "columns": COLUMNS, "rows": [(1,)]}


def test_every_value_is_json() -> None:
    moment = datetime(2026, 11, 18, 15, tzinfo=UTC)
    values = {"a": [math.nan, math.inf, 1.5, True, None, "<"], "b": (moment, date(2026, 11, 18), timedelta(seconds=2)),
              3: b"\x01", "p": Path("x")}  # fmt: skip
    assert json.loads(as_json(values)) == {
        "a": [None, None, 1.5, True, None, "<"], "b": ["2026-11-18T15:00:00+00:00", "2026-11-18", 2.0], "3": "01",
        "p": "x"}  # fmt: skip
