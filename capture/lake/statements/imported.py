"""Tables of IB's statements: made of all statements that are kept, and of nothing else, as often as one likes."""

import fcntl
import json
import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import pyarrow as pa

from capture.account_alias import alias, named
from capture.account_key import account_key
from capture.data_folder import STATEMENTS_LOCK
from capture.lake.layout import Layout
from capture.lake.parquet_file import PERSONAL_MODE, write_parquet
from capture.lake.process_lock import locked
from capture.publish import clear_leftovers, make_folder, publish, sweep
from capture.schemas import STATEMENT_TABLES
from capture.statements import Parsed, Row, latest, parse
from capture.statements.flex_sections import PERSONAL

from .originals import Original, keep, originals, read

LOCK_MODE = 0o600
_NUMBER = re.compile(r"(?=.*\d)[A-Za-z0-9]{5,}")  # an account's name, not a word


def import_statements(layout: Layout, statements: Iterable[bytes] = (), *, mask_accounts: bool = False) -> None:
    """Keep statements, and make the tables of all that are kept anew: without statements that alone.

    Raises StatementError before anything is kept where one cannot be read, OSError.
    """
    given = list(statements)
    for data in given:
        parse(data)
    make_folder(layout.statements)
    with locked(layout.root / STATEMENTS_LOCK, fcntl.LOCK_EX, mode=LOCK_MODE):
        sweep(layout.statements)
        for data in given:
            keep(layout, data, masked=mask_accounts)
        for name, rows in statement_tables(layout).items():
            path = layout.statement_rows(name)
            make_folder(path.parent)
            clear_leftovers(path)
            publish(path, partial(write_parquet, STATEMENT_TABLES[name], rows), mode=PERSONAL_MODE)


def statement_tables(layout: Layout) -> dict[str, pa.Table]:
    """Return the rows that all kept statements give, by table. Raises OriginalError."""
    kept = [(original, parse(read(original))) for original in originals(layout)]
    found = {}
    for name, table in STATEMENT_TABLES.items():
        rows = latest(row for original, parsed in kept for row in _rows(layout, original, parsed, name))
        found[name] = pa.Table.from_pylist(rows, schema=table.schema)
    return found


def _rows(layout: Layout, original: Original, parsed: Parsed, name: str) -> Iterator[Row]:
    names = account_names(layout, original, parsed)
    return (named(_impersonal(row), names) if names else row for row in parsed.rows[name])


def account_names(layout: Layout, original: Original, parsed: Parsed) -> dict[str, str]:
    """Return the alias of each account that a masked statement names; none where it is not masked."""
    if not original.is_masked:
        return {}
    key, rows = account_key(layout.root), [row for rows in parsed.rows.values() for row in rows]
    # Those at the other end of transfers, too.
    other = {json.loads(row["rest"] or "{}").get("account", "") for row in rows}
    found = {account for account, *_ in parsed.statements if account} | {row["account"] for row in rows}
    return {name: alias(name, key) for name in found | set(filter(_NUMBER.fullmatch, other))}


def _impersonal(row: Row) -> dict[str, Any]:
    """Return a row without what else says whose an account is."""
    rest = {name: value for name, value in json.loads(row["rest"] or "{}").items() if name not in PERSONAL}
    return row | {"rest": json.dumps(rest, sort_keys=True, ensure_ascii=False) if rest else None}
