"""Whatever is wrong with a Parquet file: who asks is told which file it is, and the command that helps."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import capture
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.query import QueryError
from capture.query.follow import Follow
from capture.query.sizes import sizes

ASK: dict[str, Callable[[capture.Lake], Any]] = {
    "sql": lambda lake: lake.sql("from trades").rows(),
    "batches": lambda lake: list(lake.sql("from trades").batches()),
    "rows": lambda lake: lake.trades("AAPL", "2026-01-01", "2027-01-01").pl(),
    "function": lambda lake: lake.time_bars("AAPL", "1 minute").rows(),
    "replay": lambda lake: list(lake.replay("AAPL")),
    "tail": lambda lake: Follow(lake.layout, "trades").last(9),
    "notebook": lambda lake: lake.trades()._repr_html_(),
    "coverage": lambda lake: lake.coverage(),
}


@pytest.fixture
def file(script: Any) -> Path:
    """A file of trades."""
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    for number in range(60):
        script.trade(5, 10 + number / 7, size=number)
    script.mark()
    list(Roller(Layout(script.data), "main").roll())
    path: Path = next((script.data / "live" / "trades").glob("date=2*/*.parquet"))
    return path


def other_codec(data: bytes) -> bytes:
    """Say that pages are compressed by snappy, and not by zstd."""
    return data.replace(b"\x15\x0c", b"\x15\x02")


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "another codec": other_codec,
    "another name of a column": lambda data: data.replace(b"conditions", b"conditionq"),
    "no text": lambda data: data.replace(b"all_last", b"all\xff\xfeast"),
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda _: b"",
    "no magic": lambda data: data[:-4] + b"PARX",
    "a page of zeros": lambda data: data[:300] + bytes(200) + data[500:],
    "a footer that is none": lambda data: data[:-400] + bytes(range(200)) + data[-200:],
}


def told(lake_of: Path, ask: Callable[[capture.Lake], Any]) -> str | None:
    """Return the error of a question, None where there was none."""
    with capture.open_lake(lake_of) as lake:
        try:
            ask(lake)
        except QueryError as error:
            return str(error)
    return None


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_kind_of_damage_names_the_file_and_the_command(file: Path, damage: str) -> None:
    data = file.parents[3]
    good = file.read_bytes()
    damaged = DAMAGES[damage](good)
    assert damaged != good
    file.unlink()  # a mapped one must not change
    file.write_bytes(damaged)
    others = list(ASK)[1:]
    name = others[list(DAMAGES).index(damage) % len(others)]  # each once
    found = {"sql": told(data, ASK["sql"]), name: told(data, ASK[name])}
    assert found["sql"] is not None
    mends = f"ticktape rebuild --replace --data {data}"
    for asked, text in found.items():
        assert text is None or (str(file) in text and mends in text), (asked, text)
    assert any(one["live_bytes"] for one in sizes(Layout(data))["tables"])


@pytest.mark.slow
def test_random_damage_is_told_with_the_file_and_the_command_or_does_no_harm(file: Path) -> None:
    data, good, chance = file.parents[3], file.read_bytes(), random.Random(12)
    told_of = 0
    for _ in range(20):
        changed = bytearray(good)
        at = chance.choice((chance.randrange(len(good)), len(good) - 1 - chance.randrange(len(good) // 2)))
        changed[at : at + 1] = bytes([chance.randrange(256)]) * chance.choice((1, 1, 1, 9))
        file.unlink()
        file.write_bytes(changed)
        name = chance.choice(list(ASK))
        text = told(data, ASK[name])
        assert text is None or (str(file) in text and "ticktape rebuild --replace" in text), (at, name, text)
        told_of += text is not None
    assert told_of > 5


def test_a_question_that_is_wrong_itself_reads_no_files(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capture.query.explained.damage", lambda *_: pytest.fail("all files are looked at"))
    with capture.open_lake(file.parents[3]) as lake:
        for query in ("select nothing from trades", "select error('boom') from trades",
                      "select strptime(symbol, '%Y') from trades", "select cast(symbol as integer) from trades"):
            with pytest.raises(QueryError):
                lake.sql(query).rows()
