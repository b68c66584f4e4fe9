"""What goes wrong ends in a sentence, not in a traceback."""

import errno
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from capture import open_lake
from capture.lake.layout import Layout
from capture.lake.processes import preparer, roller
from capture.lake.views import belongs, prepare
from capture.wanted.instrument import InstrumentError, parse_instrument


def test_a_stamp_that_is_no_text_is_written_anew(script: Any) -> None:
    with open_lake(script.open().data) as lake:
        layout = lake.layout
    stamp = layout.root / "sealed" / "views.json"
    stamp.write_bytes(b"\xff\xfe\x80")
    assert not belongs(layout)
    prepare(layout)
    assert belongs(layout)


@pytest.mark.parametrize(("process", "work", "error"), [
    (roller, "run", OSError(errno.ENOSPC, "No space left on device")),
    (roller, "run", pa.ArrowInvalid("No space left on device")),
    (preparer, "prepare", duckdb.IOException("Could not write file: No space left on device")),
], ids=["file", "arrow", "views"])
def test_a_roller_on_a_full_disk_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, process: Any, work: str, error: Exception
) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(process, work, full)
    monkeypatch.setattr("signal.signal", lambda *_: threading.Event())
    monkeypatch.setattr(sys, "argv", ["roller", str(tmp_path), "main", "1"])
    with pytest.raises(SystemExit, match="No space left on device; nothing on the tape is lost"):
        process.main()


def test_a_roller_ends_where_its_lake_cannot_be_prepared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        roller.prepare(Layout(tmp_path / "back\\slash"))
    assert ended.value.code == 1
    assert "files are not found in a folder with a backslash" in capfd.readouterr().err


@pytest.mark.parametrize("given", ["conid:2147483648", "conid:99999999999999999999", {"con_id": 2**31}, {"con_id": -1}])
def test_a_contract_id_that_ib_cannot_have_is_refused(given: Any) -> None:
    with pytest.raises(InstrumentError, match="is no contract id: IB's are whole numbers up to 2147483647"):
        parse_instrument(given)
