"""What a research function is: an SQL table macro with its parameters, its result columns and their meaning."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

RESERVED = ("end", "at")  # words of SQL, quoted as names


class Kind(StrEnum):
    """What may be given for a parameter, in SQL; the value says it in words."""

    SYMBOLS = "a symbol, a list of symbols, or null for all"
    ACCOUNTS = "an account, a list of accounts, or null for all"
    TIME = "a time: a text (UTC unless it names a zone), DATE or TIMESTAMP (UTC), TIMESTAMPTZ; null for no bound"
    MOMENT = "a time, in the same forms; not null"
    WIDTH = "an interval: '5 minutes', interval 1 hour"
    TEXT = "a text"
    NUMBER = "a number"
    FLAG = "true or false"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter; `default` is an SQL literal, None where it must be given. Those with a default are given by name."""

    name: str
    kind: Kind
    meaning: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """A table macro over a lake's views. `sql` is its query, `returns` the name and meaning of each column, in order.

    In `sql` parameters stand by their names (those of RESERVED quoted), and the scalar macros of `helpers` do what many
    functions need: `utc`, `has_symbol`, `in_time`. It must run on any DuckDB from 1.2 on. `example` are the arguments
    of a call, as SQL.
    """

    name: str
    meaning: str
    parameters: tuple[Parameter, ...]
    returns: tuple[tuple[str, str], ...]
    sql: str
    example: str

    @property
    def signature(self) -> str:
        """The call, as SQL writes it, with defaults."""
        return f"{self.name}({', '.join(_declared(one, ' := ') for one in self.parameters)})"

    def call(self, arguments: Sequence[str]) -> str:
        """Return a query for all rows of a call; `arguments` are SQL, in the order of the parameters."""
        given = (sql if one.default is None else f"{_quoted(one.name)} := {sql}"
                 for one, sql in zip(self.parameters, arguments, strict=True))
        return f"select * from {self.name}({', '.join(given)})"

    @property
    def creation(self) -> str:
        """The statement that makes the macro in the current schema."""
        declared = ", ".join(_declared(one, " := ") for one in self.parameters)
        return f"create or replace macro {self.name}({declared}) as table\n{self.sql}"


def _declared(parameter: Parameter, gives: str) -> str:
    default = "" if parameter.default is None else f"{gives}{parameter.default}"
    return _quoted(parameter.name) + default


def _quoted(name: str) -> str:
    return f'"{name}"' if name in RESERVED else name


# What several functions take.
SYMBOLS = Parameter("symbols", Kind.SYMBOLS, "whose rows")
START = Parameter("start", Kind.TIME, "from this moment on")
END = Parameter("end", Kind.TIME, "before this moment")
AT = Parameter("at", Kind.MOMENT, "as of this moment, which counts")
ACCOUNTS = Parameter("accounts", Kind.ACCOUNTS, "of these accounts only", "null")
RECORDER = Parameter("recorded_by", Kind.TEXT, "rows of this recorder only", "null")
