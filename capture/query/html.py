"""The first rows of an answer as an HTML table, for notebooks."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any

import pyarrow as pa

from capture.printable import one_line

MOST_ROWS = 20
MOST_LETTERS = 200  # of a value


def html_table(rows: pa.Table) -> str:
    """Return up to MOST_ROWS rows as a table, their types below their names; where there are more, it says so.

    Texts hold no markup and no control characters. A null is an empty cell.
    """
    heads = [(f"{_text(field.name)}<br><small>{_text(_kind(field.type))}</small>") for field in rows.schema]
    columns = [map(_cell, _values(column)) for column in rows.slice(0, MOST_ROWS).columns]
    lines = [_line("th", heads), *(_line("td", cells) for cells in zip(*columns, strict=True))]
    told = (f"the first {MOST_ROWS} rows; .pl(), .df() and .arrow() give all" if len(rows) > MOST_ROWS else
            "1 row" if len(rows) == 1 else f"{len(rows)} rows")
    body = "".join(lines)
    return f'<div><table border="1" class="dataframe">{body}</table><small>{told}</small></div>'


def _line(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)}</tr>"


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "timestamp, UTC" if kind.tz else "timestamp"
    return str(kind.value_type if pa.types.is_dictionary(kind) else kind)


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return plain values; times to the microsecond, as Python knows no finer ones."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    values: list[Any] = column.to_pylist()
    return values


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return _text(f"{value:%Y-%m-%d %H:%M:%S.%f}")
    return _text(f"{value:.15g}" if isinstance(value, float) else str(value))


def _text(text: str) -> str:
    shown = one_line(text[:MOST_LETTERS]) + ("…" if len(text) > MOST_LETTERS else "")
    return escape(shown)
