"""The file of a paper account: what was written is there, and what is damaged is refused and left as it is."""

import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from capture.gateway.kept.account_journal import Journal, JournalError

RECORDS: list[dict[str, Any]] = [
    {"n": 1, "text": "äß\n"}, {"amount": Decimal("1.10"), "none": None}, {"list": [1.5, Decimal(-3)]}]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    journal = Journal(tmp_path / "account")
    for record in RECORDS:
        journal.write(record)
    journal.close()
    return tmp_path / "account"


def records(path: Path) -> list[object]:
    journal = Journal(path)
    journal.close()
    return list(journal.records)


def test_records_come_back_as_they_were(path: Path) -> None:
    assert records(path) == RECORDS
    assert type(Journal(path).records[1]["amount"]) is Decimal
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_goes_on_where_it_ended(path: Path) -> None:
    journal = Journal(path)
    journal.write({"more": 1})
    journal.close()
    assert records(path) == [*RECORDS, {"more": 1}]


def test_it_can_be_written_anew(path: Path) -> None:
    journal = Journal(path)
    journal.rewrite([{"only": 1}])
    journal.write({"more": 2})
    with pytest.raises(JournalError, match="is in use"):
        Journal(path)
    journal.close()
    assert records(path) == [{"only": 1}, {"more": 2}]


def test_only_one_gateway_has_it(path: Path) -> None:
    journal = Journal(path)
    with pytest.raises(JournalError, match="account is in use by another gateway"):
        Journal(path)
    journal.close()
    Journal(path).close()


def test_a_line_that_was_not_finished_was_never_acted_upon(path: Path) -> None:
    whole = path.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    for length in range(len(last)):
        path.write_bytes(whole[: len(whole) - len(last) + length])
        assert records(path) == RECORDS[:-1]
    journal = Journal(path)
    journal.write(RECORDS[-1])
    journal.close()
    assert path.read_bytes() == whole


def test_any_changed_byte_is_told_and_nothing_is_changed(path: Path) -> None:
    whole = path.read_bytes()
    rng = random.Random(1)
    for at in range(len(whole) - 1):  # without its last byte it is a line that was not finished
        damaged = bytearray(whole)
        damaged[at] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            found = records(path)
        except JournalError as error:
            assert f"{path} line " in str(error) and "`ticktape gateway --state`" in str(error)
            assert path.read_bytes() == damaged
        else:
            assert found == RECORDS  # another way to write the same checksum


@pytest.mark.parametrize("lines", [[0, 2], [1, 0, 2], [0, 1, 1, 2], [1, 2]])
def test_lines_that_are_missing_or_moved_are_told(path: Path, lines: list[int]) -> None:
    found = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(found[line] for line in lines))
    with pytest.raises(JournalError, match="is damaged"):
        Journal(path)


def test_what_is_no_journal_is_told(tmp_path: Path) -> None:
    path = tmp_path / "account"
    path.write_text(json.dumps({"some": "json"}) + "\n")
    with pytest.raises(JournalError, match="line 1 is damaged"):
        Journal(path)
