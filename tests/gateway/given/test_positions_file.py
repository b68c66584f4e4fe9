from decimal import Decimal
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.gateway.given import GivenFileError, load_positions, positions_file

exits = import_module("capture.cli.shared.exits")  # type checkers see only the package


def written(folder: Path, text: str) -> Path:
    path = folder / "positions.csv"
    path.write_text(text)
    return path


def test_the_file_in_its_documentation_is_read(tmp_path: Path) -> None:
    text = (positions_file.__doc__ or "").split("```")[1].removeprefix("text\n")
    rows = load_positions(written(tmp_path, text))
    assert [(row.instrument.word, row.position, row.average_cost, row.line) for row in rows] == [
        ("AAPL", Decimal(100), Decimal("251.30"), 2), ("OPT:AAPL:20261218:250:C", Decimal(-2), Decimal("412.5"), 3),
        ("conid:495512563", Decimal(1), Decimal("30123.60"), 4)]  # fmt: skip


def test_columns_in_any_order_an_account_and_no_cost(tmp_path: Path) -> None:
    text = '\n# held\naccount, position ,instrument,average_cost\nDU1,1.5,"AAPL",\nDU2,1,AAPL,7\n'
    rows = load_positions(written(tmp_path, text))
    assert [(row.account, row.position, row.average_cost) for row in rows] == [
        ("DU1", Decimal("1.5"), None), ("DU2", Decimal(1), Decimal(7))]  # fmt: skip
    assert str(rows[0].fault("nobody knows it")).endswith("positions.csv line 4, key instrument: nobody knows it")


@pytest.mark.parametrize(("text", "said"), [
    ("", "is empty: begin with a line instrument,position,average_cost"),
    ("symbol,position\n", "line 1, key symbol: there is no column 'symbol'; there are instrument, position"),
    ("instrument,average_cost\n", "line 1, key position: there is no such column"),
    ("instrument,position,position\n", "a column is there twice"),
    ("instrument,position\nAAPL\n", "line 2, key instrument,position: write 2 values, not 1: 'AAPL'"),
    ("instrument,position\nAAPL,1,2\n", "write 2 values, not 3"),
    ("instrument,position\naapl,1\n", "line 2, key instrument: 'aapl' names no instrument; did you mean 'AAPL'?"),
    ("instrument,position\n" + "A" * 200_000 + ",1\n", "line 2, key instrument,position,average_cost: no CSV"),
    ("instrument,position\nAAPL,many\n", "line 2, key position: 'many' is no number"),
    ("instrument,position\nAAPL,nan\n", "line 2, key position: 'nan' is no number"),
    ("instrument,position\nAAPL,1e30\n", "line 2, key position: '1e30' is no number"),
    ("instrument,position\nAAPL,0\n", "line 2, key position: 0 is no position: leave the line out"),
    ("instrument,position,average_cost\nAAPL,1,x\n", "line 2, key average_cost: 'x' is no number"),
    ("instrument,position\nAAPL,1\n\nAAPL,2\n", "line 4, key instrument: 'AAPL' is in line 2 already: join both"),
])  # fmt: skip
def test_what_is_wrong_is_said_with_file_line_and_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(GivenFileError) as raised:
        load_positions(written(tmp_path, text))
    assert "positions.csv" in str(raised.value)
    assert said in str(raised.value)


def test_a_wrong_file_is_wrong_usage() -> None:
    assert exits.explain(GivenFileError("positions.csv line 1")) == (exits.Exit.USAGE, "positions.csv line 1")


@given(st.text(max_size=80), st.booleans())
def test_no_text_at_all_raises_anything_else(tmp_path_factory: pytest.TempPathFactory, text: str, headed: bool) -> None:
    path = tmp_path_factory.mktemp("any") / "positions.csv"
    path.write_bytes((("instrument,position\n" if headed else "") + text).encode("utf-8", "surrogatepass"))
    try:
        load_positions(path)
    except GivenFileError as error:
        assert str(path) in str(error)
