"""One walk finds what others find by their own: all bytes, the archive's files, and the days that are live."""

import time
from typing import Any

import pytest

from capture.lake.layout import Layout
from capture.lake.proof.file_check import archive_files
from capture.lake.roll import Roller
from capture.lake.sealing import Sealer
from capture.lake.views import prepare
from capture.query.sizes import sizes
from capture.watch import lake_walk
from capture.watch.lake_walk import PARTS, walk


def rolled(script: Any) -> Layout:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 250.25).mark().writer.close()
    layout = Layout(script.data)
    prepare(layout)
    list(Roller(layout, "main").roll())
    return layout


@pytest.mark.parametrize("sealed", [False, True])
def test_it_finds_what_others_find(script: Any, sealed: bool) -> None:
    layout = rolled(script)
    if sealed:
        sealer = Sealer(layout, settle_s=0, grace_s=0, now_s=lambda: time.time() + 3 * 86_400)
        list(sealer.seal())
        sealer.clear()
    found, known = walk(layout), sizes(layout)
    assert found.part_bytes == {part: sum(path.stat().st_size for path in (layout.root / part).rglob("*")
                                          if path.is_file()) for part in PARTS}  # fmt: skip
    by_day = {str(day["date"]): day["parquet_bytes"] + day["tape_bytes"] for day in known["days"]}
    assert {day: sum(of.get(day, 0) for of in found.kind_bytes.values()) for day in by_day} == by_day
    assert found.archive.keys() == {str(path.relative_to(layout.root)) for _, path in archive_files(layout)}
    assert ("trades" in found.live_days) == (not sealed)
    assert bool(found.archive) == sealed


def test_what_goes_meanwhile_is_left_out(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = rolled(script)
    entries = {part: list(lake_walk._files(layout.root / part)) for part in PARTS}
    monkeypatch.setattr(lake_walk, "_files", lambda folder: entries[folder.name])
    for path in (layout.root / "live").rglob("*.parquet"):
        path.unlink()
    gone = lake_walk.walk(layout)
    assert gone.part_bytes["tape"] > 0
    assert (gone.part_bytes["live"], gone.live_days) == (0, {})
