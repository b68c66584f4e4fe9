"""The docs that follow from the code: tables, commands, instrument and stream words.

    python -m capture.cli.reference FOLDER
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from typer.main import get_group
from typer.testing import CliRunner

from capture.gateway.control import explained
from capture.schemas import TABLES, Table
from capture.session.instrument import FORMS, Contract
from capture.session.streams import KINDS

from . import app
from .exits import Exit

_WRITTEN = "<!-- Written by `make docs` from the code; change it there. -->"
_WIDTH = 100


def tables_page() -> str:
    """Return the data dictionary."""
    return _page(
        "Tables",
        "Every table of a lake, from `schemas/`. A view of each name is in `ticktape.duckdb` and in "
        "`capture.open_lake(…)`; the views have one more column, `date`, the UTC date of `ts`. (`recorder`, `seq`, "
        "`row`) names a row, and (`ts`, `recorder`, `seq`, `row`) is the order in which things happened. Absent values "
        "are nulls, never sentinels. Times are UTC. `ticktape tables TABLE` prints the same.",
        _markdown(("table", "holds"), [(f"[{t.name}](#{t.name})", t.meaning) for t in TABLES.values()]),
        *map(_table, TABLES.values()))


def commands_page() -> str:
    """Return the help of every command."""
    return _page(
        "Commands",
        "Results go to stdout, words to stderr. Every command that reads has `--json`.",
        _markdown(("exit code", "meaning"), [(str(int(code)), code.meaning) for code in Exit]),
        f"```text\n{_help([])}\n```",
        *[f"## ticktape {' '.join(verb)}\n\n```text\n{_help(verb)}\n```" for verb in _verbs()],
        "The commands of `ticktape gateway control`:",
        f"```text\n{explained()}\n```")


def _verbs() -> Iterator[list[str]]:
    for name, verb in get_group(app).commands.items():
        yield [name]
        yield from ([name, inner] for inner in getattr(verb, "commands", {}))


def instruments_page() -> str:
    """Return the words for instruments and streams."""
    streams = [(f"`{kind.word}`", kind.meaning, kind.table, f"`{kind.stream}`",
                "; ".join(f"{p.name}: {p.allowed}" + (f" ({p.default})" if p.default else "") for p in kind.parameters))
               for kind in KINDS]
    return _page(
        "Instruments and streams",
        "What can be named on the command line of `ticktape record` and in the `[[record]]` blocks of ticktape.toml.",
        "## Instruments",
        _markdown(("word", "means"), [(f"`{form.example}`", form.meaning) for form in FORMS]),
        "The first form that fits a word decides. A word that fits several contracts at IB is refused with the list of "
        "them, each with the word that picks it. In ticktape.toml an instrument can also be a table of contract "
        'fields, such as `{ symbol = "ES", sec_type = "FUT", exchange = "CME", last_trade_date = "202612" }`; '
        f"the fields are {', '.join(f'`{name}`' for name in Contract.__slots__)}.",
        "## Streams",
        "Parameters follow the word after colons, in this order; a default stands in brackets.",
        _markdown(("word", "brings", "table", "`stream` in its rows", "parameters"), streams))


PAGES: dict[str, Callable[[], str]] = {
    "tables.md": tables_page,
    "cli.md": commands_page,
    "instruments.md": instruments_page,
}


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", _WRITTEN, *parts]) + "\n"


def _table(table: Table) -> str:
    rows = [(f"`{c.name}`", str(c.type), c.unit, c.meaning, c.null) for c in table.columns]
    columns = _markdown(("column", "type", "unit", "meaning", "null means"), rows)
    return f"## {table.name}\n\n{table.meaning} Version {table.version}; files are ordered by " \
           f"{', '.join(f'`{name}`' for name in table.sort_key)}.\n\n{columns}"


def _markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [[cell.replace("|", r"\|") for cell in line] for line in (columns, ["---"] * len(columns), *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _help(verb: list[str]) -> str:
    # A width of its own and no completion options, so that the page is the same wherever it is written.
    text = CliRunner().invoke(app, [*verb, "--help"], prog_name="ticktape", terminal_width=_WIDTH).output
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines())


def main() -> None:
    """Write all pages into a folder."""
    for name, page in PAGES.items():
        (Path(sys.argv[1]) / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
