"""The one way to find the line of a TOML text on which a key stands, for errors that a person has to find."""

import re
from collections.abc import Sequence


def line_of(text: str, where: Sequence[int | str]) -> int:
    """Return the line, from 1, on which a key stands; where it cannot be found, that on which its block begins.

    `where` names tables, numbers of blocks from 0, and keys, from outside in: ("record", 1, "streams").
    """
    lines = text.splitlines()
    found, path = 0, list[str]()
    for place, part in enumerate(where):
        if isinstance(part, int):
            continue
        path.append(part)
        number = where[place + 1] if place + 1 < len(where) else None
        found = _next(lines, found, path, number if isinstance(number, int) else None)
    return found + 1


def _next(lines: list[str], start: int, path: list[str], number: int | None) -> int:
    """Return the index of the line of a block or key from `start` on; `start` where there is none."""
    name = r"\s*\.\s*".join(rf"[\"']?{re.escape(part)}[\"']?" for part in path)
    if number is not None:
        blocks = [i for i, line in enumerate(lines) if re.match(rf"\s*\[\[\s*{name}\s*\]\]", line)]
        if number < len(blocks):
            return blocks[number]
    pattern = re.compile(rf"\s*(\[+\s*{name}\s*\]|([\"']?[\w-]+[\"']?\s*\.\s*)*[\"']?{re.escape(path[-1])}[\"']?\s*=)")
    return next((i for i in range(start, len(lines)) if pattern.match(lines[i])), start)
