"""What goes wrong ends in a sentence, not in a traceback."""

import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest

from capture import open_lake
from capture.lake.processes import roller
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


def test_a_roller_on_a_full_disk_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object) -> None:
        raise duckdb.IOException("Could not write file: No space left on device")

    monkeypatch.setattr(roller, "run", full)
    monkeypatch.setattr("signal.signal", lambda *_: threading.Event())
    monkeypatch.setattr(sys, "argv", ["roller", str(tmp_path), "main", "1"])
    with pytest.raises(SystemExit, match="No space left on device; nothing on the tape is lost"):
        roller.main()


@pytest.mark.parametrize("given", ["conid:2147483648", "conid:99999999999999999999", {"con_id": 2**31}, {"con_id": -1}])
def test_a_contract_id_that_ib_cannot_have_is_refused(given: Any) -> None:
    with pytest.raises(InstrumentError, match="is no contract id: IB's are whole numbers up to 2147483647"):
        parse_instrument(given)
