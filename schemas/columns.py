"""One column of a stored table: its type, unit, meaning and what a null in it says."""

from dataclasses import dataclass

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")  # D8

# How Parquet stores a column. DELTA suits numbers that grow by small steps, DICTIONARY values that repeat,
# PLAIN what does neither (long texts, raw bytes).
DELTA, DICTIONARY, PLAIN = "delta", "dictionary", "plain"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: name, Arrow type, meaning, unit, and what a null means ("never" where none occurs).

    `since` is the first version of the table that has it; rows of an older one have nulls there. `revised` is the first
    in which its values came about as they do now: an older one's need not be what the tape gives now. What is
    `personal` says whose an account is, and is left out where nobody names it.
    """

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""
    null: str = "never"
    encoding: str = DICTIONARY
    since: int = 1
    revised: int = 1
    personal: bool = False

    @property
    def nullable(self) -> bool:
        """Whether a null may stand in this column."""
        return self.null != "never"


def text(name: str, meaning: str, null: str = "never", unit: str = "", encoding: str = DICTIONARY) -> Column:
    """Return a UTF-8 text column."""
    return Column(name, pa.string(), meaning, unit, null, encoding)


def number(name: str, meaning: str, unit: str, null: str = "IB sent no value") -> Column:
    """Return a float64 column: prices, sizes and ratios. Up to 15 digits come back digit for digit."""
    return Column(name, pa.float64(), meaning, unit, null)


def flag(name: str, meaning: str, null: str = "never") -> Column:
    """Return a boolean column."""
    return Column(name, pa.bool_(), meaning, "", null, PLAIN)


def integer(name: str, meaning: str, unit: str = "", null: str = "never", bits: int = 32) -> Column:
    """Return a signed integer column of 8, 16, 32 or 64 bits."""
    return Column(name, {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[bits], meaning, unit, null)


def time(name: str, meaning: str, null: str = "never") -> Column:
    """Return a UTC timestamp column in microseconds."""
    return Column(name, TIMESTAMP, meaning, "UTC", null, DELTA)
