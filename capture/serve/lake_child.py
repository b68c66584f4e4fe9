"""The process that asks the lake for pages, so that the server stays small and its memory is free again.

    python -m capture.serve.lake_child DATA [accounts]

With `accounts` it answers what the page Account asks too. Each question is a length of four bytes and JSON on stdin;
so is each answer on stdout, + before it, or - before the text that says why there is none. It ends with stdin.
"""

import json
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from capture.child_process import begin
from capture.query import LakeReader, QueryError, open_reader

from .account_view import answers
from .lake_answers import Answering
from .now_view import as_json

NICENESS = 5
MEMORY_MIB = 512
ACCOUNTS = "accounts"  # the word that lets it answer about them
LENGTH = struct.Struct(">I")


def read_message(stream: BinaryIO) -> Any:
    """Return the next message, None at the end."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    return json.loads(stream.read(LENGTH.unpack(head)[0]))


def packed(text: str) -> bytes:
    """Return a message as it is sent."""
    data = text.encode()
    return LENGTH.pack(len(data)) + data


def answered(lake: LakeReader, answer: Answering, parameters: dict[str, str]) -> str:
    """Return the answer to a question, or why there is none."""
    try:
        return f"+{as_json(answer(lake, parameters))}"
    except KeyError as error:
        return f"-this needs {error.args[0]}"
    except (QueryError, OSError, ValueError) as error:
        return f"-{error}"


def main() -> None:
    """Answer questions until there are no more."""
    begin("serve", NICENESS)
    known = answers(accounts=sys.argv[2:] == [ACCOUNTS])
    with tempfile.TemporaryDirectory(prefix="ticktape-") as spill, open_reader(sys.argv[1], LakeReader) as opened:
        lake = opened.limited(MEMORY_MIB, Path(spill))
        while (question := read_message(sys.stdin.buffer)) is not None:
            sys.stdout.buffer.write(packed(answered(lake, known[question["name"]], question["parameters"])))
            sys.stdout.buffer.flush()
        lake.close()


if __name__ == "__main__":
    main()
