"""Files of every released schema version are kept, and read as the newest; a change of columns needs a new version."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from capture import open_lake
from capture.decode.tws import TwsDecoder
from capture.lake.archive import write_sorted
from capture.lake.content import read_rows
from capture.lake.layout import EMPTY_DATE, Layout
from capture.lake.proof.rebuild import Rebuilder
from capture.lake.proof.verify import Verifier, foreign
from capture.lake.roll import Roller
from capture.lake.sealing import Sealer
from capture.lake.versions import file_versions, newer_columns, stored_version
from capture.lake.views import prepare
from capture.schemas import DICTIONARY, EVERY_TABLE, STATEMENT_TABLES, TABLES, TRADES, Column, Table

from .keep import expected, kept_file

EACH_TABLE = pytest.mark.parametrize("table", EVERY_TABLE.values(), ids=list(EVERY_TABLE))
EACH_FILE = pytest.mark.parametrize(("table", "version"), [
    (table, version) for table in EVERY_TABLE.values() for version in range(1, table.version + 1)],
    ids=lambda one: one if isinstance(one, int) else one.name)  # fmt: skip
KEEP = "run `python -m tests.schemas.keep`, and keep the file it writes for ever"
CHANGED = "columns of {} changed: give the table a new version, new columns `since` that version; then {}"


@EACH_FILE
def test_a_file_of_every_version_is_kept(table: Table, version: int) -> None:
    assert kept_file(table, version).exists(), KEEP
    assert stored_version(kept_file(table, version)) == version


@EACH_TABLE
def test_a_change_of_columns_needs_a_new_version(table: Table) -> None:
    kept = pq.read_schema(kept_file(table, table.version))
    assert [(field.name, field.type, field.nullable) for field in kept] == [
        (field.name, field.type, field.nullable) for field in table.schema], CHANGED.format(table.name, KEEP)


@EACH_FILE
def test_the_columns_of_a_version_are_those_since_then(table: Table, version: int) -> None:
    names = pq.read_schema(kept_file(table, version)).names
    assert names == [column.name for column in table.columns if column.since <= version]
    assert all(column.nullable for column in table.columns if column.since > 1), "older rows have nulls there"


def test_values_that_came_about_otherwise_in_an_older_version_are_not_compared_with_the_tape() -> None:
    assert newer_columns(TABLES["gaps"], 1) == {"from_ts", "to_ts", "lag_s", "account"}
    assert newer_columns(TABLES["gaps"], 2) == {"account"}
    assert not newer_columns(TABLES["gaps"], 3)


@EACH_FILE
def test_a_kept_file_reads_as_the_newest(table: Table, version: int, tmp_path: Path) -> None:
    rows = expected(tuple(column for column in table.columns if column.since <= version))
    wanted = [{column.name: row.get(column.name) for column in table.columns} for row in rows]
    assert read_rows(table, kept_file(table, version)).to_pylist() == wanted
    layout = Layout(tmp_path)
    layout.tape.mkdir()
    prepare(layout)
    target = (layout.statement_rows(table.name) if table.name in STATEMENT_TABLES
              else layout.live_file(table.name, "2026-01-05", "main", 1))
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(kept_file(table, version), target)
    with open_lake(tmp_path) as lake:
        assert lake.sql(f'select * exclude date from "{table.name}"').arrow().to_pylist() == wanted
    write_sorted(table, [target], tmp_path / "sorted.parquet")
    found = read_rows(table, tmp_path / "sorted.parquet").to_pylist()
    assert len(found) == len(wanted)
    assert all(row in found for row in wanted)


# A version that does not exist yet

FEE = Column("fee", "number", "what it cost", "USD", "an older row", DICTIONARY, since=2)


def newer(table: Table) -> Table:
    """Return a table with one column more and one that is wider."""
    columns = tuple(replace(c, kind="int64") if c.name == "row" else c for c in table.columns)
    return replace(table, columns=(*columns, FEE), version=2)


class Ages:
    """A lake that is written by one version on one day, and by the next version later that day and on the next."""

    def __init__(self, make: Callable[..., Any], folder: Path) -> None:
        self.now = datetime(2026, 1, 5, 12, tzinfo=UTC)
        self.script = make(folder / "data", now=lambda: int(self.now.timestamp() * 1e9))
        self.layout = Layout(folder / "data")
        prepare(self.layout)
        self.script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")

    def trade(self, day: int, price: float) -> "Ages":
        self.now = datetime(2026, 1, day, 12 + int(price), tzinfo=UTC)
        self.script.trade(5, price).mark()
        list(Roller(self.layout, "main").roll())
        return self

    def seal(self, day: int) -> None:
        now_s = datetime(2026, 1, day, 2, tzinfo=UTC).timestamp()
        list(Sealer(self.layout, settle_s=0, now_s=lambda: now_s).seal())

    def fees(self) -> list[tuple[float, float | None]]:
        with open_lake(self.layout.root) as lake:
            return lake.sql("select price, fee from trades order by seq").rows()

    def verified(self) -> None:
        verifier = Verifier(self.layout, "main")
        list(verifier.ranges())
        assert verifier.findings + foreign(self.layout) == []


@pytest.fixture
def ages(script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ages]:
    made = Ages(type(script), tmp_path / "ages")
    made.trade(5, 1).trade(6, 2).seal(6)
    monkeypatch.setitem(TABLES, "trades", newer(TRADES))
    decoded = TwsDecoder._table

    def with_fee(self: TwsDecoder, *arguments: Any) -> pa.Table:
        rows = decoded(self, *arguments)
        at = rows.schema.get_field_index("fee")
        return rows if at < 0 else rows.set_column(at, "fee", rows["price"])

    monkeypatch.setattr(TwsDecoder, "_table", with_fee)
    yield made
    made.script.writer.close()


def test_old_and_new_files_mix(ages: Ages) -> None:
    assert ages.fees() == [(1, None), (2, None)]
    empty = ages.layout.live("trades") / f"date={EMPTY_DATE}"
    assert [stored_version(path) for path in empty.iterdir()] == [2]
    ages.trade(6, 3)
    assert ages.fees() == [(1, None), (2, None), (3, 3)]
    assert file_versions(ages.layout, TABLES["trades"]) == {1: 3, 2: 1}
    ages.verified()


def test_a_day_of_both_versions_is_sealed_verified_and_made_anew(ages: Ages) -> None:
    ages.trade(6, 3).trade(7, 4).seal(7)
    assert ages.fees() == [(1, None), (2, None), (3, 3), (4, 4)]
    (mixed,) = (ages.layout.archive("trades") / "date=2026-01-06").glob("*.parquet")
    assert stored_version(mixed) == 1, "it holds rows of that version"
    ages.verified()
    list(Rebuilder(ages.layout, "main").ranges())
    assert ages.fees() == [(1, 1), (2, 2), (3, 3), (4, 4)], "what the tape tells of the new column"
    assert stored_version(next((ages.layout.archive("trades") / "date=2026-01-06").glob("*.parquet"))) == 2
    ages.verified()


def test_what_differs_otherwise_is_still_found(ages: Ages) -> None:
    (path,) = (ages.layout.live("trades") / "date=2026-01-06").glob("*.parquet")
    rows = read_rows(TRADES, path)
    changed = rows.set_column(rows.column_names.index("price"), "price", pa.array([9.0]))
    with pq.ParquetWriter(path, changed.schema, store_schema=False) as writer:
        writer.write_table(changed)
        writer.add_key_value_metadata({"ticktape.version": "1"})
    verifier = Verifier(ages.layout, "main")
    list(verifier.ranges())
    assert [found.detail for found in verifier.findings] == ["row 0: price is 9.0, where the tape gives 2.0"]
