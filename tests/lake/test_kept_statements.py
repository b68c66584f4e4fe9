"""Statements in a data folder: kept as they came, imported any number of times, proven, and made anew."""

import shutil
from pathlib import Path
from random import Random

import duckdb
import pytest

from capture import open_lake
from capture.account_alias import alias
from capture.account_key import account_key
from capture.lake.layout import Layout
from capture.lake.proof.statement_check import statement_findings
from capture.lake.statements.imported import import_statements, statement_tables
from capture.lake.statements.originals import OriginalError, link_statements, originals, read
from capture.lake.views import prepare
from capture.query import QueryError
from capture.schemas import STATEMENT_TABLES
from capture.statements import StatementError
from tests.statements.flex import ME, OTHER, action, cash, position, trade, transfer, written

ALL = [trade("1", 100, ibCommission="-1"), trade("2", -40, 11), cash("3", "0.76"), action("4", "-60"),
       transfer("5", "7", account=OTHER, accountName="A Person", code=f"to {OTHER}"), position("67")]  # fmt: skip


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "data")
    made.tape.mkdir(parents=True)
    return made


def counts(layout: Layout) -> dict[str, int]:
    return {name: rows.num_rows for name, rows in statement_tables(layout).items()}


ONCE = {"statement_trades": 2, "statement_cash": 1, "statement_actions": 2, "statement_positions": 1,
        "statement_values": 0}  # fmt: skip


def test_the_same_and_overlapping_statements_are_once(layout: Layout) -> None:
    every, first, last = written(*ALL), written(*ALL[:3]), written(*ALL[2:], generated="20261125;050000")
    for given in ([first], [first], [last], [every, every], [], [last, first]):
        import_statements(layout, given)
    assert counts(layout) == ONCE
    assert len(originals(layout)) == 3
    with open_lake(layout.root) as lake:
        assert lake.sql("select sum(quantity), sum(commission) from statement_trades").rows() == [(60.0, -1.0)]
        assert {one["table"]: one["rows"] for one in lake.tables() if one["table"] in ONCE} == ONCE
    assert list(statement_findings(layout)) == []


def test_random_overlaps_in_any_order_give_one_set_of_rows(layout: Layout) -> None:
    random, rows = Random(5), [trade(str(number), number, figi="x" * number) for number in range(1, 30)]
    cuts = [sorted(random.sample(range(31), 2)) for _ in range(6)]
    pieces = [written(*rows[low:high]) for low, high in cuts] + [written(*rows)]
    random.shuffle(pieces)
    for piece in pieces:
        import_statements(layout, [piece])
    found = statement_tables(layout)["statement_trades"].to_pylist()
    assert sorted(int(row["key"]) for row in found) == list(range(1, 30))
    before = layout.statement_rows("statement_trades").read_bytes()
    import_statements(layout, reversed(pieces))
    assert layout.statement_rows("statement_trades").read_bytes() == before


def test_files_are_their_owners_alone_and_the_original_is_byte_for_byte_what_came(layout: Layout) -> None:
    given = written(*ALL)
    import_statements(layout, [given])
    (original,) = originals(layout)
    assert read(original) == given
    files = [path for path in layout.statements.rglob("*") if path.is_file() and path.name != "empty.parquet"]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert len(files) == 2 + len(STATEMENT_TABLES)  # the statement, a lock, and rows


def test_masked_accounts_are_named_in_no_row(layout: Layout) -> None:
    import_statements(layout, [written(*ALL)], mask_accounts=True)
    rows = [row for table in statement_tables(layout).values() for row in table.to_pylist()]
    assert {row["account"] for row in rows} == {alias(ME, account_key(layout.root))}
    assert not [row for row in rows if any(name in str(row) for name in (ME, OTHER, "A Person"))]
    assert any(alias(OTHER, account_key(layout.root)) in str(row) for row in rows)
    assert all(name.encode() not in path.read_bytes() for path in layout.statements.glob("*/rows.parquet")
               for name in (ME, OTHER))  # fmt: skip
    assert list(statement_findings(layout)) == []


def test_one_that_cannot_be_read_keeps_all_of_them_out(layout: Layout) -> None:
    with pytest.raises(StatementError):
        import_statements(layout, [written(*ALL), b"no statement"])
    assert originals(layout) == []


def test_the_views_file_has_them_in_any_zone(layout: Layout) -> None:
    prepare(layout)
    import_statements(layout, [written(trade("1", 1, dateTime="20261118;200000"))])
    with duckdb.connect(str(layout.database), read_only=True) as connection:
        connection.execute("set TimeZone = 'Pacific/Kiritimati'")
        query = "select symbol, cast(date as varchar) from statement_trades"
        assert connection.execute(query).fetchall() == [("AAPL", "2026-11-19")]


def test_what_was_lost_is_told_and_made_anew_by_importing_nothing(layout: Layout) -> None:
    import_statements(layout, [written(*ALL)])
    rows = layout.statement_rows("statement_trades")
    rows.unlink()
    assert [(found.problem, found.place) for found in statement_findings(layout)] == [("file missing", str(rows))]
    with open_lake(layout.root) as lake:
        with pytest.raises(QueryError, match=r"rows\.parquet is missing.*rebuild --replace"):
            lake.sql("select count(*) from statement_trades").rows()
        rows.write_bytes(b"no parquet")
        with pytest.raises(QueryError, match=r"statement_trades/rows\.parquet cannot be read"):
            lake.sql("select count(*) from statement_trades").rows()
        assert [found.problem for found in statement_findings(layout)] == ["file unreadable"]
        import_statements(layout)
        assert lake.sql("select count(*) from statement_trades").rows() == [(2,)]


def test_rows_that_statements_do_not_give_are_found(layout: Layout) -> None:
    import_statements(layout, [written(*ALL)])
    shutil.copy(layout.statement_rows("statement_trades"), layout.root / "old")
    import_statements(layout, [written(trade("9", 1))])
    shutil.copy(layout.root / "old", layout.statement_rows("statement_trades"))
    (found,) = statement_findings(layout)
    assert (found.problem, found.detail) == ("file different", "2 rows, where statements give 3")
    assert found.repair == f"ticktape statement import --data {layout.root}"
    for original in originals(layout):
        original.path.unlink()
    assert {found.problem for found in statement_findings(layout)} == {"file unexplained"}


@pytest.mark.parametrize("damage", ["cut", "another"])
def test_a_damaged_statement_is_found_and_nothing_is_made_of_it(layout: Layout, damage: str) -> None:
    import_statements(layout, [written(*ALL), written(*ALL[:1])])
    first, second = originals(layout)
    first.path.write_bytes(first.path.read_bytes()[:-9] if damage == "cut" else second.path.read_bytes())
    (found,) = statement_findings(layout)
    assert (found.problem, found.place) == ("file unreadable", str(first.path))
    assert "copy" in found.repair
    before = layout.statement_rows("statement_trades").read_bytes()
    with pytest.raises(OriginalError, match="move it aside"):
        import_statements(layout)
    assert layout.statement_rows("statement_trades").read_bytes() == before


def test_another_lake_is_given_them_with_their_masks(layout: Layout, tmp_path: Path) -> None:
    import_statements(layout, [written(*ALL)])
    import_statements(layout, [written(trade("9", 1))], mask_accounts=True)
    target = Layout(tmp_path / "other")
    link_statements(layout, target)
    shutil.copy(layout.root / "account.key", target.root)
    import_statements(target)
    assert [one.is_masked for one in originals(target)] == [one.is_masked for one in originals(layout)]
    assert all(found.equals(statement_tables(layout)[name]) for name, found in statement_tables(target).items())
