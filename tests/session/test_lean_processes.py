"""What a recorder and its roller keep in memory: neither a database nor, in the recorder, Arrow (D18)."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from capture.gateway import Gateway, running
from capture.gateway.market import Market

LIBRARIES = {"duckdb": "_duckdb", "arrow": "libarrow", "polars": "_polars", "pandas": "/pandas/"}
MOST_MIB = 200  # both together


def mapped(process: psutil.Process) -> set[str]:
    """Return which libraries a process has in its memory, as the system says."""
    paths = [one.path for one in process.memory_maps()]
    return {name for name, part in LIBRARIES.items() if any(part in path for path in paths)}


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says what a process has mapped")
def test_a_recorder_has_no_arrow_and_its_roller_no_database(tmp_path: Path) -> None:
    with running(Gateway(Market(rate=20), limits=None)) as gateway:
        command = [sys.executable, "-m", "capture.cli", "record", "AAPL", "--streams", "trades,quotes", "--data",
                   str(tmp_path / "data"), "--port", str(gateway.port)]
        (tmp_path / "ticktape.toml").write_text("roll_interval_s = 1\n")
        with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as recording:
            try:
                recorder = psutil.Process(recording.pid)
                end_s = time.monotonic() + 120
                while not list((tmp_path / "data" / "live" / "quotes").glob("date=2*/*.parquet")):
                    assert time.monotonic() < end_s, "nothing was rolled"
                    time.sleep(0.1)
                (roller,) = [one for one in recorder.children() if "capture.lake.processes.roller" in one.cmdline()]
                found = mapped(recorder), mapped(roller)
                size_mib = sum(one.memory_info().rss for one in (recorder, roller)) >> 20
            finally:
                recording.terminate()
                recording.wait(60)
    assert found == (set(), {"arrow"})
    assert size_mib <= MOST_MIB
