"""Listing an archive: always what is there, without looking into folders that stayed as they were."""

import os
import time
from datetime import date
from pathlib import Path

import pytest

from capture.lake.state import SETTLED_NS
from capture.query.listing import Listing

FIRST, SECOND = date(2026, 1, 5), date(2026, 1, 6)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    for name in ("date=1970-01-01/empty.parquet", f"date={FIRST}/a.parquet", f"date={SECOND}/a.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def made(archive: Path) -> Listing:
    return Listing(archive, archive / "date=1970-01-01" / "empty.parquet")


def names(paths: list[Path]) -> list[str]:
    return [f"{path.parent.name[5:]}/{path.stem}" for path in paths]


def long_ago(folder: Path) -> None:
    then_ns = time.time_ns() - 10 * SETTLED_NS
    os.utime(folder, ns=(then_ns, then_ns))


def test_all_files_are_listed_in_order_of_date_and_those_of_some_dates_alone(archive: Path) -> None:
    assert names(made(archive).files()) == ["1970-01-01/empty", "2026-01-05/a", "2026-01-06/a"]
    assert names(made(archive).files([SECOND])) == ["1970-01-01/empty", "2026-01-06/a"]
    assert names(made(archive).files([date(2026, 1, 7)])) == ["1970-01-01/empty"]


@pytest.mark.parametrize("settled", [False, True])
def test_files_that_come_and_go_are_seen_at_once(archive: Path, settled: bool) -> None:
    listing, folder = made(archive), archive / f"date={FIRST}"
    if settled:
        long_ago(folder)
    for number in range(5):
        before = names(listing.files())
        (folder / f"b{number}.parquet").touch()
        assert names(listing.files()) == sorted([*before, f"2026-01-05/b{number}"])
    (folder / "a.parquet").unlink()
    assert "2026-01-05/a" not in names(listing.files())
    (folder / "unfinished.tmp").touch()
    assert len(listing.files()) == 7


def test_what_comes_within_the_same_tick_of_the_file_systems_clock_is_seen(archive: Path) -> None:
    listing, folder = made(archive), archive / f"date={FIRST}"
    now_ns = time.time_ns()
    os.utime(folder, ns=(now_ns, now_ns))
    assert names(listing.files([FIRST])) == ["1970-01-01/empty", "2026-01-05/a"]
    (folder / "b.parquet").touch()
    os.utime(folder, ns=(now_ns, now_ns))
    assert names(listing.files([FIRST])) == ["1970-01-01/empty", "2026-01-05/a", "2026-01-05/b"]


def test_a_folder_that_did_not_change_is_not_looked_into(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = made(archive)
    for folder in archive.iterdir():
        long_ago(folder)
    first = listing.files([FIRST])
    monkeypatch.setattr(os, "scandir", None)
    assert listing.files([FIRST]) == first
