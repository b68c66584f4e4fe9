"""Rows that are read without SQL are those that SQL gives: the same rows, order, types, warnings and errors."""

import random
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import capture
from capture.lake.damage import damage
from capture.lake.layout import Layout
from capture.lake.views import prepare
from capture.query import QueryError
from capture.query.direct import direct_rows
from capture.query.selection import selection
from capture.schemas import TABLES
from tests.query.direct.random_lake import DAYS, FIRST, RECORDERS, STREAMS, SYMBOLS, RandomLake

NAMES = [*filter(None, SYMBOLS), *filter(None, SYMBOLS.values()), "conid:265598", "NONE"]
QUESTIONS = 12  # about each lake


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("random") / "lake"
    made.mkdir()
    (made / "tape").mkdir()
    prepare(Layout(made))
    return made


def question(rng: random.Random) -> tuple[Any, ...]:
    """Return table, instruments, start, end, columns and stream."""
    table = rng.choice(list(STREAMS))
    several = [rng.choice(NAMES) for _ in range(rng.randrange(1, 4))]
    instruments = rng.choice((None, [], rng.choice(NAMES), several, "AAPL", "AAPL"))
    moments = sorted(datetime.combine(FIRST, datetime.min.time(), UTC) + timedelta(
        seconds=rng.choice((0, 43_200, 43_500, 43_790, 86_400)), days=rng.randrange(5)) for _ in range(2))
    start, end = rng.choice(((None, None), (moments[0], None), (None, moments[1]), tuple(moments), tuple(moments)))
    names = TABLES[table].schema.names
    columns = rng.choice((None, rng.sample(names, rng.randrange(1, len(names)))))
    return table, instruments, start, end, columns, rng.choice((None, None, *STREAMS[table]))


def outcome(lake: capture.Lake, table: str, *asked: Any) -> tuple[Any, list[str]]:
    """Return the rows that were asked for, or what that fails with, and what is warned of."""
    *span, columns, stream = asked
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            found = lake.rows(table, *span, columns=columns, stream=stream).arrow().combine_chunks()
        except QueryError as error:
            found = str(error)
    return found, [str(one.message) for one in told]


def by_sql(lake: capture.Lake, table: str, *asked: Any) -> Any:
    query, parameters = selection(TABLES[table], *asked)
    try:
        return lake.sql(query, parameters).arrow().combine_chunks()
    except QueryError as error:
        return str(error)


def lakes(folder: Path, seeds: range) -> Iterator[tuple[RandomLake, random.Random]]:
    for seed in seeds:
        made = RandomLake(folder, seed)
        yield made, random.Random(seed)
        made.lake.close()


def test_rows_are_those_of_sql(folder: Path) -> None:
    found = 0
    for made, rng in lakes(folder, range(4)):
        for _ in range(QUESTIONS):
            asked = question(rng)
            answer, told = outcome(made.lake, *asked)
            assert answer.equals(by_sql(made.lake, *asked)), asked
            assert all("NONE" in one for one in told)
            found += len(answer)
    assert found > 1_000


def test_every_form_of_an_answer_is_that_of_sql(folder: Path) -> None:
    made = RandomLake(folder, 3)
    with made.lake as lake:
        answer = lake.trades("AAPL", FIRST, DAYS[-1], columns=["ts", "symbol", "price", "past_limit"])
        same = lake.sql("select ts, symbol, price, past_limit from trades where symbol = 'AAPL' and date < $1 "
                        "order by ts, recorder, seq, row", [DAYS[-1]])
        assert answer.columns == same.columns
        assert answer.rows() == same.rows()
        assert len(answer.rows()) > 3
        assert answer.pl().equals(same.pl())
        assert answer.pl().schema == same.pl().schema
        assert answer._repr_html_() == same._repr_html_()
        assert repr(answer) == repr(same)
        assert [batch.num_rows for batch in answer.batches(2)] == [batch.num_rows for batch in same.batches(2)]
        assert answer.duckdb().fetchall() == same.duckdb().fetchall()


def test_rows_that_are_too_many_come_by_sql(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = RandomLake(folder, 4)
    with made.lake as lake:
        before = lake.quotes("AAPL", FIRST).arrow()
        monkeypatch.setattr(direct_rows, "MOST_ROWS", 1)
        assert lake.quotes("AAPL", FIRST).arrow().combine_chunks().equals(before.combine_chunks())


@pytest.mark.slow
def test_damage_is_told_as_by_sql(folder: Path) -> None:
    failed = 0
    for made, rng in lakes(folder, range(20, 32)):
        path = rng.choice([file for file in made.files if "quotes" in str(file)])
        data = bytearray(path.read_bytes())
        at = rng.randrange(len(data))
        data[at : at + 40] = bytes(rng.randrange(256) for _ in data[at : at + 40])
        path.unlink()
        path.write_bytes(data)
        for columns in (None, ["ts", "bid_price"]):
            asked = "quotes", "AAPL", None, None, columns, None
            (answer, _), expected = outcome(made.lake, *asked), by_sql(made.lake, *asked)
            if isinstance(answer, str):
                failed += 1
                assert answer == damage(made.layout, ["quotes"]) or str(path) in answer
            elif isinstance(expected, str):  # DuckDB looks at more of a file than at what is asked for
                assert not damage(made.layout, ["quotes"]) or "quotes" in expected
            else:
                assert answer.equals(expected)
    assert failed > 3


def test_a_page_that_was_changed_is_never_an_answer(folder: Path) -> None:
    made = RandomLake(folder, 6)
    path = next(file for file in made.files if "quotes" in str(file) and "archive" in str(file))
    data = path.read_bytes()
    with made.lake as lake:
        for at in range(4, len(data) // 2, 97):
            path.unlink()
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            whole, _ = outcome(lake, "quotes", None, None, None, None, None)
            if isinstance(whole, str):
                break
        assert str(path) in whole
        assert "ticktape rebuild --replace" in whole


def test_recorders_of_the_random_lakes_have_no_tape(folder: Path) -> None:
    assert not set(RECORDERS) & {path.name for path in (folder / "tape").iterdir()}
