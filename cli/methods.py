"""The methods of a lake that research functions have in Python, as source: typed, documented, and listed nowhere else.

`make docs` writes them to capture/query/functions.py.
"""

import textwrap

from capture.lake.functions import FUNCTIONS, Function, Kind, Parameter

_TYPES = {Kind.SYMBOLS: "Symbols", Kind.TIME: "Moment | None", Kind.MOMENT: "Moment", Kind.WIDTH: "Width",
          Kind.TEXT: "str", Kind.NUMBER: "float", Kind.FLAG: "bool"}  # fmt: skip
_WORDS = {"null": "None", "false": "False", "true": "True"}
_WIDTH = 109
_SPACE = "\N{NO-BREAK SPACE}"  # within what stays on one line
_PLAIN = frozenset({"symbols", "start", "end"})  # they need no words
_HEAD = '''"""Research functions as methods. Written by `make docs` from capture/lake/functions; change it there."""

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


def module() -> str:
    """Return the source of the module."""
    return _HEAD + "".join(map(_method, FUNCTIONS.values()))


def _method(function: Function) -> str:
    given = [one for one in function.parameters if one.default is None]
    named = [one for one in function.parameters if one.default is not None]
    declared = ["self", *map(_declared, given), *(["*"] if named else []), *map(_declared, named)]
    head = f"def {function.name}({', '.join(one.replace(' ', _SPACE) for one in declared)}){_SPACE}->{_SPACE}Answer:"
    said = _wrapped(f'"""{_sentences(function)}')
    arguments = ", ".join([f'"{function.name}"', *(one.name for one in function.parameters)])
    body = [said + ('\n"""' if "\n" in said else '"""'), _wrapped(f"return self.call({arguments})", " " * 4)]
    lines = [_wrapped(head, " " * 8), *(textwrap.indent(line, " " * 4) for line in body)]
    return "\n" + textwrap.indent("\n".join(lines).replace(_SPACE, " "), " " * 4) + "\n"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)


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
