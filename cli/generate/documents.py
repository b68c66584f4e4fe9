"""The docs that follow from the code: tables, commands, instrument and stream words.

    python -m capture.cli.generate.documents FOLDER
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from typer.main import get_group
from typer.testing import CliRunner

import capture.query
from capture.export import FORMATS, Format
from capture.functions import FUNCTIONS, Function, Kind
from capture.gateway.control.command_socket import explained
from capture.schemas import EVERY_TABLE, Table
from capture.wanted.instrument import FORMS, Contract
from capture.wanted.streams import KINDS

from .. import app
from ..shared.exits import Exit
from .alerts_page import alerts_page
from .dashboard import dashboard
from .data_folder_page import data_folder_page
from .glossary import glossary_page
from .margin_page import margin_page
from .markdown import markdown, page
from .methods import functions_module, tables_module
from .module_map import decisions_page, modules_page
from .state_diagrams import states_page
from .watch_page import watch_page

_WIDTH = 100


def tables_page() -> str:
    """Return the data dictionary."""
    return page(
        "Tables",
        ("schemas/", "cli/generate/documents.py"),
        "Every table of a lake, from `schemas/`. A view of each name is in `ticktape.duckdb` and in "
        "`capture.open_lake(…)`; the views have one more column, `date`, the UTC date of `ts`. (`recorder`, `seq`, "
        "`row`) names a row, and (`ts`, `recorder`, `seq`, `row`) is the order in which things happened. Rows of "
        "IB's own statements (`statement_…`) are on no tape: (`account`, `key`) names them. Absent values are nulls, "
        "never sentinels. Times are UTC. Prices, sizes and ratios are doubles: up to 15 digits come back digit for "
        "digit, a number of more is rounded to the nearest double (the tape has it as IB sent it). "
        "`ticktape tables TABLE` prints the same.",
        markdown(("table", "holds"), [(f"[{t.name}](#{t.name})", t.meaning) for t in EVERY_TABLE.values()]),
        *map(_table, EVERY_TABLE.values()))


def commands_page() -> str:
    """Return the help of every command."""
    return page(
        "Commands",
        ("cli/", "cli/generate/documents.py"),
        "Results go to stdout, words to stderr. Every command that reads has `--json`.",
        markdown(("exit code", "meaning"), [(str(int(code)), code.meaning) for code in Exit]),
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
    return page(
        "Instruments and streams",
        ("capture/wanted/instrument.py", "capture/wanted/streams.py", "cli/generate/documents.py"),
        "What can be named on the command line of `ticktape record` and in the `[[record]]` blocks of ticktape.toml.",
        "## Instruments",
        markdown(("word", "means"), [(f"`{form.example}`", form.meaning) for form in FORMS]),
        "The first form that fits a word decides. A word that fits several contracts at IB is refused with the list of "
        "them, each with the word that picks it. In ticktape.toml an instrument can also be a table of contract "
        'fields, such as `{ symbol = "ES", sec_type = "FUT", exchange = "CME", last_trade_date = "202612" }`; '
        f"the fields are {', '.join(f'`{name}`' for name in Contract.__slots__)}.",
        "What was recorded is asked for by IB's local symbol, as the tables have it, which is text, of digits too "
        "(`700`, `005930`), or by contract id, `conid:265598`; in Python a whole number is a contract id too. A symbol "
        "may stand for several instruments, a contract id never does.",
        "## Streams",
        "Parameters follow the word after colons, in this order; a default stands in brackets.",
        markdown(("word", "brings", "table", "`stream` in its rows", "parameters"), streams))


def functions_page() -> str:
    """Return the research functions."""
    kinds = [(kind.name.lower(), kind.value) for kind in Kind]
    return page(
        "Research functions",
        ("capture/functions/", "cli/generate/documents.py"),
        "Table functions in SQL: in `ticktape sql` and `capture.open_lake(…).sql`, and in `data/ticktape.duckdb` for "
        "any DuckDB from 1.2 on. The lake of `capture.open_lake` has a method of each name, with the same parameters.",
        "```sql\nselect * from time_bars('AAPL', '5 minutes', '2026-11-20', '2026-11-21', whole := true)\n```",
        "```python\nlake.time_bars(\"AAPL\", \"5 minutes\", \"2026-11-20\", \"2026-11-21\", whole=True).pl()\n```",
        _FUNCTION_RULES,
        markdown(("what is given", "how"), kinds),
        markdown(("function", "gives"), [(f"[{f.name}](#{f.name})", f.meaning) for f in FUNCTIONS.values()]),
        *map(_function, FUNCTIONS.values()))


_FUNCTION_RULES = """
- Each event counts once, whatever was recorded twice: for each instrument and UTC date the rows of one recorder, of
  trades `all_last` before `last`, and with them what history restored into gaps. Rows without a contract id, and a
  halt's notices, do not count. Trades that are not reported to the tape count only where `with_unreported` says so.
