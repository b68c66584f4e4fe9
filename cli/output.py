"""Results go to stdout, for the next program; words go to stderr, for a person."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

# Where no terminal limits it, a table is as wide as its content.
UNLIMITED = 10_000


def say(text: str) -> None:
    """Tell the user something."""
    print(text, file=sys.stderr, flush=True)


def console() -> Console:
    """Return a console on stdout that leaves text as it is."""
    width = None if sys.stdout.isatty() else UNLIMITED
    return Console(width=width, markup=False, highlight=False, emoji=False)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], numbers: Iterable[str] = ()) -> None:
    """Print rows under their columns; those named in `numbers` are set to the right. None shows as nothing."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    right = set(numbers)
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*[Text("" if value is None else str(value)) for value in row])
    console().print(table)


def show_json(value: Any) -> None:
    """Print a value as JSON; times in ISO form, bytes in hex, null for what is no number."""
    print(json.dumps(json_value(value), indent=2, ensure_ascii=False))


def json_value(value: Any) -> Any:
    """Return a value in the types that JSON has."""
    if isinstance(value, dict):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    if isinstance(value, float):
        return value if isfinite(value) else None
    convert = _CONVERT.get(type(value))
    return convert(value) if convert else value if isinstance(value, str | int | None) else str(value)


def size_text(size_bytes: float) -> str:
    """Return a size for people: 1.5 MiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size_bytes < 1024:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} TiB"


def age_text(age_s: float | None) -> str:
    """Return a time span for people: 0.4 s, 12 s, 5 min, 3 h, 2 d; nothing for None."""
    if age_s is None:
        return ""
    if age_s < 10:
        return f"{age_s:.1f} s"
    for limit_s, unit_s, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if age_s < limit_s:
            return f"{age_s / unit_s:.0f} {unit}"
    return f"{age_s / 86_400:.0f} d"


def _time(value: datetime) -> str:
    return (value.astimezone(UTC) if value.tzinfo else value).isoformat()


def _decimal(value: Decimal) -> int | float | None:
    if not value.is_finite():
        return None
    return int(value) if value == value.to_integral_value() else float(value)


_CONVERT: dict[type, Any] = {datetime: _time, date: date.isoformat, bytes: bytes.hex, Decimal: _decimal}
