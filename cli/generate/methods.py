"""The methods of a lake that tables and research functions have in Python, as source: typed, documented, and listed
nowhere else.

`make docs` writes them to capture/query/tables.py and functions.py.
"""

import textwrap
from collections.abc import Iterable

from capture.functions import FUNCTIONS, Function, Kind, Parameter
from capture.schemas import MARKET_TABLES, TIMESTAMP, Column, Table

_TYPES = {Kind.SYMBOLS: "Symbols", Kind.ACCOUNTS: "Symbols", Kind.TIME: "Moment | None", Kind.MOMENT: "Moment",
          Kind.WIDTH: "Width", Kind.TEXT: "str", Kind.NUMBER: "float", Kind.FLAG: "bool"}  # fmt: skip
_WORDS = {"null": "None", "false": "False", "true": "True"}
_WIDTH = 109  # of a line of a docstring, within a method
_DEEPER = " " * 4
_SPACE = "\N{NO-BREAK SPACE}"  # within what stays on one line
_PLAIN = frozenset({"symbols", "start", "end"})  # they need no words
_FUNCTIONS_HEAD = '''\
"""Research functions as methods. Written by `make docs` from capture/functions; change it there."""

from abc import ABC, abstractmethod
from typing import Any

from .answer import Answer
from .arguments import Symbols, Width
from .selection import Moment


class Functions(ABC):
    """The research functions of a lake; docs/functions.md says what their columns mean.

    Times are dates, whose midnight UTC is meant, or say their zone; None is no bound. Widths are texts as SQL writes
    them ("5 minutes") or timedelta. Nothing is read before the answer is asked for a form: `.pl()`, `.df()`. Raises
    QueryError for a value that is none, or a file that is damaged.
    """

    @abstractmethod
    def call(self, name: str, *arguments: Any) -> Answer:
        """Return the rows of a function, by values of all its parameters in their order."""
'''


_TABLES_HEAD = '''\
"""Tables of market data as methods. Written by `make docs` from schemas/; change it there."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from .answer import Answer
from .selection import Instruments, Moment


class Tables(ABC):
    """The tables of market data of a lake: a method for each gives its rows, in order of time."""

    @abstractmethod
    def rows(
        self, table: str, instruments: Instruments | None = None, start: Moment | None = None,
        end: Moment | None = None, *, columns: Sequence[str] | None = None, stream: str | None = None,
    ) -> Answer:
        """Return rows of a table, by name."""
'''
_TABLE_METHOD = '''
    def {name}(
        self, instruments: Instruments | None = None, start: Moment | None = None, end: Moment | None = None, *,
        columns: Sequence[str] | None = None, stream: str | None = None,
    ) -> Answer:
        """{said}
        """
        return self.rows("{name}", instruments, start, end, columns=columns, stream=stream)
'''
_TABLE_PARAMETERS = (
    ("instruments", "symbols (\"AAPL\") or contract ids (265598), one or several; None: all."),
    ("start, end", "rows from start on, before end: dates, whose midnight UTC is meant, or times that say their zone, "
     "\"2026-11-20T09:30-05:00\", as text, datetime.date or datetime.datetime; None is no bound."),
    ("columns", "only these columns, in this order; None: all."),
    ("stream", "only rows of this stream, as the column names it."),
)


def functions_module() -> str:
    """Return the source of the methods of research functions."""
    return _FUNCTIONS_HEAD + "".join(map(_method, FUNCTIONS.values()))


def tables_module() -> str:
    """Return the source of the methods of tables."""
    return _TABLES_HEAD + "".join(map(_table_method, MARKET_TABLES))


def _table_method(table: Table) -> str:
    ends = ("Nothing is read before the answer is asked for a form: .pl(), .df(), .arrow(), .rows(), .batches(), "
            ".duckdb(). Warns of instruments of which nothing was recorded. Raises QueryError for a column, a stream "
            "or a time that is none, or a file that is damaged.")
    parts = [_wrapped(f"{table.meaning} Rows are in order of time."),
             "Parameters:\n" + _listed(_TABLE_PARAMETERS), _wrapped(ends),
             "Columns; times are UTC, None is a null:\n" + _listed((c.name, _column(c)) for c in table.columns)]
    said = textwrap.indent("\n\n".join(parts), " " * 8).lstrip()
    return _TABLE_METHOD.format(name=table.name, said=said)


def _column(column: Column) -> str:
    kind = "timestamp" if column.type == TIMESTAMP else f"{column.type}{'; in ' if column.unit else ''}{column.unit}"
    null = f"; None: {column.null}" if column.nullable else ""
    return f"{column.meaning} ({kind}){null}."


def _listed(named: Iterable[tuple[str, str]]) -> str:
    return textwrap.indent("\n".join(_wrapped(f"{name}: {meaning}", _DEEPER, _WIDTH - 4) for name, meaning in named),
                           _DEEPER)


def _method(function: Function) -> str:
    given = [one for one in function.parameters if one.default is None]
    named = [one for one in function.parameters if one.default is not None]
    declared = ["self", *map(_declared, given), *(["*"] if named else []), *map(_declared, named)]
    head = f"def {function.name}({', '.join(one.replace(' ', _SPACE) for one in declared)}){_SPACE}->{_SPACE}Answer:"
    columns = "\n\nColumns:\n" + _listed((name, f"{meaning}.") for name, meaning in function.returns)
    said = _wrapped(f'"""{_sentences(function)}') + columns
    arguments = ", ".join([f'"{function.name}"', *(one.name for one in function.parameters)])
    body = [said + '\n"""', _wrapped(f"return self.call({arguments})", " " * 4)]
    lines = [_wrapped(head, " " * 8), *(textwrap.indent(line, " " * 4) for line in body)]
    return "\n" + textwrap.indent("\n".join(lines).replace(_SPACE, " "), " " * 4) + "\n"


def _wrapped(text: str, indent: str = "", width: int = _WIDTH) -> str:
    return textwrap.fill(text, width, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)


def _declared(parameter: Parameter) -> str:
    kind = _TYPES[parameter.kind]
    if parameter.kind is Kind.TIME:
        return f"{parameter.name}: {kind} = None"
    if parameter.default is None:
        return f"{parameter.name}: {kind}"
    default = _WORDS.get(parameter.default, parameter.default.replace("'", '"'))
    return f"{parameter.name}: {kind}{' | None' if default == 'None' else ''} = {default}"


def _sentences(function: Function) -> str:
    options = ". ".join(f"`{one.name}`: {one.meaning}" for one in function.parameters if one.name not in _PLAIN)
    return f"{function.meaning} {options}." if options else function.meaning
