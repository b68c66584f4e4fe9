"""One frame to values and back, by the tables of messages (D34)."""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from capture.wire.messages.answers import ANSWERS, UNREAD
from capture.wire.messages.message import (
    UNSET_FLOAT,
    UNSET_INT,
    UNSET_LONG,
    VERSION_FIELD,
    Element,
    Field,
    Kind,
    Message,
    Permission,
    Repeat,
)
from capture.wire.messages.requests import REQUESTS

from .protocol_error import LocalProtocolError, MalformedFrameError, UnknownMessageError

# The last is what IB's own clients hold an unset decimal as.
UNSET_SIZES = frozenset({float(UNSET_INT), float(UNSET_LONG), float(-(2**63)), UNSET_FLOAT, float(2**127 - 1)})

# Far more than any real answer repeats (the longest known list has a few thousand); a count above it is not a count.
MOST_REPEATS = 1_000_000

_INT = re.compile(r"-?[0-9]{1,20}")
# No two parts of it can take the same digits: a word of a million digits and a letter must not be tried a million ways.
_FLOAT = re.compile(
    r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[-+]?inf(?:inity|inite)?|[-+]?nan", re.IGNORECASE
)
_ESCAPE = re.compile(r"((?:\\u[0-9a-fA-F]{4})+)")

Values = dict[str, Any]
_IDS = ("request_id", "order_id")  # by which a client knows what an error is about


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded frame: its message, the values by field name, and how many fields followed the known ones."""

    message: Message
    values: Values
    extra: int = 0

    @property
    def name(self) -> str:
        """The message's name."""
        return self.message.name

    def __repr__(self) -> str:
        return f"<{self.name} {self.values}>"


class Codec:
    """Encodes and decodes one direction's messages for one server version.

    Made by `request_codec` and `answer_codec`. Frames are payloads, without the length in front.
    """

    def __init__(self, messages: Iterable[Message], server_version: int, unread: frozenset[int] = frozenset()) -> None:
        self.server_version = server_version
        self.by_id = {message.id: message for message in messages}
        self.by_name = {message.name: message for message in self.by_id.values()}
        self.unread = unread

    def decode(self, payload: bytes) -> Decoded:
        """Decode a frame's payload. Raises UnknownMessageError or MalformedFrameError, nothing else."""
        if payload[-1:] != b"\0":
            raise MalformedFrameError("the frame does not end in NUL")
        words = payload.decode("utf-8", errors="replace").split("\0")
        message = self.by_id.get(message_id(payload) or 0)
        if message is None:
            raise UnknownMessageError(f"no message has the id {words[0][:20]!r}")
        cursor = _Cursor(words, 1, len(words) - 1, message.name)
        values = _read(message.at(self.server_version), cursor, {})
        values.pop(VERSION_FIELD, None)
        return Decoded(message, values, cursor.end - cursor.at)

    def request_id(self, payload: bytes) -> int | None:
        """Return the request or order id of a frame that cannot be decoded whole; None where not even that is one."""
        message = self.by_id.get(message_id(payload) or 0)
        elements = message.at(self.server_version) if message is not None else ()
        place = next((at for at, element in enumerate(elements, 1) if getattr(element, "name", "") in _IDS), 0)
        words = payload.split(b"\0")[:-1]
        if not 0 < place < len(words):
            return None
        try:
            return parse_int(words[place].decode("utf-8", errors="replace"))
        except ValueError:
            return None

    def encode(self, name: str, values: Values | None = None, /, **more: Any) -> bytes:
        """Encode a message by name to a payload; fields without a value are empty.

        Raises LocalProtocolError for an unknown message or field, or a value that the field cannot hold.
        """
        message = self.by_name.get(name)
        if message is None:
            raise LocalProtocolError(f"no message is named {name!r}, or none that this connection may send")
        given = {**(values or {}), **more}
        if unknown := given.keys() - message.names:
            raise LocalProtocolError(f"{name} has no field {', '.join(sorted(unknown))}")
        words = [str(message.id)]
        given[VERSION_FIELD] = str(message.version)
        _write(message.at(self.server_version), given, words, f"{name}.")
        return ("\0".join(words) + "\0").encode()


@cache
def request_codec(server_version: int, permission: Permission = Permission.ANY) -> Codec:
    """Return the codec of what clients with a permission may send; of all of it where none is given."""
    return Codec((message for message in REQUESTS if message.permission & permission), server_version)


@cache
def answer_codec(server_version: int) -> Codec:
    """Return the codec of what gateways send."""
    return Codec(ANSWERS, server_version, frozenset(UNREAD))


def message_id(payload: bytes) -> int | None:
    """Return the message id at the start of a payload, or None where it has none."""
    head, _, _ = payload[:12].partition(b"\0")
    return int(head) if head.isdigit() and len(head) < 10 else None


class _Cursor:
    """Where in a frame's words reading stands."""

    __slots__ = ("at", "end", "message", "words")

    def __init__(self, words: list[str], at: int, end: int, message: str) -> None:
        self.words, self.at, self.end, self.message = words, at, end, message

    def take(self, field: str) -> str:
        if self.at >= self.end:
            raise MalformedFrameError(f"{self.message} ends before its field {field}")
        self.at += 1
        return self.words[self.at - 1]


def _read(elements: tuple[Element, ...], cursor: _Cursor, values: Values) -> Values:
    for element in elements:
        if isinstance(element, Field):
            values[element.name] = _value(element, cursor)
        elif isinstance(element, Repeat):
            count = _count(element, cursor)
            values[element.name] = [_read(element.elements, cursor, {}) for _ in range(count)]
        elif element.holds(values):
            _read(element.elements, cursor, values)
    return values


