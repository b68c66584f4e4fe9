"""What is kept of archive files counts only while folders and files are what they were, and is never a wrong count."""

import os
import shutil
import time
from pathlib import Path
from zlib import crc32

import pytest

import capture
from bench.dates import write_lake
from capture.lake.digest import keep
from capture.lake.kept import read_kept
from capture.lake.layout import Layout, day_folders
from capture.lake.proof.recover import restore
from capture.lake.proof.verify import misremembered


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    layout = Layout(tmp_path_factory.mktemp("kept") / "data")
    write_lake(layout.root, 3)
    keep(layout)
    return layout


def rows(layout: Layout) -> int:
    with capture.open_lake(layout.root) as lake:
        [(counted,)] = lake.sql("select count(*) from trades").rows()
        told = next(one for one in lake.tables() if one["table"] == "trades")
    assert told["rows"] == counted
    return int(counted)


def files(layout: Layout) -> list[Path]:
    return [path for folder in day_folders(layout.archive("trades")).values() for path in folder.glob("*.parquet")]


def test_files_that_came_went_or_changed_are_seen_though_something_else_is_kept_of_them(layout: Layout) -> None:
    whole, (first, second) = rows(layout), files(layout)
    day = rows(layout) // 3
    shutil.copy(first, first.with_name("main.000000000100-000000000100.parquet"))
    assert rows(layout) == whole + day
    first.unlink()
    assert rows(layout) == whole
    bytes_of_another = second.read_bytes()
    shutil.rmtree(second.parent)
    assert rows(layout) == whole - day
    second.parent.mkdir()
    second.write_bytes(bytes_of_another)
    assert rows(layout) == whole


def test_a_file_written_over_in_place_is_counted_anew(layout: Layout) -> None:
    whole, (first, _) = rows(layout), files(layout)
    folder_s = first.parent.stat().st_mtime
    empty = layout.archive("trades") / "date=1970-01-01" / "empty.parquet"
    first.write_bytes(empty.read_bytes())
    os.utime(first.parent, (folder_s, folder_s))
    assert rows(layout) == whole - whole // 3


def test_a_date_that_may_change_yet_is_not_kept(layout: Layout) -> None:
    (first, second) = files(layout)
    os.utime(first.parent)
    keep(layout)
    assert set(read_kept(layout, "trades")) == {second.parent.name[5:]}
    then_s = time.time() - 60
    os.utime(first.parent, (then_s, then_s))
    keep(layout)
    assert len(read_kept(layout, "trades")) == 2


@pytest.mark.parametrize("text", [
    "", "{}", "[1]", '{"trades":[]}', '{"trades":{"2023-01-02":7}}', '{"trades":{"2023-01-02":[1,{"a":[1]}]}}',
    '{"trades":{"2023-01-02":[NaN,{}]}}', '{"trades":{"2023-01-02":[1e999,{}]}}', "null", '{"quotes":{}}'])
def test_what_makes_no_sense_counts_as_nothing_and_is_written_anew(layout: Layout, text: str) -> None:
    whole, path = rows(layout), layout.kept("trades")
    before = path.read_bytes()
    path.write_text(f"{text}\n{crc32(text.encode()):08x}")
    assert read_kept(layout, "trades") == {}
    assert rows(layout) == whole
    assert list(restore(layout, [])) == []
    assert path.read_bytes() == before


def test_a_digit_that_the_disk_changed_is_no_count(layout: Layout) -> None:
    whole, path = rows(layout), layout.kept("trades")
    text = path.read_text()
    assert ",1170]" in text
    path.write_text(text.replace(",1170]", ",1171]", 1))
    assert read_kept(layout, "trades") == {}
    assert rows(layout) == whole


def test_verify_finds_what_is_kept_of_a_file_and_is_not_so(layout: Layout) -> None:
    assert misremembered(layout) == []
    path = layout.kept("trades")
    text = path.read_text().partition("\n")[0].replace(",1170]", ",1171]", 1)
    path.write_text(f"{text}\n{crc32(text.encode()):08x}")
    (found,) = misremembered(layout)
    assert (found.place, found.repair) == (str(path), f"rm {path}")


def test_a_file_that_cannot_be_read_is_no_fault_of_what_is_kept(layout: Layout) -> None:
    path = next(path for folder in day_folders(layout.archive("trades")).values() for path in folder.glob("*.parquet"))
    changed = path.stat()
    path.write_bytes(b"no parquet".ljust(changed.st_size))
    os.utime(path, ns=(changed.st_atime_ns, changed.st_mtime_ns))
    assert list(misremembered(layout)) == []
