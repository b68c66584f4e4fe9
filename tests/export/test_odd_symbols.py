"""A symbol may be anything: no export fails by one, writes outside of its folder, or mixes two of them."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import capture
from capture.export.parts import folder_of
from tests.lake.functions.conftest import MadeLake

LONG = ("A" * 300, "A" * 299 + "B", "é" * 90)
ODD = ("..", ".", "/etc/x", "a/b", "\U0001f600", "x\ny", " ", "a\x01b", "\x1b[31mred\x07", "A\\B", "-rf",
       "a:b*?", "%2E%2E", *LONG)
CONTAINERS = ("nautilus", "lean")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[capture.Lake]:
    """A lake with a trade and the details of each."""
    made = MadeLake(tmp_path_factory.mktemp("odd") / "data")
    for number, symbol in enumerate(ODD):
        made.trade(number, 1.0)
        made.add("instruments", -1, ib_symbol=symbol, security_type="STK", currency="USD", exchange="SMART",
                 primary_exchange="ARCA", min_tick=0.01)
        for table in ("trades", "instruments"):
            made.rows[table][-1] |= {"symbol": symbol, "instrument_id": 1_000 + number}
    yield made.lake
    made.close()


@pytest.mark.parametrize("format", ["parquet", "dbn"])  # folders are the same of all formats that have parts
def test_each_symbol_has_a_folder_of_its_own(odd: capture.Lake, tmp_path: Path, format: str) -> None:
    done = odd.export("trades", tmp_path / "parts", by="symbol", format=format)
    folders = [path for path in (tmp_path / "parts").iterdir() if path.is_dir()]
    assert (done.rows, len(folders)) == (len(ODD), len(ODD))
    assert {path.name for path in tmp_path.iterdir()} <= {"parts", "parts.trades.manifest.json"}
    if format == "parquet":
        held = {path.parent.name: pq.read_table(path)["symbol"].to_pylist() for path in tmp_path.rglob("*.parquet")}
        assert held == {folder_of(symbol): [symbol] for symbol in ODD}


@pytest.mark.parametrize("format", CONTAINERS)
def test_what_another_tools_folder_cannot_be_named_by_is_left_out_and_counted(
    odd: capture.Lake, tmp_path: Path, format: str
) -> None:
    done = odd.export("trades", tmp_path / "whole", format=format)
    lost = {what for what in done.losses if "its name can be none of a" in what}
    assert len(lost) == len(LONG) + (2 if format == "lean" else 0)  # LEAN's folders have the bare name
    assert done.rows == len(ODD)
    assert sum(done.losses.values()) >= len(lost)
    assert {path.name for path in tmp_path.iterdir()} <= {"whole", "whole.trades.manifest.json"}
    depths = {len(path.relative_to(tmp_path).parts) for path in tmp_path.rglob("*") if path.is_file()}
    assert depths == {1, 6 if format == "lean" else 5}, "all are as deep as such files are"


def test_long_symbols_that_begin_alike_have_folders_of_their_own() -> None:
    names = {folder_of(symbol) for symbol in LONG}
    assert len(names) == len(LONG)
    assert max(len(name.encode()) for name in names) <= 180
    assert folder_of("AAPL") == "AAPL"