- `ts` is when a row was received, for restored rows IB's own time. IB's times of ticks, `ts_event`, are whole seconds.
- Rows of one read have one `ts`: the order of rows is (ts, seq, row), and of rows of two instruments, or of two
  recorders, with one `ts` nobody knows which was first. Join instruments by `ts_event`, as the cookbook does.
- Spans are half open: from `start` on, before `end`. A bar is named by its beginning.
- `gap_s` says how many seconds are missing. It is never left out silently: look at it, or give `whole := true`.
- Prices are as sent: not adjusted for splits or dividends, and without a contract's multiplier.
- Only the days, and of sealed days the symbols, that are asked for are read.
- In a database that is attached, say `use` first: `attach 'data/ticktape.duckdb' as lake (read_only); use lake`.
- Parameters with a default are given by name.
""".strip()


def export_page() -> str:
    """Return the formats of exports."""
    formats = [(f"`{one.name}`", one.meaning, " ".join(f"`{ending}`" for ending in one.endings) or "a folder")
               for one in FORMATS.values()]
    return page(
        "Exports",
        ("capture/export/formats.py", "modules of formats beside it", "cli/generate/documents.py"),
        "`ticktape export TABLE` and `lake.export(…)` write rows, in order of time, in the form that another tool "
        "wants.",
        f"```bash\n{_EXPORT_EXAMPLES}\n```",
        _EXPORT_RULES,
        "## Formats",
        markdown(("`--format`", "is", "names end in"), formats),
        "The first four take every table, and with `--every` bars and books, with the columns that these have. The "
        "others have columns of their own:",
        *[_format(one) for one in FORMATS.values() if one.own_columns])


def _format(format: Format) -> str:
    becomes = [(f"[{table}](tables.md#{table})", text) for table, text in format.module.TAKES.items()]
    return f"## {format.name}\n\n{markdown(('table', 'becomes'), becomes)}\n\nNot in it: {format.module.LEAVES_OUT}"


_EXPORT_EXAMPLES = """
ticktape export trades AAPL --from 2026-11-18 --until 2026-11-19 -o aapl.csv.gz
ticktape export quotes --by symbol,date --format parquet -o quotes        # quotes/AAPL/date=2026-11-18/quotes.parquet
ticktape export trades --every '1 minute' --whole -o bars.parquet         # bars without gaps
ticktape export depth ESZ6 --every '1 second' -o book.feather             # the ten best levels
ticktape export trades --min-coverage 0.99 --once -o trades.parquet       # days of which nearly all was recorded
ticktape export depth ESZ6 -o esz6.dbn.zst                                # Databento's mbp-10
ticktape export quotes --format nautilus -o catalog
""".strip()

_EXPORT_RULES = """
- **What.** Rows as the table has them: where several streams or recorders brought the same event, it is there several
  times, and `--once` takes each once. `--every` makes bars of trades, quotes and midpoints, and snapshots of books.
  Formats of other tools take each event once on their own.
- **Whole or not at all.** What is written appears under its name when it is finished; a file that is there already is
  replaced only with `--force`. One can export into the same folder again, other tables or other days; what is in it
  besides stays. The lake's own folder takes no exports.
