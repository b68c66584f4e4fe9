"""What the round over the archive found damaged becomes a warning and a notice, once in a run."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from capture import open_lake
from capture.gateway.market import Market
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.views import prepare
from capture.recorder.damaged_files import DamageNews
from capture.recorder.recorder import Recorder
from capture.wanted.settings import RecordBlock
from tests.recording import record

ONE = {"path": "archive/trades/date=2026-11-20/x.parquet", "why": "CRC", "repair": "ticktape rebuild", "found": "1"}


def listed(data: Path, *found: Any) -> None:
    (data / "sealed").mkdir(parents=True, exist_ok=True)
    (data / "sealed" / "damaged.json").write_text(json.dumps(found))


def test_each_file_is_told_of_once_and_again_when_it_is_damaged_anew(tmp_path: Path) -> None:
    said: list[str] = []
    news = DamageNews(tmp_path, said.append)
    asyncio.run(news.tell())
    assert said == []
    listed(tmp_path, ONE)
    for _ in range(2):
        asyncio.run(news.tell())
        assert said == [f"{tmp_path}/archive/trades/date=2026-11-20/x.parquet is damaged: CRC; ticktape rebuild"]
    listed(tmp_path, ONE | {"found": "2"}, ONE)
    asyncio.run(news.tell())
    assert len(said) == 2
    (tmp_path / "sealed" / "damaged.json").write_text("[")
    asyncio.run(news.tell())
    assert len(said) == 2


def test_a_recorder_writes_it_down_as_a_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, said = tmp_path / "data", []
    listed(data, ONE)
    monkeypatch.setattr(Recorder, "_speak", lambda _, say: said.append((say.level, say.text)))
    start = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
    record(data, Market(5, rate=0.1), start, 130, [RecordBlock(instruments=["AAPL"], streams=["trades"])])
    assert [text for level, text in said if level == "warning" and "is damaged" in text] == [
        f"{data}/{ONE['path']} is damaged: CRC; ticktape rebuild"]
    prepare(Layout(data))
    list(Roller(Layout(data), "main").roll())
    with open_lake(data) as lake:
        rows = lake.sql("select message from notices where message like '%is damaged%'").rows()
    assert len(rows) == 1