def _value(field: Field, cursor: _Cursor) -> Any:
    word = cursor.take(field.name)
    try:
        value = PARSE[field.kind](word)
    except ValueError:
        raise MalformedFrameError(
            f"{cursor.message}.{field.name} is not of kind {field.kind.value}: {word[:40]!r}"
        ) from None
    if value is None and field.none:
        value = PARSE[field.kind](field.none)
    if field.allowed is not None and value not in field.allowed:
        raise MalformedFrameError(f"{cursor.message}.{field.name} cannot be {word[:40]!r}")
    return value


def _count(repeat: Repeat, cursor: _Cursor) -> int:
    word = cursor.take(repeat.name)
    if not word:
        return 0
    if not _INT.fullmatch(word) or not 0 <= int(word) <= MOST_REPEATS:
        raise MalformedFrameError(f"{cursor.message} counts {word[:40]!r} {repeat.name}")
    return int(word)


def parse_int(word: str) -> int | None:
    """Return the number of an INT field; None for empty and for IB's marker of no value."""
    return _integer(word, 31, UNSET_INT)


def parse_long(word: str) -> int | None:
    """Return the number of a LONG field; None for empty and for IB's marker of no value."""
    return _integer(word, 63, UNSET_LONG)


def _integer(word: str, bits: int, unset: int) -> int | None:
    if not word:
        return None
    if not _INT.fullmatch(word):
        raise ValueError(word)
    number = int(word)
    if not -(1 << bits) <= number < 1 << bits:
        raise ValueError(word)
    return None if number == unset else number


def parse_float(word: str) -> float | None:
    """Return the number of a FLOAT field; None for empty, NaN, infinity and IB's marker of no value."""
    number = parse_unbounded(word)
    return None if number is None or math.isinf(number) else number


def parse_unbounded(word: str) -> float | None:
    """Return the number of an UNBOUNDED field, infinity among them; None for empty, NaN and IB's marker of no value."""
    if not word:
        return None
    if not _FLOAT.fullmatch(word):
        raise ValueError(word)
    number = float(word.lower().replace("infinite", "inf"))  # as ib_async writes it
    return None if number == UNSET_FLOAT or math.isnan(number) else number


def parse_decimal(word: str) -> float | None:
    """Return the number of a DECIMAL field; None for empty, NaN and each of IB's markers of no value."""
    number = parse_float(word)
    return None if number in UNSET_SIZES else number


def parse_bool(word: str) -> bool:
    """Return the truth of a BOOL field: any number but 0."""
    return (_integer(word, 31, 1 << 31) or 0) != 0


def unescape(word: str) -> str:
    r"""Return text with its \\uXXXX escapes resolved, surrogate pairs joined."""
    if "\\u" not in word:
        return word
    return _ESCAPE.sub(_resolve, word)


def _resolve(match: re.Match[str]) -> str:
    units = match[1].replace("\\u", "")
    return bytes.fromhex(units).decode("utf-16-be", errors="replace")


PARSE: dict[Kind, Callable[[str], Any]] = {
    Kind.INT: parse_int,
    Kind.LONG: parse_long,
    Kind.BOOL: parse_bool,
    Kind.FLOAT: parse_float,
    Kind.UNBOUNDED: parse_unbounded,
    Kind.DECIMAL: parse_decimal,
    Kind.TEXT: str,
    Kind.ESCAPED: unescape,
}


def _write(elements: tuple[Element, ...], values: Values, words: list[str], where: str) -> None:
    for element in elements:
        if isinstance(element, Field):
            words.append(_word(element, values.get(element.name), where))
        elif isinstance(element, Repeat):
            items = values.get(element.name) or []
            words.append(str(len(items)))
            for item in items:
                _write(element.elements, item, words, f"{where}{element.name}.")
        elif element.holds(values):
            _write(element.elements, values, words, where)


def _word(field: Field, value: Any, where: str) -> str:
    if value is None and field.none:
        return field.none
    if field.allowed is not None and value not in field.allowed:
        raise LocalProtocolError(f"{where}{field.name} cannot be {str(value)[:40]!r}")
    try:
        return FORMAT[field.kind](value)
    except (TypeError, ValueError, OverflowError):
        raise LocalProtocolError(
            f"{where}{field.name} takes {field.kind.value}, not {type(value).__name__} {str(value)[:40]!r}"
        ) from None


def format_int(value: int | None) -> str:
    """Return the digits of an integer, empty for None."""
    return "" if value is None else f"{value:d}"


def format_float(value: float | None) -> str:
    """Return the shortest decimal text that reads back as the same number, empty for None."""
    if value is None:
        return ""
    number = float(value)
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    return repr(number)


def format_bool(value: bool | None) -> str:
    """Return 1 or 0; None is false."""
    return "1" if value else "0"


def format_text(value: str | None) -> str:
    """Return text that may stand in a field, empty for None. Raises ValueError where it holds a NUL."""
    if value is None:
        return ""
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(value)
    if not value.isascii():
        value.encode()  # a lone surrogate has no UTF-8
    return value


def escape(value: str | None) -> str:
    r"""Return text with what is not ASCII written as \\uXXXX."""
    plain = format_text(value)
    if plain.isascii():
        return plain
    return "".join(c if c.isascii() else _escaped(c) for c in plain)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", errors="replace").hex()
    return "".join(f"\\u{units[i:i + 4]}" for i in range(0, len(units), 4))


FORMAT: dict[Kind, Callable[[Any], str]] = {
    Kind.INT: format_int,
    Kind.LONG: format_int,
    Kind.BOOL: format_bool,
    Kind.FLOAT: format_float,
    Kind.UNBOUNDED: format_float,
    Kind.DECIMAL: format_float,
    Kind.TEXT: format_text,
    Kind.ESCAPED: escape,
}
