"""Decoding takes received bytes as runs or one by one, with the kernel or without: the rows are the same."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench.messages import INSTRUMENTS, STREAMS, mix
from capture.decode import tws
from capture.decode.decoder import decoder_of
from capture.kernel import library
from capture.lake.ranges import Ranges, beginning
from capture.tape import Follower, Kind, Reads, Record
from tests.conftest import ScriptedTape

ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "all_last": ("req_tick_by_tick", {"tick_kind": "AllLast"}), "quotes": ("req_tick_by_tick", {"tick_kind": "BidAsk"}),
    "smart_depth": ("req_market_depth", {"rows": 10, "smart": True}), "ticks": ("req_market_data", {}),
    "bars": ("req_real_time_bars", {}),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tape of the usual mix, in reads of any size, with requests and notes between them."""
    random, folder = Random(3), tmp_path_factory.mktemp("lake")
    script, ids = ScriptedTape(folder).open(), {stream: list[int]() for stream in STREAMS}
    for number in range(len(STREAMS) * INSTRUMENTS):
        stream = STREAMS[number // INSTRUMENTS]
        name, values = ASKED[stream]
        ids[stream].append(number + 1)
        script.ask(number + 1, name, con_id=number % INSTRUMENTS + 1, symbol=f"S{number % INSTRUMENTS}", **values)
    data = b"".join(mix(ids, 2_500))
    at = 0
    while at < len(data):
        size = random.choice((1, 30, 60, 200, 5_000, 40_000))
        script.receive(data[at : at + size])
        at += size
        if random.random() < 0.05:
            script.writer.note({"note": "by the way"})
    script.mark().receive(b"".join(mix(ids, 300, seed=8))).mark()
    script.writer.close()
    return folder / "tape" / "main"


def decoded(folder: Path, piece_bytes: int, *, one_by_one: bool, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return rows and states of a tape, mark by mark."""
    monkeypatch.setattr(tws, "PIECE_BYTES", piece_bytes)
    follower, decoder = Follower(folder, 1), None
    found: list[Any] = []
    for held in follower if one_by_one else follower.runs():
        if isinstance(held, Record) and held.kind is Kind.MARK:
            state = None
            if decoder:
                found.append(({name: rows.to_pylist() for name, rows in decoder.take().items()}, decoder.as_json()))
                state = decoder.as_json()
            decoder = decoder_of(held.json(), "main", state)
        assert decoder
        decoder.feed(held if isinstance(held, Reads) else [held])
    return found


@pytest.mark.parametrize("piece_bytes", [3_000, 4 << 20])
def test_runs_give_the_rows_of_their_records(
    both_ways: str, folder: Path, piece_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, records = (decoded(folder, piece_bytes, one_by_one=one_by_one, monkeypatch=monkeypatch)
                     for one_by_one in (False, True))  # fmt: skip
    assert runs == records
    assert sum(len(rows["quotes"]) for rows, _ in runs) > 500


def test_ranges_are_the_same_with_the_kernel_and_without(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ranges() -> list[tuple[Any, ...]]:
        start = beginning(folder)
        assert start
        return [(one.from_mark, one.frames, one.state, {name: rows.to_pylist() for name, rows in one.tables.items()})
                for one in Ranges(folder, start, lambda *asked: ())]

    library.forget()
    with_kernel = ranges()
    monkeypatch.setenv(library.SWITCH, library.OFF)
    library.forget()
    assert ranges() == with_kernel and len(with_kernel) == 2
    library.forget()
