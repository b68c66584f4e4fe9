"""`ticktape statement`: IB's statements become tables; accounts by name only where they are named."""

import json
from pathlib import Path

import pytest

from capture.account_alias import alias
from capture.account_key import account_key
from tests.statements.flex import ME, OTHER, cash, several, statement, trade, written

from .conftest import Run

MASKED = "[accounts]\nmask_accounts = true\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Two statements that overlap, one of them of two accounts."""
    first, second = tmp_path / "first.xml", tmp_path / "second.xml"
    first.write_bytes(written(trade("1", 100), cash("2", "0.76")))
    second.write_bytes(several(statement([trade("1", 100), trade("3", -40)]),
                               statement([trade("1", 7)], account=OTHER)))
    return first, second


@pytest.mark.slow
def test_statements_are_imported_listed_asked_verified_and_made_anew(run: Run, files: tuple[Path, Path]) -> None:
    imported = run("statement", "import", *files, "--data", "lake", "--json")
    assert [one["rows"] for one in json.loads(imported.out)["imported"]] == [
        {"statement_trades": 1, "statement_cash": 1}, {"statement_trades": 3}]
    assert imported.code == run("statement", "import", files[0], "--data", "lake").code == 0
    query = "select count(*) as n, sum(quantity) as held from statement_trades"
    assert json.loads(run("sql", query, "--data", "lake", "--json").out) == [{"n": 3, "held": 67.0}]
    listed = run("statement", "list", "--data", "lake").out
    assert listed.count("account 1") == 2
    assert listed.count("account 2") == 1
    assert ME not in listed
    assert ME in run("statement", "list", "--data", "lake", "--accounts", "all").out
    assert run("verify", "--data", "lake").code == run("verify", "--files", "--data", "lake").code == 0
    for rows in Path("lake/statements").glob("*/rows.parquet"):
        rows.unlink()
    assert run("verify", "--data", "lake").code == 3
    assert run("sql", query, "--data", "lake").code == 1
    assert run("rebuild", "--replace", "--data", "lake").code == 0
    assert run("rebuild", "--into", "other", "--data", "lake").code == 0
    for lake in ("lake", "other"):
        assert json.loads(run("sql", query, "--data", lake, "--json").out) == [{"n": 3, "held": 67.0}]


@pytest.mark.slow
def test_with_mask_accounts_nothing_asked_or_listed_has_a_number(run: Run, files: tuple[Path, Path]) -> None:
    Path("ticktape.toml").write_text(f'data = "lake"\n{MASKED}')
    assert run("statement", "import", *files).code == 0
    mine = alias(ME, account_key(Path("lake")))
    listed = run("statement", "list", "--accounts", "all").out
    assert mine in listed
    found = run("sql", "select distinct account from statement_trades order by 1", "--json")
    assert {row["account"] for row in json.loads(found.out)} == {mine, alias(OTHER, account_key(Path("lake")))}
    assert not [text for text in (listed, found.out) if ME in text or OTHER in text]


def test_what_is_new_and_what_cannot_be_read_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "new.xml").write_bytes(written(trade("1", 1, news="7"), ("Lot", {"symbol": "AAPL"})))
    found = run("statement", "import", "new.xml", "--data", "lake")
    assert (found.code, "new (kept in rest): Trade.news 1" in found.err, "Lot 1" in found.err) == (0, True, True)
    (tmp_path / "bad.xml").write_bytes(written(trade("2", 1, dateTime="11/12/2026")))
    found = run("statement", "import", "bad.xml", "--data", "lake")
    assert (found.code, "no number or date (kept in rest): Trade.dateTime 1" in found.err) == (3, True)
    kept = run("sql", "select count(*) as n from statement_trades", "--data", "lake", "--json")
    assert json.loads(kept.out) == [{"n": 2}]


def test_a_file_that_is_no_statement_is_a_mistake_that_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<html></html>")
    found = run("statement", "import", "page.html", "--data", "lake")
    assert (found.code, found.out) == (2, "")
    assert "page.html: it is no Flex query" in found.err
    missing = run("statement", "import", "none.xml", "--data", "lake")
    assert (missing.code, missing.err.count("none.xml does not exist: name the XML")) == (2, 1)
    assert not Path("lake").exists()
    assert run("statement", "list", "--data", "lake").code == 1
