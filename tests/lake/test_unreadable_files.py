"""Which files of a lake cannot be read, in words: the first of them, how many more, and what mends them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from capture.lake.content import UnreadableError
from capture.lake.damage import _files, _read_by_duckdb, _read_footer, _read_whole, _unreadable, damage, insistent
from capture.lake.layout import Layout
from capture.lake.parquet_file import write_parquet
from capture.lake.sealed import seal_through
from capture.schemas import TRADES
from tests.lake.test_checksums import flip, pages, price_page, trades

NOW = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A lake of one table, with three good files."""
    made = Layout(tmp_path)
    for folder in (made.live("trades"), made.archive("trades")):
        path = made.rowless(folder)
        path.parent.mkdir(parents=True)
        write_parquet(TRADES, TRADES.schema.empty_table(), path)
    for path in (made.live_file("trades", "2026-01-05", "main", 1), made.live_file("trades", "2026-01-06", "main", 2),
                 made.archive_file("trades", "2026-01-04", "main", 1, 1)):  # fmt: skip
        path.parent.mkdir(parents=True)
        write_parquet(TRADES, trades(3), path)
    seal_through(made, "trades", NOW.date())
    return made


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def test_the_first_file_is_named_and_how_many_more_there_are(layout: Layout) -> None:
    assert damage(layout, ["trades"]) is None
    one, two, three = (path for _, path in [("", path) for path in _files(layout, "trades") if "main" in path.name])
    spoil(two)
    said = damage(layout, ["trades"])
    assert said is not None
    assert said.startswith(f"{two} cannot be read: ")
    assert "more like it" not in said
    assert "rebuild --replace" in said
    spoil(three)
    assert " (1 more like it); " in (damage(layout, ["trades"]) or "")
    spoil(one)
    said = damage(layout, ["trades"])
    assert (said or "").startswith(f"{one} cannot be read: ")
    assert " (2 more like it); " in (said or "")


def test_all_files_of_a_table_are_looked_at(layout: Layout) -> None:
    assert list(_files(layout, "trades")) == [
        layout.rowless(layout.live("trades")), layout.live_file("trades", "2026-01-05", "main", 1),
        layout.live_file("trades", "2026-01-06", "main", 2), layout.rowless(layout.archive("trades")),
        layout.archive_file("trades", "2026-01-04", "main", 1, 1), layout.sealed("trades")]  # fmt: skip


def test_a_spoiled_page_is_found_where_all_footers_are_right(layout: Layout) -> None:
    path = layout.archive_file("trades", "2026-01-04", "main", 1, 1)
    flip(path, price_page(path))
    assert (damage(layout, ["trades"]) or "").startswith(f"{path} cannot be read: ")


def test_a_date_of_sealing_that_is_spoiled_is_found(layout: Layout) -> None:
    path = layout.sealed("trades")
    flip(path, pages(path)[-1][1] - 1)
    with pytest.raises(OSError, match="CRC"):
        _read_whole("trades", path)
    assert (damage(layout, ["trades"]) or "").startswith(f"{path} cannot be read: ")


def test_columns_of_another_table_are_found(layout: Layout) -> None:
    path = layout.live_file("trades", "2026-01-05", "main", 1)
    pq.write_table(trades(3).drop_columns(["price"]), path)
    with pytest.raises(UnreadableError, match="price"):
        _read_whole("trades", path)


def test_files_that_are_gone_meanwhile_are_passed_over_and_a_fault_without_words_has_a_name() -> None:
    def read(name: str, path: Path) -> None:
        if name == "gone":
            raise FileNotFoundError(path)
        if name == "silent":
            raise ValueError
        if name == "bad":
            raise OSError("first line\nsecond line")

    files = [(name, Path(name)) for name in ("gone", "good", "bad", "gone", "silent")]
    assert list(_unreadable(files, read)) == [(Path("bad"), "first line"), (Path("silent"), "ValueError")]


def test_what_was_captured_before_is_found_or_the_file_that_hides_it_is_named(layout: Layout) -> None:
    def captured(*given: Any) -> list[Any]:
        if given[1] == 1:
            return [given]
        raise pa.ArrowInvalid("words of Arrow")

    find = insistent(layout, captured)
    assert list(find("trades", 1, NOW, NOW)) == [("trades", 1, NOW, NOW)]
    with pytest.raises(UnreadableError, match=r"^trades: words of Arrow; .*rebuild --replace"):
        find("trades", 2, NOW, NOW)
    path = layout.live_file("trades", "2026-01-05", "main", 1)
    spoil(path)
    with pytest.raises(UnreadableError, match=f"^{path} cannot be read"):
        find("trades", 2, NOW, NOW)


def test_what_duckdb_cannot_read_is_unreadable(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    path = layout.live_file("trades", "2026-01-05", "main", 1)
    _read_by_duckdb("trades", path)
    spoil(path)
    with pytest.raises(UnreadableError, match=path.name):
        _read_by_duckdb("trades", path)
    for read in ("_read_footer", "_read_whole"):
        monkeypatch.setattr(f"capture.lake.damage.{read}", lambda *_: None)
    assert (damage(layout, ["trades"]) or "").startswith(f"{path} cannot be read: ")
    with pytest.raises(ValueError, match="Parquet"):
        _read_footer("trades", path)
