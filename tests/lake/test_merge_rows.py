"""Parts of a table become one: in the order of arrival, text encoded as it came wherever that is possible."""

import pyarrow as pa
import pytest

from capture.decode.merge_rows import in_order, merged


def part(*seqs: int, symbol: str = "A", encoded: bool = True) -> pa.Table:
    symbols = pa.array([symbol] * len(seqs))
    symbols = symbols.dictionary_encode() if encoded else symbols
    schema = pa.schema([pa.field("seq", pa.int64(), nullable=not encoded), pa.field("symbol", symbols.type)])
    return pa.table([pa.array(seqs, pa.int64()), symbols], schema=schema)


def test_parts_of_one_kind_stay_encoded_with_the_words_of_both() -> None:
    rows = merged([part(1, symbol="A"), part(2, symbol="B")])
    assert rows.schema == part(1).schema
    assert rows["symbol"].to_pylist() == ["A", "B"]
    assert [chunk.dictionary.to_pylist() for chunk in rows["symbol"].chunks] == [["A", "B"]] * 2


@pytest.mark.parametrize("encoded", [(True, False, True), (False, True, True), (False, False, True)])
def test_parts_of_two_kinds_become_plain_text(encoded: tuple[bool, ...]) -> None:
    rows = merged([part(at, symbol=f"S{at}", encoded=one) for at, one in enumerate(encoded)])
    assert rows["symbol"].type == pa.string()
    assert all(field.nullable for field in rows.schema)
    assert rows["symbol"].to_pylist() == ["S0", "S1", "S2"]


def test_rows_are_put_in_the_order_of_arrival_and_those_of_a_frame_stay_as_they_are() -> None:
    one = part(3, 1, 1)
    assert in_order([one]) is one
    assert merged([one]) is one
    rows = in_order([part(1, 3, 3, symbol="A"), part(2, 3, 4, symbol="B"), part(1, symbol="C")])
    assert list(zip(rows["seq"].to_pylist(), rows["symbol"].to_pylist(), strict=True)) == [
        (1, "A"), (1, "C"), (2, "B"), (3, "A"), (3, "A"), (3, "B"), (4, "B")]
