"""Verifying IB's statements: each holds what it is named by, and their tables hold what they give."""

import shlex
from collections.abc import Iterator

from capture.lake.content import UnreadableError, content_hash, difference, plain, read_rows
from capture.lake.layout import Layout
from capture.lake.statements.imported import statement_tables
from capture.lake.statements.originals import Original, OriginalError, originals, read
from capture.schemas import STATEMENT_TABLES

from .verify import Finding


def statement_findings(layout: Layout) -> Iterator[Finding]:
    """Yield what is missing, damaged or different of statements and of the rows that they give."""
    bad = [found for original in originals(layout) if (found := _damage(original))]
    yield from bad
    if bad or not originals(layout):
        yield from (Finding("file unexplained", str(path), "no statement gives its rows",
                            shlex.join(["mv", str(path), f"{path}.bad"]))
                    for path in map(layout.statement_rows, STATEMENT_TABLES) if not bad and path.exists())
        return
    again = shlex.join(["ticktape", "statement", "import", "--data", str(layout.root)])
    for name, given in statement_tables(layout).items():
        path, table = layout.statement_rows(name), STATEMENT_TABLES[name]
        try:
            found, expected = read_rows(table, path), plain(table, given)
        except FileNotFoundError:
            yield Finding("file missing", str(path), f"statements give {given.num_rows:,} rows", again)
        except UnreadableError as error:
            yield Finding("file unreadable", str(path), str(error), again)
        else:
            if content_hash(found) != content_hash(expected):
                detail = difference(expected, found).replace("the tape gives", "statements give")
                yield Finding("file different", str(path), detail, again)


def _damage(original: Original) -> Finding | None:
    try:
        read(original)
    except OriginalError as error:
        why, _, repair = str(error).partition("; ")
        return Finding("file unreadable", str(original.path), why, repair)
    return None
