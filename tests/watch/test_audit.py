"""The audit of accounts: what it finds is written down, and is trouble for days with a remedy."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from capture.lake.layout import Layout
from capture.lake.proof.audited import Audited, Finding, findings_of, read_audited, write_audited
from capture.trouble import Severity
from capture.watch.account_troubles import audit_troubles
from capture.watch.audit import audit
from capture.watch.condition import look
from tests.lake.functions.accounts import POSITIONS, UPDATES, AccountLake
from tests.watch.conftest import NOW


def finding(kind: str, why: str = "unexplained", days: float = 0.0, times: int = 1) -> Finding:
    return Finding("account 1", kind, why, times, NOW - timedelta(days=days))


@pytest.mark.parametrize(("kind", "trouble", "severity"), [
    ("worth_change", "worth-jumped", Severity.ALARM), ("definition", "definition-changed", Severity.ALARM),
    ("expired", "expired-held", Severity.ALARM), ("position", "account-differs", Severity.WARNING),
    ("cash", "account-differs", Severity.WARNING)])  # fmt: skip
def test_each_kind_of_difference_is_a_kind_of_trouble(kind: str, trouble: str, severity: Severity) -> None:
    [found] = audit_troubles([finding(kind)._asdict()], "data", NOW)
    assert (found.kind, found.severity, found.name) == (trouble, severity, "account 1")
    assert found.cause == f"1 × {kind.replace('_', ' ')} (unexplained)"
    assert "ticktape check-positions --data data" in found.remedy


def test_what_stands_for_a_week_is_told_no_more() -> None:
    rows = [finding("position", "transfer", days)._asdict() for days in (6.9, 7.1)]
    [found] = audit_troubles(rows, "data", NOW)
    assert found.since == NOW - timedelta(days=6.9)


def test_what_was_found_before_is_of_then(tmp_path: Path) -> None:
    rows = [{"account": "account 1", "kind": "position", "why": "transfer"}] * 2
    before = Audited(NOW, (finding("position", "transfer", 3), finding("cash", days=3)))
    assert findings_of(rows, before, NOW) == (finding("position", "transfer", 3, 2),)
    write_audited(Layout(tmp_path), before.findings, NOW)
    assert read_audited(Layout(tmp_path)) == before
    [path] = (tmp_path / "sealed").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    for damaged in ("", "{}", "[]", '{"finished": "x", "findings": []}'):
        path.write_text(damaged)
        assert read_audited(Layout(tmp_path)) is None


def test_an_audit_is_in_how_it_is_and_names_no_account(tmp_path: Path) -> None:
    lake = AccountLake(tmp_path / "data")
    lake.rows["sessions"][0]["ts"] = datetime.now(NOW.tzinfo)
    begun_s = (datetime.now(NOW.tzinfo) - NOW.replace(hour=12)).total_seconds()
    lake.asked(begun_s - 40, UPDATES, account="A1")
    lake.asked(begun_s - 40, POSITIONS, account=None)
    lake.asked(begun_s - 39, POSITIONS, "completed")
    lake.fill(begun_s - 38, 100, 10.0, "a.b.01.01")
    lake.position(begun_s - 12, 130, average_cost=12.0)
    lake._write()
    audit(lake.layout)
    found = [(one.name, one.cause) for one in look(lake.layout.root).troubles if one.kind == "account-differs"]
    assert found == [("account 1", "1 × position (transfer)")]
    assert "A1" not in (lake.layout.root / "sealed" / "audited.json").read_text()


def test_where_nothing_can_be_compared_the_audit_is_tried_again(tmp_path: Path) -> None:
    lake = AccountLake(tmp_path / "data")
    lake.value(0, "NetLiquidation", "5")
    lake._write()
    audit(lake.layout)
    assert read_audited(lake.layout) is None
