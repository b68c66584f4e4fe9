"""What a message looks like: the vocabulary in which the tables of messages are written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, Flag, auto
from functools import cache
from typing import Any

OLDEST_VERSION = 157
NEWEST_VERSION = 200  # the last version whose whole session is text
# What IB's clients hold a number as that they were not given.
UNSET_INT = 2**31 - 1
UNSET_LONG = 2**63 - 1
UNSET_FLOAT = 1.7976931348623157e308


class Kind(Enum):
    """How a field is written on the wire and read back."""

    INT = "int"  # decimal digits; empty and 2147483647 mean no value
    LONG = "long"  # the same with 64 bits; empty and 9223372036854775807 mean no value
    BOOL = "bool"  # 1 or 0; empty is false
    FLOAT = "float"  # empty, NaN, infinity and 1.7976931348623157E308 mean no value
    UNBOUNDED = "unbounded"  # as FLOAT, but infinity is a value
    DECIMAL = "decimal"  # a size; as FLOAT, and every integer marker means no value too
    TEXT = "text"  # UTF-8
    ESCAPED = "escaped"  # text in which the server writes what is not ASCII as \uXXXX


# And how peers write it, where they do not leave the field empty: a float as Java does.
MAXIMUM = {
    Kind.INT: str(UNSET_INT),
    Kind.LONG: str(UNSET_LONG),
    Kind.FLOAT: "1.7976931348623157E308",
    Kind.DECIMAL: str(-UNSET_LONG - 1),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field, present in sessions of server version `since` up to but not including `until`.

    `none` is the word that is written where there is no value. Where it is a value itself, such as 0, whatever word for
    no value a peer may write is read as that. Of a field with `allowed` values any other is a fault.
    """

    name: str
    kind: Kind
    since: int = 0
    until: int = 1 << 31
    none: str = ""
    allowed: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """A count field, then that many times the inner elements; decoded to a list of dicts."""

    name: str
    elements: tuple["Element", ...]
    since: int = 0
    until: int = 1 << 31


SOMETHING = None  # of `When`: a text or a list that is not empty, true, a number above 0


@dataclass(frozen=True, slots=True)
class When:
    """Elements that are there only when an earlier field has one of these values, or says SOMETHING.

    The field is one of the same message, or of the same row of what repeats.
    """

    field: str
    values: tuple[Any, ...] | None
    elements: tuple["Element", ...]
    since: int = 0
    until: int = 1 << 31

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Return whether the elements are there, given the values of the fields in front of them."""
        value = values.get(self.field)
        if self.values is not SOMETHING:
            return value in self.values
        return value > 0 if isinstance(value, int | float) else bool(value)


Element = Field | Repeat | When


class Permission(Flag):
    """What a connection is for, and so what it may send."""

    NOBODY = 0
    MARKET_DATA = auto()  # what a recorder asks for
    ACCOUNT = auto()  # to read accounts, orders and executions, and change nothing
    ORDERS = auto()  # what changes something at the broker
    PROGRAM = auto()  # what other programs ask besides, and only a gateway has to understand
    ANY = MARKET_DATA | ACCOUNT | ORDERS | PROGRAM


@dataclass(frozen=True, slots=True, eq=False)  # hashed by identity: it is looked up for every frame decoded alone
class Message:
    """A message of the protocol: id, name, elements after the id, and the message-version field where it has one.

    `version` is the number written in the version field by real peers; None where there is none. `version_until` is
    the server version from which on the field is gone. `permission` says of
    a request who may send it: whoever has one of these permissions.
    """

    id: int
    name: str
    elements: tuple[Element, ...]
    version: int | None = None
    version_until: int = 1 << 31
    permission: Permission = Permission.NOBODY

    def at(self, server_version: int) -> tuple[Element, ...]:
        """Return the elements that a session of this server version has, the version field first."""
        return _at(self, server_version)

    @property
    def names(self) -> frozenset[str]:
        """The names of its fields and lists at any server version, those under conditions among them."""
        return _names(self)

    def pick(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of the values that the message has a field for, such as an order's for the answer to it."""
        names = self.names
        return {name: value for name, value in values.items() if name in names}

    def flat(self, server_version: int, **given: Any) -> tuple[Field, ...]:
        """Return the fields in order, with every `When` decided by `given`; repeats are left out."""
        return tuple(_flat(self.at(server_version), given))


VERSION_FIELD = "message_version"  # read as text: nothing depends on it, so nothing in it spoils a frame


@cache
def _at(message: Message, server_version: int) -> tuple[Element, ...]:
    elements = _gate(message.elements, server_version)
    if message.version is None or server_version >= message.version_until:
        return elements
    return (Field(VERSION_FIELD, Kind.TEXT), *elements)


def _gate(elements: tuple[Element, ...], version: int) -> tuple[Element, ...]:
    kept: list[Element] = []
    for element in elements:
        if not element.since <= version < element.until:
            continue
        if isinstance(element, Repeat):
            element = Repeat(element.name, _gate(element.elements, version))
        elif isinstance(element, When):
            element = When(element.field, element.values, _gate(element.elements, version))
        kept.append(element)
    return tuple(kept)


@cache
def _names(message: Message) -> frozenset[str]:
    return frozenset(_named(message.elements))


def _named(elements: tuple[Element, ...]) -> Iterator[str]:
    for element in elements:
        if isinstance(element, When):
            yield from _named(element.elements)
        else:
            yield element.name


def _flat(elements: tuple[Element, ...], given: dict[str, Any]) -> list[Field]:
    fields: list[Field] = []
    for element in elements:
        if isinstance(element, Field):
            fields.append(element)
        elif isinstance(element, When) and element.holds(given):
            fields.extend(_flat(element.elements, given))
    return fields


def ints(*names: str) -> tuple[Field, ...]:
    """Return INT fields of these names."""
    return tuple(Field(name, Kind.INT) for name in names)


def floats(*names: str) -> tuple[Field, ...]:
    """Return FLOAT fields of these names."""
    return tuple(Field(name, Kind.FLOAT) for name in names)


def texts(*names: str) -> tuple[Field, ...]:
    """Return TEXT fields of these names."""
    return tuple(Field(name, Kind.TEXT) for name in names)
