"""Changes that no test can notice: equivalent.toml names each by file, text of the line, and change, and says why."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from .operators import Site, sites

FILE = Path(__file__).with_name("equivalent.toml")


@cache
def entries() -> list[dict[str, Any]]:
    """Return all entries: file, line, change, reason, and `times` where the line has it more than once."""
    return list(tomllib.loads(FILE.read_text())["equivalent"])


def equivalents(path: Path) -> list[Site]:
    """Return the sites of a file that are not to be tried."""
    return [site for entry in entries() if entry["file"] == str(path) for site in matching(entry)]


def matching(entry: dict[str, Any]) -> list[Site]:
    """Return the sites that an entry names: as many as it says, as long as the program is what it was."""
    source = Path(entry["file"]).read_text()
    lines = ["", *source.splitlines()]
    return [site for site in sites(source)
            if lines[site.line].strip() == entry["line"] and site.change == entry["change"]]  # fmt: skip
