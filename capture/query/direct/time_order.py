"""Rows that were read from several places, as one table in order of time: by `selection.ORDER`, as SQL gives them."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

from capture.query.selection import ORDER

from .asked_rows import microseconds_of


def in_time(runs: Sequence[pa.RecordBatch], schema: pa.Schema, *, several: bool) -> pa.Table:
    """Return rows in order of time. A run has at least one row, and is of one recorder unless there are `several`.

    Rows of archive files are in order already; this is looked at, not believed. Where runs follow one another they are
    not sorted again. They need the column `recorder` only where there are several.
    """
    ordered = sorted(runs, key=lambda run: run["ts"][0].value)
    table = pa.Table.from_batches(ordered, schema)
    follow = all(before["ts"][-1].value < after["ts"][0].value
                 for before, after in pairwise(ordered))
    if follow and all(_is_sorted(run, several=several) for run in ordered):
        return table
    plain = table.cast(pa.schema([_sortable(field) for field in schema]))
    return plain.sort_by([(name, "ascending") for name in ORDER if name in schema.names])


def _sortable(field: pa.Field) -> pa.Field:
    return field.with_type(pa.string()) if field.name in ORDER and pa.types.is_dictionary(field.type) else field


def _is_sorted(run: pa.RecordBatch, *, several: bool) -> bool:
    """Return whether rows are in order for sure, none of them twice."""
    steps = np.diff(microseconds_of(run["ts"]))
    if (steps > 0).all():
        return True
    if several or (steps < 0).any():
        return False
    later = np.diff(run["seq"].to_numpy())
    behind = (later > 0) | ((later == 0) & (np.diff(run["row"].to_numpy()) > 0))
    return bool(((steps > 0) | behind).all())
