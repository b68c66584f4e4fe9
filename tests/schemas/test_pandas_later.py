"""pandas is loaded by who asks for it, and by nobody else: neither by a recorder nor by a question."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from capture.gateway import Gateway, running
from capture.gateway.market import Market

ASK = """
import sys, capture
with capture.open_lake(sys.argv[1]) as lake:
    trades = lake.trades("AAPL")
    assert trades.pl().height == len(trades.rows()) == trades.arrow().num_rows > 0
    trades._repr_html_(), repr(trades), lake.coverage(), lake.tables(), lake.gaps().rows()
    assert sum(1 for _ in lake.replay("AAPL")) > 0
    assert lake.time_bars("AAPL", "1 minute").pl().height > 0
assert "pandas" not in sys.modules
"""
KNOWS = """
import sys, capture.query, importlib.util
import pyarrow as pa
pa.array(["a"]), pa.scalar(1), pa.Table.from_pylist([{"a": 1}])
assert importlib.util.find_spec("pandas") and "pandas" not in sys.modules
import pandas as pd
assert type(pd.__loader__).__module__ == type(pd.__spec__.loader).__module__ == "_frozen_importlib_external"
assert pa.array(pd.Series([1.0, float("nan")])).null_count == 1
assert pa.Table.from_pandas(pd.DataFrame({"a": [1]})).to_pandas()["a"].tolist() == [1]
"""


@pytest.mark.slow
def test_no_process_of_a_recording_loads_pandas_nor_does_a_question(tmp_path: Path) -> None:
    told = tmp_path / "told"
    package = tmp_path / "path" / "pandas"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(  # tells who loads it
        f"import sys\nwith open({str(told)!r}, 'a') as file:\n    print(sys.argv, file=file)\n__version__ = '9.9'\n")
    data = tmp_path / "data"
    with running(Gateway(Market(rate=20), limits=None)) as gateway:
        commands = [
            ["-m", "capture.cli", "record", "AAPL", "--streams", "trades,quotes", "--for", "3", "--data", data,
             "--port", gateway.port],
            ["-m", "capture.lake.processes.sealer", data], ["-m", "capture.lake.processes.checker", data, os.getpid()],
            ["-m", "capture.cli", "verify", "--data", data], ["-m", "capture.cli", "sql", "from trades", "--json",
                                                              "--data", data],
            ["-c", ASK, data]]  # fmt: skip
        for command in commands:
            ran = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, check=False,
                                 env=os.environ | {"PYTHONPATH": str(package.parent)}, timeout=300)  # fmt: skip
            assert ran.returncode == 0, ran.stderr
    assert list((data / "live" / "quotes").glob("date=2*/*.parquet"))  # so a roller ran
    assert not told.exists(), told.read_text()


def test_arrow_knows_pandas_once_somebody_has_loaded_it() -> None:
    pytest.importorskip("pandas")
    subprocess.run([sys.executable, "-W", "error", "-c", KNOWS], check=True, timeout=300)


@pytest.mark.parametrize("first", ["capture.wire.encode", "capture.tape", "capture.lake.proof.tape_part"])
def test_no_module_that_comes_before_the_tables_loads_pandas(first: str) -> None:
    pytest.importorskip("pandas")
    code = f"import sys, {first}; assert 'pandas' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
