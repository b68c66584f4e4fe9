"""The format of the tape, as its page says it, is what is written and read."""

import json
import re
from pathlib import Path

from capture.tape import DAMAGED, Kind, notes

PAGE = (Path(__file__).parents[2] / "docs" / "tape-format.md").read_text("utf-8")


def test_every_kind_of_record_is_there() -> None:
    told = re.findall(r"^\| (\d+) \| ([A-Z]+) \|", PAGE, re.MULTILINE)
    assert told == [(str(kind.value), kind.name) for kind in Kind]


def test_every_note_that_decoding_reads_is_there() -> None:
    section = PAGE.partition("### Notes that decoding reads\n")[2].partition("\n**Why")[0]
    rows = [row.split(" | ") for row in re.findall(r"^\| (.+) \|$", section, re.MULTILINE)[1:]]
    texts = {json.loads(text.strip("`")) for text, _, _ in rows if text.startswith("`")}
    keys = {re.findall(r"`(\w+)`", keys)[0] for text, keys, _ in rows if text == "any text"}
    words = {value for name, value in vars(notes).items() if name.isupper()}
    assert texts | keys == words | {DAMAGED}