- **The manifest** beside it (`FILE.manifest.json`, `FOLDER.TABLE.manifest.json`) says what was asked for, of which lake
  and recorders, how many rows of whom were taken, what each column means, how much of the time was recorded, which gaps
  there are, which days were left out, and what was lost.
- **Lost** is what the output cannot hold as it is, such as a size of 0.5 where sizes are whole numbers. The command
  counts it, says so, and ends with exit code 3. What a format has no place for at all stands below.
- **From history.** Rows that IB's history restored into gaps stand at IB's whole second, rounded down: in a backtest
  they are up to a second early, and nobody saw them live. The command counts them; `--no-restored` leaves them out.
- **Parts.** With `--by symbol`, `--by date` or both there is a folder for each, `AAPL/date=2026-11-18/`. The symbol is
  a column of the files, as text, and no part of Hive's names, by which readers would make numbers of `700` and
  `005930`; dates (of UTC) are named as Hive does. `pd.read_parquet("quotes")`, `pl.read_parquet("quotes")`,
  `pyarrow.dataset.dataset("quotes", partitioning="hive")` and DuckDB's `read_parquet('quotes/**/*.parquet')` give both.
  What no folder's name can hold is written as in addresses (`A%2FB`), a dot or underscore at its beginning too.
- **Instruments** are named by symbol; `700` is one. `conid:265598` names a contract id.
- **Covered.** `--min-coverage` measures days of the instrument's exchange, the first and the last one whole unless
  `--from` and `--until` cut them.
- **Times** are UTC. In CSV nothing between two commas is a null, and `""` an empty text.
- **Memory** stays below 1 GiB however many rows there are; large sorts go to disk beside the output.
""".strip()


PAGES: dict[str, Callable[[], str]] = {
    "tables.md": tables_page,
    "cli.md": commands_page,
    "instruments.md": instruments_page,
    "functions.md": functions_page,
    "export.md": export_page,
    "modules.md": modules_page,
    "decisions/README.md": decisions_page,
    "states.md": states_page,
    "glossary.md": glossary_page,
    "data-folder.md": data_folder_page,
    "watch.md": watch_page,
    "alerts.md": alerts_page,
    "margin-figures.md": margin_page,
}
DASHBOARD = Path(__file__).parents[2] / "packaging" / "grafana" / "ticktape.json"
_QUERY = Path(capture.query.__file__).parent
METHODS: dict[Path, Callable[[], str]] = {
    _QUERY / "functions.py": functions_module,
    _QUERY / "tables.py": tables_module,
}


def _table(table: Table) -> str:
    rows = [(f"`{c.name}`", str(c.type), c.unit, c.meaning, c.null) for c in table.columns]
    columns = markdown(("column", "type", "unit", "meaning", "null means"), rows)
    return f"## {table.name}\n\n{table.meaning} Version {table.version}; files are ordered by " \
           f"{', '.join(f'`{name}`' for name in table.sort_key)}.\n\n{columns}"


def _function(function: Function) -> str:
    parameters = [(f"`{one.name}`", one.kind.name.lower(), one.meaning, f"`{one.default}`" if one.default else "")
                  for one in function.parameters]
    return "\n\n".join([
        f"## {function.name}",
        function.meaning,
        f"```sql\nselect * from {function.name}({function.example})\n```",
        markdown(("parameter", "kind", "meaning", "default"), parameters),
        markdown(("column", "meaning"), [(f"`{name}`", meaning) for name, meaning in function.returns])])


def _help(verb: list[str]) -> str:
    # A width of its own and no completion options, so that the page is the same wherever it is written.
    text = CliRunner().invoke(app, [*verb, "--help"], prog_name="ticktape", terminal_width=_WIDTH).output
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines())


def main() -> None:
    """Write all pages into a folder, the methods of a lake, and the dashboard."""
    for path, source in METHODS.items():
        path.write_text(source(), encoding="utf-8")
    DASHBOARD.write_text(dashboard(), encoding="utf-8")
    for name, written in PAGES.items():
        (Path(sys.argv[1]) / name).write_text(written(), encoding="utf-8")


if __name__ == "__main__":
    main()
