"""Rows of a file that is compacted between the look at its footer and its opening are read from the new one."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from capture import open_lake
from capture.lake.layout import Layout
from capture.lake.parquet_file import write_parquet
from capture.lake.row_groups.compactor import Compactor
from capture.lake.row_groups.footers import Footers, Part
from capture.lake.sealed import seal_through
from capture.lake.views import prepare
from capture.schemas import TABLES
from capture.times import moment_of
from tests.lake.test_archive import row

TRADES, DAY = TABLES["trades"], date(2026, 1, 5)
BEGIN_US = 1_767_571_200_000_000  # of that day


def test_a_file_that_is_compacted_before_it_is_opened_is_read_as_it_is_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path / "data")
    layout.tape.mkdir(parents=True)
    prepare(layout)
    path = layout.archive_file("trades", str(DAY), "main", 1, 2)
    path.parent.mkdir()
    rows = [row(TRADES, symbol=symbol, ts=moment_of(BEGIN_US + seq), seq=seq, price=float(seq))
            for seq in range(6) for symbol in "BA"]
    write_parquet(TRADES, pa.Table.from_pylist(rows, TRADES.schema), path)
    seal_through(layout, "trades", DAY)
    compacted: list[Any] = []
    parts = Footers.parts

    def late(footers: Footers, *given: Any) -> Iterator[Part]:
        found = list(parts(footers, *given))
        compacted.extend(Compactor(layout, settle_s=0).compact())
        return iter(found)

    with open_lake(layout.root) as lake:
        monkeypatch.setattr(Footers, "parts", late)
        found = lake.trades("A", "2026-01-05", "2026-01-06", columns=["seq", "price"]).arrow()
    assert [one.path for one in compacted] == [path]
    assert found.to_pylist() == [{"seq": seq, "price": float(seq)} for seq in range(6)]
