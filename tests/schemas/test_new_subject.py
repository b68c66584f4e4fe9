"""A table of another subject than market and line needs an entry; it is then stored, asked and kept like the others."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import cast

import pyarrow as pa
import pytest

from capture import open_lake
from capture.lake.layout import Layout
from capture.lake.roll import Roller, publish_range
from capture.schemas import MARKET_TABLES, SYSTEM_TABLES, TABLES, Column, Subject, Table, retention_fault
from tests.conftest import ScriptedTape


class Another(StrEnum):
    ACCOUNT = "account"


BALANCES = Table(
    "balances",
    "What an account holds in cash.",
    (*TABLES["notices"].columns[:4],
     Column("account", "text", "whose it is"), Column("currency", "text", "of what"),
     Column("cash", "number", "how much")),
    TABLES["notices"].sort_key,
    subject=cast(Subject, Another.ACCOUNT),
    shown=("ts", "account", "currency", "cash"),
    state_key=("account", "currency"),
)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    monkeypatch.setitem(TABLES, BALANCES.name, BALANCES)
    return BALANCES


def test_rows_of_a_new_subject_are_stored_and_asked_for(table: Table, script: ScriptedTape) -> None:
    script.open().mark().close()
    layout = Layout(script.data)
    for _ in Roller(layout, "main").roll():
        pass
    row = {"ts": datetime(2026, 1, 2, 15, tzinfo=UTC), "seq": 1, "row": 0, "recorder": "main", "account": "a",
           "currency": "USD", "cash": 12.5}  # fmt: skip
    publish_range(layout, "main", 1, {table.name: pa.Table.from_pylist([row], schema=table.schema)})
    with open_lake(script.data) as lake:
        assert lake.sql("select account, cash, date from balances").rows() == [("a", 12.5, date(2026, 1, 2))]
        assert lake.sql("select count(*) from trades").rows() == [(0,)]


def test_a_new_subject_is_kept_and_shown_by_its_entry(table: Table) -> None:
    assert retention_fault({"balances": 30}) is None
    assert table not in (*MARKET_TABLES, *SYSTEM_TABLES)
