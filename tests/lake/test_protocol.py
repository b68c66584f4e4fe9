"""A tape names the protocol of its bytes: a decoder for it can be brought, and without one the tape says so."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from capture import open_lake
from capture.decode import decoder
from capture.decode.merge_rows import Tables, from_rows
from capture.decode.restore import Captured, nothing_stored
from capture.lake.layout import Layout, Rolled
from capture.lake.proof.verify import Verifier
from capture.lake.ranges import Ranges
from capture.lake.roll import Roller
from capture.lake.views import prepare
from capture.tape import Damage, Kind, Record, TapeError, TapeWriter


class Lines:
    """A decoder of another protocol: each read is a line of JSON that is a row of `notices`."""

    def __init__(self, recorder: str, state: dict[str, Any] | None, captured: Captured) -> None:
        self.recorder, self.frames = recorder, 0
        self._before: int = state["lines"] if state else 0
        self.heard_us: int = state["heard_us"] if state else 0

    @property
    def place(self) -> tuple[int, int]:
        return self._before + self.frames, 0

    def feed(self, records: Iterable[Record]) -> None:
        self._rows = getattr(self, "_rows", [])
        for record in records:
            if record.kind == Kind.RECEIVED:
                self.frames += 1
                self.heard_us = record.wall_ns // 1000
                self._rows.append({"ts": record.wall_ns // 1000, "seq": self._before + self.frames, "row": 0,
                                   "recorder": self.recorder, "source": "lines", "kind": "note",
                                   "message": json.loads(record.body)["say"]})  # fmt: skip

    def damaged(self, damage: Damage) -> None: ...

    def take(self) -> Tables:
        rows, self._rows = self._rows, []
        return {"notices": from_rows("notices", rows)} if rows else {}

    def as_json(self) -> dict[str, Any]:
        return {"lines": self._before + self.frames, "heard_us": self.heard_us, "watches": [], "waiting": []}

    def compare(self, mark: dict[str, Any]) -> tuple[int, tuple[str, ...]]:
        return mark["seq"] - self._before - self.frames, ()


def tape(folder: Path, protocol: str) -> None:
    def mark(number: int, seq: int) -> dict[str, Any]:
        return {"mark": number, "seq": seq, "protocol": protocol}

    with TapeWriter.open(folder, "other", mark(1, 0)) as writer:
        writer.opened({"protocol": protocol})
        writer.received(b'{"say": "one"}')
        writer.received(b'{"say": "two"}')
        writer.mark(mark(2, 2))
        writer.received(b'{"say": "three"}')
        writer.mark(mark(3, 3))


def messages(folder: Path) -> list[list[str]]:
    ranges = Ranges(folder / "other", Rolled(1), nothing_stored)
    return [pa.Table.to_pydict(found.tables["notices"])["message"] for found in ranges if found.is_whole]


def test_a_protocol_brings_its_own_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(decoder.PROTOCOLS, "lines", Lines)
    tape(tmp_path, "lines")
    assert messages(tmp_path) == [["one", "two"], ["three"]]


def test_its_rows_are_rolled_asked_for_and_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(decoder.PROTOCOLS, "lines", Lines)
    layout = Layout(tmp_path)
    tape(layout.tape, "lines")
    assert [roll.rows for roll in Roller(layout, "other").roll()] == [{"notices": 2}, {"notices": 1}]
    prepare(layout)
    with open_lake(tmp_path) as lake:
        assert lake.sql("select message from notices order by seq").rows() == [("one",), ("two",), ("three",)]
        assert lake.heard()["other"] > 0
    with duckdb.connect(str(layout.database), read_only=True) as connection:
        assert connection.sql("select recorder from last_heard").fetchall() == [("other",)]
    verifier = Verifier(layout, "other")
    assert [found.is_whole for found in verifier.ranges()] == [True, True]
    assert verifier.findings == []


def test_a_tape_of_an_unknown_protocol_says_so(tmp_path: Path) -> None:
    tape(tmp_path, "lines")
    with pytest.raises(TapeError, match=r"recorder other is of protocol 'lines'.*it knows tws.*install a newer"):
        messages(tmp_path)
