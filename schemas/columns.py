"""One column of a stored table: its type, unit, meaning and what a null in it says."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

# How Parquet stores a column. DELTA suits numbers that grow by small steps, DICTIONARY values that repeat,
# PLAIN what does neither (long texts, raw bytes).
DELTA, DICTIONARY, PLAIN = "delta", "dictionary", "plain"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: name, kind, meaning, unit, and what a null means ("never" where none occurs).

    `kind` is a word of `ARROW_TYPES`, where `type` finds it.
    `since` is the first version of the table that has it; rows of an older one have nulls there. `revised` is the first
    in which its values came about as they do now: an older one's need not be what the tape gives now. What is
    `personal` says whose an account is, and is left out where nobody names it.
    """

    name: str
    kind: str
    meaning: str
    unit: str = ""
    null: str = "never"
    encoding: str = DICTIONARY
    since: int = 1
    revised: int = 1
    personal: bool = False

    @property
    def type(self) -> "pa.DataType":
        """The type in Arrow, which is loaded for it."""
        from .arrow_types import ARROW_TYPES

        return ARROW_TYPES[self.kind]

    @property
    def nullable(self) -> bool:
        """Whether a null may stand in this column."""
        return self.null != "never"


def text(name: str, meaning: str, null: str = "never", unit: str = "", encoding: str = DICTIONARY) -> Column:
    """Return a UTF-8 text column."""
    return Column(name, "text", meaning, unit, null, encoding)


def number(name: str, meaning: str, unit: str, null: str = "IB sent no value") -> Column:
    """Return a float64 column: prices, sizes and ratios. Up to 15 digits come back digit for digit."""
    return Column(name, "number", meaning, unit, null)


def flag(name: str, meaning: str, null: str = "never") -> Column:
    """Return a boolean column."""
    return Column(name, "flag", meaning, "", null, PLAIN)


def integer(name: str, meaning: str, unit: str = "", null: str = "never", bits: int = 32) -> Column:
    """Return a signed integer column of 8, 16, 32 or 64 bits."""
    return Column(name, f"int{bits}", meaning, unit, null)


def time(name: str, meaning: str, null: str = "never") -> Column:
    """Return a UTC timestamp column in microseconds."""
    return Column(name, "time", meaning, "UTC", null, DELTA)
