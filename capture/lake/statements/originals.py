"""Statements as IB sent them, kept compressed under the SHA-256 of what they hold: the truth behind their tables."""

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import zstandard

from capture.lake.layout import Layout
from capture.publish import make_folder, publish

LEVEL = 9  # a statement repeats its attribute names in every row, and stays
MODE = 0o600  # account numbers are in it
MOST_BYTES = 1 << 30  # of a statement: one of a million trades has about half of it
_NAME = re.compile(r"(?P<sha256>[0-9a-f]{64})(?P<masked>\.masked)?\.xml\.zst")


class OriginalError(OSError):
    """A statement that is kept cannot be read, or is another than it was."""


@dataclass(frozen=True, slots=True)
class Original:
    """A statement's file: the SHA-256 of what it holds, and whether its rows have aliases for accounts."""

    path: Path
    sha256: str
    is_masked: bool


def originals(layout: Layout) -> list[Original]:
    """Return the statements that are kept, in order of their names."""
    found = ((path, _NAME.fullmatch(path.name)) for path in sorted(layout.statements.glob("*.xml.zst")))
    return [Original(path, match["sha256"], match["masked"] is not None) for path, match in found if match]


def link_statements(source: Layout, target: Layout) -> None:
    """Give a lake the statements of another. Raises OriginalError where one is damaged, OSError."""
    for original in originals(source):
        keep(target, read(original), masked=original.is_masked)


def keep(layout: Layout, data: bytes, *, masked: bool) -> Original:
    """Keep a statement, unless it is there already, with accounts masked or not as it was then. Raises OSError."""
    name = sha256(data).hexdigest()
    for known in originals(layout):
        if known.sha256 == name:
            return known
    path = layout.statements / f"{name}{'.masked' if masked else ''}.xml.zst"
    packed = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(data)
    make_folder(path.parent)
    publish(path, lambda temporary: temporary.write_bytes(packed), mode=MODE)
    return Original(path, name, masked)


def read(original: Original) -> bytes:
    """Return a statement as IB sent it. Raises OriginalError where it is not what was kept."""
    try:
        data = zstandard.ZstdDecompressor().decompress(original.path.read_bytes(), max_output_size=MOST_BYTES)
    except zstandard.ZstdError as error:
        raise OriginalError(f"{original.path} cannot be read: {error}; bring it back from a copy, or move it aside and "
                            "import the statement again") from None
    if sha256(data).hexdigest() != original.sha256:
        raise OriginalError(f"{original.path} does not hold the statement that it is named by; bring it back from a "
                            "copy, or move it aside and import the statement again")
    return data
