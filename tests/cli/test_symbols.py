"""A word of digits is a symbol, as those of Hong Kong and Korea are; a contract id is named `conid:700`."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from capture import open_lake
from capture.lake.layout import Layout
from capture.lake.roll import publish_range
from capture.lake.views import prepare
from capture.query.selection import symbols_and_ids
from capture.schemas import TRADES

Run = Callable[..., Any]
IDS = {"700": 5, "005930": 6, "XYZ": 700}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with a trade of each, XYZ being the one whose contract id is 700."""
    layout = Layout(tmp_path_factory.mktemp("digits") / "data")
    layout.tape.mkdir(parents=True)
    prepare(layout)
    rows = [dict.fromkeys(TRADES.schema.names) | {
        "ts": datetime(2026, 1, 2, 15, tzinfo=UTC), "seq": seq, "row": 0, "recorder": "main", "instrument_id": con_id,
        "symbol": symbol, "stream": "all_last", "request_id": 1, "origin": "live", "price": 1.0, "size": 1.0,
        "past_limit": False, "unreported": False} for seq, (symbol, con_id) in enumerate(IDS.items())]  # fmt: skip
    publish_range(layout, "main", 1, {"trades": pa.Table.from_pylist(rows, TRADES.schema)})
    return layout.root


@pytest.mark.parametrize(("word", "symbol"), [("700", "700"), ("005930", "005930"), ("conid:700", "XYZ")])
@pytest.mark.parametrize("command", [
    ["tail", "trades", "{}", "-n", "5", "--for", "0", "--json"],
    ["replay", "{}", "--tables", "trades", "--speed", "max", "--format", "json"],
    ["export", "trades", "{}", "-o", "x.json.gz", "--force", "--format", "json-lines"],
], ids=["tail", "replay", "export"])
def test_digits_are_a_symbol_on_the_command_line(
    run: Run, data: Path, tmp_path: Path, command: list[str], word: str, symbol: str
) -> None:
    code, out, err = run(*(one.format(word) for one in command), "--data", data)
    assert code == 0, err
    if command[0] == "export":
        manifest = json.loads(next(tmp_path.glob("*.manifest.json")).read_text())
        assert manifest["symbols"] == {symbol: 1}
    else:
        assert [json.loads(line)["symbol"] for line in out.splitlines()] == [symbol]


def test_who_names_a_contract_id_as_a_symbol_is_told_how_it_is_named(run: Run, data: Path) -> None:
    code, _, err = run("export", "trades", "6", "--data", data, "-o", "x.csv")
    assert code == 1
    assert "nothing was recorded of what is asked for; a contract id is named conid:6; trades has 005930, 700" in err


def test_texts_are_symbols_and_whole_numbers_contract_ids_in_python(data: Path) -> None:
    assert symbols_and_ids(["700", "005930", 700, "conid:7", "conid:x"]) == (["700", "005930", "conid:x"], [700, 7])
    with open_lake(data) as lake:
        for given, symbol in (("700", "700"), (700, "XYZ"), ("conid:700", "XYZ")):
            assert [row["symbol"] for row in lake.rows("trades", given).arrow().to_pylist()] == [symbol]
