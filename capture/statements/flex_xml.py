"""The XML of a Flex query, taken apart: which elements a statement has. What could expand or fetch is refused."""

from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

ROOT, STATEMENT = "FlexQueryResponse", "FlexStatement"
_REFUSED = "FlexStatementResponse"  # what IB's web service answers where there is no statement
_STATEMENT_DEPTH = 2  # below FlexQueryResponse and FlexStatements


class StatementError(ValueError):
    """A file is no statement that can be read; the text says why, and what helps."""


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a statement: its tag, what it says, and what its statement says."""

    tag: str
    attributes: dict[str, str]
    statement: dict[str, str]


@dataclass(slots=True)
class Document:
    """What a file holds: the attributes of each statement, and the elements of all of them, in order."""

    statements: list[dict[str, str]] = field(default_factory=list)
    elements: list[Element] = field(default_factory=list)


@dataclass(slots=True)
class _Reading:
    found: Document = field(default_factory=Document)
    path: list[str] = field(default_factory=list)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self.path and tag != ROOT:
            _refuse(tag)
        if tag == STATEMENT and len(self.path) == _STATEMENT_DEPTH:
            self.found.statements.append(attributes)
        elif self.path[_STATEMENT_DEPTH:][:1] == [STATEMENT] and attributes:
            self.found.elements.append(Element(tag, attributes, self.found.statements[-1]))
        self.path.append(tag)

    def end(self, _: str) -> None:
        self.path.pop()


def read_xml(data: bytes) -> Document:
    """Return what a file holds. Raises StatementError."""
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = reading.start, reading.end
    parser.StartDoctypeDeclHandler = _doctype
    try:
        parser.Parse(data, True)
    except StatementError:
        raise
    except (expat.ExpatError, ValueError, LookupError) as error:  # the last two of an encoding that nobody knows
        raise StatementError(f"it is no whole XML: {error}; fetch it once more, as XML") from None
    if not reading.found.statements:
        raise StatementError("it holds no statement: choose a period, and accounts, in the Flex query")
    return reading.found


def _refuse(tag: str) -> NoReturn:
    if tag == _REFUSED:
        raise StatementError("it is IB's answer that there is no statement yet: fetch it again")
    raise StatementError(f"it is no Flex query, as it begins with <{tag}>: fetch an Activity Flex Query as XML")


def _doctype(*_: object) -> NoReturn:
    # Entities are declared in one, and IB sends none: by them a small file grows without end, or reads others.
    raise StatementError("it declares a document type, which no statement of IB's does: fetch it from IB again")
