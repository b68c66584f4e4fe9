"""The round over the archive reads every file once in 30 days, remembers it, and writes down what is damaged."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from capture.data_folder import CHECKED, DAMAGED, SEALED
from capture.lake.layout import Layout
from capture.lake.processes.checker import CheckerBusyError, check
from capture.lake.proof.file_check import archive_files
from capture.lake.proof.file_round import Round, read_damaged
from capture.lake.proof.rebuild import Rebuilder
from capture.lake.sealing import Sealer

DAY_S = 86_400.0


@pytest.fixture
def sealed(rolled: Layout) -> Layout:
    """A lake whose only day is sealed."""
    list(Sealer(rolled, settle_s=0, now_s=lambda: datetime.now(UTC).timestamp() + 3 * DAY_S).seal())
    return rolled


def read_at(layout: Layout, now_s: float, pace: Callable[[int], object] = lambda _: None) -> list[Path]:
    """Let a new process go on with the round at some time; return what it read."""
    return [checked.path for checked in Round(layout, pace, now_s=lambda: now_s).check()]


def spoil(path: Path) -> None:
    """Flip a bit of the last page."""
    group = pq.read_metadata(path).row_group(0)
    last = group.column(group.num_columns - 1)
    spoiled = bytearray(path.read_bytes())
    spoiled[(last.dictionary_page_offset or last.data_page_offset) + last.total_compressed_size - 1] ^= 1
    times = path.stat()
    path.write_bytes(spoiled)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # as a disk does it: nobody wrote the file


def test_every_file_is_read_once_in_30_days_over_restarts_that_of_longest_ago_first(sealed: Layout) -> None:
    paths = [path for _, path in archive_files(sealed)]
    assert len(paths) > 3
    assert read_at(sealed, 1e9) == sorted(paths)
    assert read_at(sealed, 1e9 + 29 * DAY_S) == []
    os.utime(paths[-1])  # it is written anew
    assert read_at(sealed, 1e9 + 29.5 * DAY_S) == [paths[-1]]
    assert read_at(sealed, 1e9 + 30 * DAY_S) == sorted(paths[:-1])
    assert read_at(sealed, 1e9 + 59.5 * DAY_S) == [paths[-1]]
    assert Round(sealed, print, now_s=lambda: 1e9 + 60.1 * DAY_S).due()[0][1] == sorted(paths[:-1])[0]


def test_a_round_that_was_interrupted_goes_on(sealed: Layout) -> None:
    now_s = iter(1e9 + 11.0 * step for step in range(1_000))
    some = Round(sealed, lambda _: None, now_s=lambda: next(now_s)).check()
    first = [next(some).path, next(some).path]  # and then it is killed
    assert set(read_at(sealed, 1e9 + DAY_S)).isdisjoint(first)


def test_what_was_read_is_written_down_now_and_then(sealed: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[float] = []
    now_s = [1e9]
    one = Round(sealed, lambda _: None, now_s=lambda: now_s[0])
    save = one._save

    def remember(_: Round) -> None:
        saved.append(now_s[0])
        save()

    monkeypatch.setattr(Round, "_save", remember)
    for number, _ in enumerate(one.check(), 1):
        now_s[0] = 1e9 + 5 * number
    assert saved[:-1] == [1e9 + at for at in range(10, 5 * number, 10)]
    assert saved[-1] == now_s[0]


def test_it_is_slowed_down_by_what_it_reads(sealed: Layout) -> None:
    sizes: list[int] = []
    read_at(sealed, 1e9, sizes.append)
    assert len(sizes) == len(list(archive_files(sealed)))
    assert min(sizes) > 0


def test_damage_is_written_down_until_it_is_mended(sealed: Layout) -> None:
    read_at(sealed, 1e9)
    (path,) = sealed.archive("trades").glob("date=2*/*.parquet")
    spoil(path)
    assert read_damaged(sealed) == []
    read_at(sealed, 1e9 + 31 * DAY_S)
    (damaged,) = read_damaged(sealed)
    assert sealed.root / damaged.path == path
    assert "rebuild" in damaged.repair
    assert read_at(sealed, 1e9 + 32 * DAY_S) == [path], "it is looked at again, as a disk may have recovered"
    assert read_damaged(sealed) == [damaged], "since when is remembered"
    list(Rebuilder(sealed, "main").ranges())
    assert read_damaged(sealed) == []
    assert path in read_at(sealed, 1e9 + 33 * DAY_S)
    assert read_damaged(sealed) == []


def test_a_file_that_reads_well_again_is_told_of_no_more(sealed: Layout) -> None:
    (path,) = sealed.archive("trades").glob("date=2*/*.parquet")
    spoil(path)
    read_at(sealed, 1e9)
    (damaged,) = read_damaged(sealed)
    assert damaged.found == datetime.fromtimestamp(1e9, UTC).isoformat()
    spoil(path)  # the same bit once more, as a disk may recover
    assert read_at(sealed, 1e9 + DAY_S) == [path]
    assert read_damaged(sealed) == []
    assert read_at(sealed, 1e9 + 2 * DAY_S) == []
    spoil(path)
    (sealed.archive("quotes") / "gone").mkdir()
    read_at(sealed, 1e9 + 40 * DAY_S)
    path.unlink()
    assert read_damaged(sealed) == []
    assert Round(sealed, print, now_s=lambda: 1e9 + 41 * DAY_S).due() == []


@pytest.mark.parametrize("state", [None, "", "{", "[1]", '{"x": 3}'])
def test_a_state_that_is_lost_costs_a_round_and_no_more(sealed: Layout, state: str | None) -> None:
    everything = read_at(sealed, 1e9)
    for name in ("checked.json", "damaged.json"):
        path = sealed.root / "sealed" / name
        path.unlink() if state is None else path.write_text(state)
    assert read_at(sealed, 1e9 + 1) == everything
    assert read_damaged(sealed) == []


def test_what_is_gone_is_forgotten(sealed: Layout) -> None:
    first, second, *_ = read_at(sealed, 1e9)
    spoil(first)
    assert first in read_at(sealed, 1e9 + 31 * DAY_S)
    name = str(first.relative_to(sealed.root))
    checked, damaged = sealed.root / CHECKED, sealed.root / DAMAGED
    assert name in json.loads(checked.read_text())
    assert [one["path"] for one in json.loads(damaged.read_text())] == [name]
    first.unlink()
    os.utime(second)
    assert read_at(sealed, 1e9 + 32 * DAY_S) == [second]
    assert name not in json.loads(checked.read_text())
    assert json.loads(damaged.read_text()) == []


def test_a_round_of_a_lake_without_a_folder_for_its_state_makes_it(tmp_path: Path) -> None:
    assert read_at(Layout(tmp_path), 1e9) == []
    assert read_damaged(Layout(tmp_path)) == []
    assert sorted(path.name for path in (tmp_path / SEALED).iterdir()) == ["checked.json", "damaged.json"]


def test_the_process_reads_all_that_is_due_and_there_is_one_of_it(sealed: Layout) -> None:
    command = [sys.executable, "-m", "capture.lake.processes.checker", str(sealed.root), str(os.getpid())]
    assert subprocess.run(command, timeout=120, check=True).returncode == 0
    assert read_at(sealed, datetime.now(UTC).timestamp()) == []
    (path,) = sealed.archive("trades").glob("date=2*/*.parquet")
    path.touch()
    with pytest.raises(SystemExit):
        check(sealed, parent=-1)  # whose roller is gone
    with (sealed.root / "sealed" / "checker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CheckerBusyError):
            check(sealed, os.getppid())
