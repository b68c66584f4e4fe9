"""What a request is answered with: messages, and rows of tables. Answers yield them, and a client sends them."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import pyarrow as pa

from capture.wire.text.codec import Values

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """A message by its name in the tables of the protocol, with its values."""

    name: str
    values: Values


@dataclass(frozen=True, slots=True)
class AnsweredRows:
    """Rows of a table that answer a request: each to be sent as a message, or in those before (`in_answers`).

    `stream` is the word under which the gateway's listener is told of them.
    """

    request_id: int
    stream: str
    table: str
    rows: pa.Table
    in_answers: bool = False


Reply: TypeAlias = Answer | AnsweredRows
Compute: TypeAlias = Callable[[], Sequence[Reply]]  # an answer that takes its time: it is worked out in a thread
Telling: TypeAlias = Generator[Reply, None, T]  # yields what is to be sent on the way to its result


def answer(name: str, /, **values: Any) -> Answer:
    """Return a message."""
    return Answer(name, values)


def error(request_id: int, code: int, text: str, at_us: int) -> Answer:
    """Return IB's message of an error or a notice; a request id of -1 concerns the session."""
    return answer("error", request_id=request_id, code=code, message=text, time_ms=at_us // 1_000)
