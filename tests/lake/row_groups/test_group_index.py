"""The index of row groups finds the same ones as footers do, and counts only of files that are the same."""

import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.dates import write_lake
from capture.lake.archive import write_sorted
from capture.lake.digest import keep
from capture.lake.layout import Layout, day_folders
from capture.lake.parquet_file import write_parquet
from capture.lake.proof.recover import restore
from capture.lake.proof.verify import misremembered
from capture.lake.row_groups import footers
from capture.lake.row_groups.bounds import Wanted
from capture.lake.row_groups.footers import Footers
from capture.lake.row_groups.group_index import GroupIndex, ReplacedError, read_groups
from capture.schemas import TABLES
from tests.lake.test_archive import row, value

TRADES = TABLES["trades"]
SYMBOLS = ("A", "B", "C", "D")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Three dates, of which each has a row group for each of four symbols."""
    layout = Layout(tmp_path_factory.mktemp("groups") / "data")
    write_lake(layout.root, 4)
    moment = value(TRADES.column("ts"), 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("capture.lake.row_groups.cuts.OWN_ROWS", 5)
        for folder in day_folders(layout.archive("trades")).values():
            rows = [row(TRADES, symbol=symbol, ts=moment, instrument_id=place, seq=seq)
                    for place, symbol in enumerate(SYMBOLS) for seq in range(5)]
            write_parquet(TRADES, pa.Table.from_pylist(rows, TRADES.schema), layout.root / "source")
            for path in folder.glob("*.parquet"):
                path.unlink()
                write_sorted(TRADES, [layout.root / "source"], path)
    for folder in layout.root.rglob("date=*"):
        os.utime(folder, (0, 0))
    keep(layout)
    return layout


def files(layout: Layout) -> list[Path]:
    return [path for folder in day_folders(layout.archive("trades")).values() for path in folder.glob("*.parquet")]


def read(layout: Layout, footers: Footers, wanted: Wanted) -> list[pa.Table]:
    return [part.opened().read_row_groups(part.groups) for part in footers.parts(files(layout), wanted)]


@pytest.mark.parametrize("wanted", [Wanted(["B"]), Wanted(["B", "D"]), Wanted(ids=[0]), Wanted(["E"]), Wanted(),
                                    Wanted(["A"], end_us=0)], ids=str)  # fmt: skip
def test_the_index_finds_what_footers_do(layout: Layout, wanted: Wanted) -> None:
    found = read(layout, Footers(GroupIndex(layout)), wanted)
    expected = read(layout, Footers(), wanted)
    assert len(found) == len(expected)
    assert all(one.equals(other) for one, other in zip(found, expected, strict=True))


def test_pieces_of_a_footer_are_not_read_from_a_file_that_took_its_place(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files(layout)[0]
    said = path.stat()
    known = GroupIndex(layout).of(path, (said.st_size, said.st_mtime_ns))
    assert known and known.metadata(path, [1]).num_rows == 5
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(bytes(said.st_size))
    with pytest.raises(ReplacedError, match="ask once more"):
        known.metadata(path, [1])
    path.unlink()
    path.write_bytes(content)
    now, before = footers._stamp, [known.stamp]
    monkeypatch.setattr(footers, "_stamp", lambda path: before.pop() if before else now(path))
    assert [part.metadata.num_rows for part in Footers(GroupIndex(layout)).parts([path], Wanted(["B"]))] == [20]


def test_no_footer_is_read_of_a_file_that_is_in_the_index(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def counted(source: object) -> pq.FileMetaData:
        opened.append(source)
        return read_metadata(source)

    read_metadata = pq.read_metadata
    footers = Footers(GroupIndex(layout))
    monkeypatch.setattr(pq, "read_metadata", counted)
    assert list(footers.parts(files(layout), Wanted(["E"]))) == []
    assert opened == []
    parts = list(footers.parts(files(layout), Wanted(["B"])))
    assert [part.metadata.num_row_groups for part in parts] == [1, 1, 1]
    assert not any(isinstance(source, Path) for source in opened)
    assert [part.metadata for part in footers.parts(files(layout), Wanted(["B"]))] == [part.metadata for part in parts]
    assert len(opened) == 3, "what was put together is held"


def test_a_file_that_was_made_anew_is_read_as_it_is_now_and_known_once_it_is_kept(layout: Layout) -> None:
    index = GroupIndex(layout)
    footers, path = Footers(index), files(layout)[0]
    assert len(read(layout, footers, Wanted(["A"]))) == 3
    rows = pa.Table.from_pylist([row(TRADES, symbol="Z")], TRADES.schema)
    write_parquet(TRADES, rows, layout.root / "source")
    path.unlink()
    write_sorted(TRADES, [layout.root / "source"], path)
    assert [len(read(layout, footers, Wanted([symbol]))) for symbol in "AZ"] == [2, 1]
    found = path.stat()
    assert index.of(path, (found.st_size, found.st_mtime_ns)) is None
    os.utime(path.parent, (1, 1))
    keep(layout)
    assert index.of(path, (found.st_size, found.st_mtime_ns)) is not None
    assert [len(read(layout, footers, Wanted([symbol]))) for symbol in "AZ"] == [2, 1]


@pytest.mark.parametrize("content", [None, b"", b"x" * 50, "cut", "flipped"], ids=str)
def test_an_index_that_is_lost_or_damaged_costs_time_alone_and_recover_makes_it_anew(
    layout: Layout, content: bytes | str | None
) -> None:
    path = layout.groups("trades")
    whole = path.read_bytes()
    if content is None:
        path.unlink()
    elif isinstance(content, str):
        path.write_bytes(whole[:-20] if content == "cut" else whole[:90] + bytes([whole[90] ^ 1]) + whole[91:])
    else:
        path.write_bytes(content)
    assert read_groups(layout, "trades") == {}
    assert [len(found) for found in read(layout, Footers(GroupIndex(layout)), Wanted(["B"]))] == [5, 5, 5]
    list(restore(layout, []))
    assert path.read_bytes() == whole


def test_verify_compares_it(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    assert misremembered(layout) == []
    known = read_groups(layout, "trades")
    for file in known.values():
        file.bounds.first_symbol.flags.writeable = True
        file.bounds.first_symbol[0] = "0"
    monkeypatch.setattr("capture.lake.row_groups.group_index.read_groups", lambda _, table: (
        known if table == "trades" else {}))
    assert [found.place for found in misremembered(layout)] == [str(layout.groups("trades"))]


def test_files_of_live_folders_are_in_no_index(layout: Layout) -> None:
    shutil.move(layout.archive("trades"), layout.live("moved"))
    assert GroupIndex(layout).of(next(layout.live("moved").glob("date=2*/*.parquet")), (1, 1)) is None
