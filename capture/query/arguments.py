"""Python values as SQL, for calls of research functions."""

from collections.abc import Sequence
from datetime import timedelta
from sys import float_info
from typing import Any

import duckdb
import numpy as np

from capture.functions import Function, Kind, Parameter
from capture.lake.sql_text import quoted

from .answer import QueryError
from .selection import Moment, moment

Symbols = str | Sequence[str] | None
Width = str | timedelta


def call_sql(function: Function, arguments: Sequence[Any]) -> str:
    """Return the query of a function's rows for values of its parameters, in their order. Raises QueryError."""
    return function.call([_literal(one, value) for one, value in zip(function.parameters, arguments, strict=True)])


def _literal(parameter: Parameter, value: Any) -> str:
    """Return a value of a parameter as SQL; None is null. Raises QueryError for a value of another kind."""
    if value is None and (parameter.default is not None or parameter.kind in _NULLABLE):
        return "null"
    written = None if value is None else _WRITERS[parameter.kind](value)
    if written is None:
        raise QueryError(f"{parameter.name} is {value!r}: give {parameter.kind}")
    return written


def _symbols(value: object) -> str | None:
    if isinstance(value, str):
        return quoted(value)
    if not isinstance(value, Sequence) or not all(isinstance(one, str) for one in value):
        return None
    return f"[{', '.join(map(quoted, value))}]::varchar[]"


def _time(value: Moment) -> str | None:
    # A date is one too, and a text; `moment` refuses what names no zone.
    return f"timestamptz '{moment(value).isoformat(sep=' ')}'" if hasattr(value, "replace") else None


def _width(value: object) -> str | None:
    if isinstance(value, timedelta):
        return f"interval '{value // timedelta(microseconds=1)} microseconds'"
    if not isinstance(value, str):
        return None
    try:
        duckdb.execute("select cast($1 as interval)", [value])
    except duckdb.Error:
        return None
    return quoted(value)


def _text(value: object) -> str | None:
    return quoted(value) if isinstance(value, str) else None


def _number(value: object) -> str | None:
    # Numbers of numpy are none of Python's, or are written otherwise.
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    number: Any = value
    return repr(float(number)) if abs(number) <= float_info.max else None  # neither nan nor infinite


def _flag(value: object) -> str | None:
    return str(value).lower() if isinstance(value, bool) else None


_NULLABLE = (Kind.SYMBOLS, Kind.TIME)  # though they have no default
_WRITERS = {Kind.SYMBOLS: _symbols, Kind.ACCOUNTS: _symbols, Kind.TIME: _time, Kind.MOMENT: _time,
            Kind.WIDTH: _width, Kind.TEXT: _text, Kind.NUMBER: _number, Kind.FLAG: _flag}  # fmt: skip
