"""Rows of one table that came in several parts, as one."""


import numpy as np
import pyarrow as pa

from capture.schemas import TABLES

Tables = dict[str, pa.Table]


def in_order(parts: list[pa.Table]) -> pa.Table:
    """Return the parts of one read as one table in the order of arrival."""
    if len(parts) == 1:
        return parts[0]
    joined = merged(parts)
    seqs = joined["seq"].to_numpy()
    # Each part is in order already, so a stable sort is little more than a merge; rows of a frame stay in place.
    return joined.take(pa.array(np.argsort(seqs, kind="stable")))


def merged(parts: list[pa.Table]) -> pa.Table:
    """Return tables one after the other, with one dictionary per dictionary-encoded column."""
    if len(parts) == 1:
        return parts[0]
    encoded = {f.name for part in parts for f in part.schema if pa.types.is_dictionary(f.type)}
    same = [_plain(part, encoded) if part.schema != parts[0].schema else part for part in parts]
    if any(part.schema != same[0].schema for part in same):
        same = [_plain(part, encoded) for part in parts]
    return pa.concat_tables(same).unify_dictionaries()


def _plain(part: pa.Table, names: set[str]) -> pa.Table:
    """Return a table whose named text columns are plain text."""
    fields = [pa.field(f.name, pa.string()) if f.name in names else f.with_nullable(True) for f in part.schema]
    return part.cast(pa.schema(fields))


def from_rows(name: str, rows: list[dict[str, object]]) -> pa.Table:
    """Return rows given as dicts as a table; columns that no row names are null."""
    # All nullable here: what must not be null is checked when a file is written.
    return pa.Table.from_pylist(rows, schema=pa.schema([(c.name, c.type) for c in TABLES[name].columns]))
