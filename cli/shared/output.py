"""Results go to stdout, for the next program; words go to stderr, for a person."""

import io
import json
import os
import re
import sys
from codecs import getincrementaldecoder
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from capture.printable import one_line, printable

if TYPE_CHECKING:
    from rich.console import Console

_C1 = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
UNLIMITED = 1_000_000  # columns or rows of a table that no terminal limits


def say(text: str) -> None:
    """Tell the user something, if anybody listens."""
    with suppress(BrokenPipeError):
        print(printable(text), file=sys.stderr, flush=True)


def show(text: str = "", *, end: str = "\n", flush: bool = False) -> None:
    """Print a result, its control characters written out."""
    print(printable(text), end=end, flush=flush)


def console(*, stderr: bool = False) -> "Console":
    """Return what draws on a terminal. NO_COLOR takes all that is not plain from it: colours, bold and the like."""
    from rich.console import Console  # late, as all of rich: most commands draw nothing

    colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, color_system=colours)


def redraw(text: str = "") -> None:
    """Draw a text on stderr in place of the line that is there."""
    print(f"\r\x1b[K{one_line(text)}", end="", file=sys.stderr, flush=True)


class TerminalFile(io.RawIOBase):
    """The terminal as a file: what is written to it is text, whose control characters are written out."""

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")("replace")

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def isatty(self) -> bool:
        """Return that a person looks at it."""
        return True

    def write(self, data: Any) -> int:
        """Show some bytes, of which a character may be in two."""
        show(self._decoder.decode(bytes(data)), end="")
        return len(data)


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], numbers: Iterable[str] = (), *, last_below: bool = False
) -> None:
    """Print rows under their columns; those named in `numbers` are set to the right. None shows as nothing.

    On a terminal long values are folded, and with `last_below` the last one of a row stands below the others, as the
    text that it is. Elsewhere a row is a line, its columns two blanks apart.
    """
    cells = [["" if value is None else one_line(str(value)) for value in row] for row in rows]
    right = [name in set(numbers) for name in columns]
    lines = [list(columns), *cells]
    if not sys.stdout.isatty():
        show("\n".join(_lines(lines, right)))
    elif last_below:
        _draw_with_texts([line[:-1] for line in lines], right[:-1], [row[-1] for row in cells])
    else:
        _draw(columns, cells, right)


def _draw_with_texts(lines: list[list[str]], right: list[bool], texts: list[str]) -> None:
    """Draw rows, each with a text below it."""
    from rich.padding import Padding
    from rich.text import Text

    head, *rows = _lines(lines, right)
    ours = console()
    ours.print(Text(head, "bold"))
    for row, text in zip(rows, texts, strict=True):
        ours.print(Text(row))
        if text:
            ours.print(Padding(Text(text), (0, 0, 0, 2)))


def _draw(columns: Sequence[str], rows: list[list[str]], right: list[bool]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, to_right in zip(columns, right, strict=True):
        table.add_column(name, justify="right" if to_right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console().print(table)


def _lines(rows: list[list[str]], right: list[bool]) -> list[str]:
    """Return rows as lines with their columns below each other."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        padded = []
        for cell, width, to_right in zip(row, widths, right, strict=True):
            pad = " " * (width - cell_len(cell))
            padded.append(pad + cell if to_right else cell + pad)
        lines.append("  ".join(padded).rstrip())
    return lines


def show_json(value: Any, indent: int | None = 2) -> None:
    """Print a value as JSON; times in ISO form, intervals in seconds, bytes in hex, null for what is no number."""
    print(json_text(json_value(value), indent))


def json_text(value: Any, indent: int | None = None) -> str:
    """Return a value of the types that JSON has as its text, in which every control character is written out."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _C1.sub(lambda found: f"\\u{ord(found[0]):04x}", text)  # JSON itself wants only those below the blank


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


def nameless_text(counts: Mapping[str, int]) -> str:
    """Return in words how many rows name no instrument, by table."""
    tables = ", ".join(f"{table} {count:,}" for table, count in sorted(counts.items()))
    return f"{sum(counts.values()):,} rows name no instrument ({tables}): a fault of ticktape, please report it"


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


def lag_text(p50_s: float | None, max_s: float | None) -> str:
    """Return how late rows came, half of them and the most: 0.4 to 1.2 s; nothing where that is not known."""
    return "" if p50_s is None or max_s is None else f"{p50_s:,.1f} to {max_s:,.1f} s"


def _time(value: datetime) -> str:
    return (value.astimezone(UTC) if value.tzinfo else value).isoformat()


def _decimal(value: Decimal) -> int | float | None:
    if not value.is_finite():
        return None
    return int(value) if value == value.to_integral_value() else float(value)


_CONVERT: dict[type, Any] = {datetime: _time, date: date.isoformat, timedelta: timedelta.total_seconds,
                             bytes: bytes.hex, Decimal: _decimal}
