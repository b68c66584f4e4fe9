"""A footer put together of a few row groups says of these what the whole one says, and opens their rows."""

from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from capture.lake.row_groups.footer_pieces import END_BYTES, MAGIC, put_together, taken_apart

COLUMNS = {"a": pa.int64(), "b": pa.string(), "c": pa.bool_(), "d": pa.float64(), "e": pa.list_(pa.int32())}


def written(groups: int, rows: int, **options: bool) -> bytes:
    count = groups * rows
    values = {"a": range(count), "b": [f"{number:x}" * (number % 40) for number in range(count)],
              "c": [None if number % 3 else bool(number % 2) for number in range(count)],
              "d": [number / 7 for number in range(count)], "e": [[number] * (number % 3) for number in range(count)]}
    table = pa.table({name: pa.array(list(values[name]), kind) for name, kind in COLUMNS.items()})
    content = BytesIO()
    pq.write_table(table.replace_schema_metadata({"some": "thing" * 99}), content, row_group_size=rows, **options)
    return content.getvalue()


def footer_of(content: bytes) -> bytes:
    size = int.from_bytes(content[-END_BYTES : -len(MAGIC)], "little")
    return content[-END_BYTES - size : -END_BYTES]


@settings(deadline=None, max_examples=60)
@given(groups=st.integers(1, 40), rows=st.integers(1, 9), chosen=st.data(), index=st.booleans(), measured=st.booleans())
def test_row_groups_are_opened_by_the_footer_of_these_alone(
    groups: int, rows: int, chosen: st.DataObject, index: bool, measured: bool
) -> None:
    content = written(groups, rows, write_page_index=index, write_statistics=measured)
    footer, whole = footer_of(content), pq.read_metadata(BytesIO(content))
    wanted = sorted(chosen.draw(st.sets(st.integers(0, groups - 1), min_size=1)))
    pieces = taken_apart(footer)
    assert len(pieces.groups) == groups
    parts = [footer[slice(*pieces.groups[group])] for group in wanted]
    metadata = pq.read_metadata(BytesIO(put_together(pieces.head, rows * len(wanted), parts, pieces.tail)))
    assert metadata.num_rows == rows * len(wanted)
    assert (metadata.metadata, metadata.schema) == (whole.metadata, whole.schema)
    assert [metadata.row_group(place).to_dict() for place in range(len(wanted))] == [
        whole.row_group(group).to_dict() for group in wanted]
    found = pq.ParquetFile(BytesIO(content), metadata=metadata).read_row_groups(range(len(wanted)))
    assert found.equals(pq.ParquetFile(BytesIO(content)).read_row_groups(wanted))


def test_a_whole_footer_put_together_again_is_the_same() -> None:
    content = written(20, 3)
    footer = footer_of(content)
    pieces = taken_apart(footer)
    again = put_together(pieces.head, 60, [footer[slice(*group)] for group in pieces.groups], pieces.tail)
    assert again == MAGIC + content[-END_BYTES - len(footer) :]


FOOTER = footer_of(written(3, 2))


@settings(deadline=None, max_examples=300)
@given(at=st.integers(0, len(FOOTER) - 1), byte=st.integers(0, 255), length=st.integers(0, len(FOOTER)))
@example(at=0, byte=0, length=0)
def test_what_is_no_footer_is_refused_or_taken_apart_within_it(at: int, byte: int, length: int) -> None:
    spoilt = bytearray(FOOTER[:length])
    if at < length:
        spoilt[at] = byte
    try:
        pieces = taken_apart(bytes(spoilt))
    except ValueError:
        return
    assert all(0 < begin <= end for begin, end in pieces.groups)


def test_a_footer_of_another_order_is_refused() -> None:
    with pytest.raises(ValueError, match="another order"):
        taken_apart(FOOTER[:2] + FOOTER[3:] if FOOTER[2] == 0x19 else b"\x15\x02\x26\x02\x00")
