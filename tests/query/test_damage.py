"""Whatever is wrong with a Parquet file: who asks is told which file it is, and the command that helps."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import capture
from capture.lake.layout import Layout
from capture.lake.proof.rebuild import Rebuilder
from capture.lake.roll import Roller
from capture.query import QueryError
from capture.query.follow import Follow
from capture.query.sizes import sizes
from capture.schemas import TABLES, Subject
from tests.cli.test_account_commands import EXECUTION
from tests.conftest import ScriptedTape
from tests.lake.test_account_tables import CONTRACT

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


# Each account table with a question that reads it.
ACCOUNT_ASK: dict[str, Callable[[capture.Lake], Any]] = {
    "account_values": lambda lake: lake.account().rows(),
    "portfolio": lambda lake: lake.positions().rows(),
    "positions": lambda lake: lake.holdings(),
    "pnl": lambda lake: lake.pnl("2026-01-01").rows(),
    "orders": lambda lake: lake.orders().rows(),
    "executions": lambda lake: lake.fills("2026-01-01").rows(),
    "commissions": lambda lake: lake.ledger("2026-01-01").rows(),
}


@pytest.fixture(scope="module")
def account_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file of each account table."""
    script = ScriptedTape(tmp_path_factory.mktemp("account") / "data")
    position = {"account": "A1", "position": 1.0, "average_cost": 101.0, **CONTRACT}
    script.open().request("req_positions").answer("position", **position)
    script.request("req_account_updates", subscribe=True, account="A1")
    script.answer("account_value", key="NetLiquidation", value="1000.5", currency="USD", account="A1")
    script.answer("portfolio_value", market_price=1.0, market_value=1.0, unrealized=0.0, realized=0.0,
                  primary_exchange="", **{name: value for name, value in position.items() if name != "exchange"})
    script.request("req_pnl", request_id=3, account="A1", model_code="")
    script.answer("pnl", request_id=3, daily=1.5, unrealized=None, realized=0.0)
    script.answer("order_status", order_id=5, status="Filled", filled=1.0, remaining=0.0, average_fill_price=9.5,
                  permanent_id=77, parent_id=0, last_fill_price=9.5, client_id=3, why_held="")  # fmt: skip
    script.answer("execution_details", execution_id="a.01.01", account="A1", **EXECUTION, **CONTRACT)
    script.answer("commission_report", execution_id="a.01.01", commission=1.0, currency="USD", realized=None)
    script.mark().close()
    list(Roller(Layout(script.data), "main").roll())
    return {name: next((script.data / "live" / name).glob("date=2*/*.parquet")) for name in ACCOUNT_ASK}


def test_account_tables_are_all_tried() -> None:
    assert ACCOUNT_ASK.keys() == {name for name, table in TABLES.items() if table.subject is Subject.ACCOUNT}


@pytest.mark.parametrize("table", ACCOUNT_ASK)
def test_a_damaged_account_file_is_named_and_its_rows_are_back_from_the_tape(
    account_files: dict[str, Path], table: str
) -> None:
    """Each table with another kind of damage."""
    file = account_files[table]
    data, good, mode = file.parents[3], file.read_bytes(), file.stat().st_mode
    kinds = [name for name in DAMAGES if DAMAGES[name](good) != good]
    damaged = DAMAGES[kinds[list(ACCOUNT_ASK).index(table) % len(kinds)]](good)
    file.unlink()
    file.write_bytes(damaged)
    file.chmod(mode)
    text = told(data, ACCOUNT_ASK[table])
    assert text is not None
    assert str(file) in text
    assert f"ticktape rebuild --replace --data {data}" in text
    assert list(Rebuilder(Layout(data), "main").ranges())
    assert (file.read_bytes(), file.stat().st_mode & 0o077) == (good, 0)


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
