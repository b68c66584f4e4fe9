"""Masks accounts in rows, for sessions whose recorder was told to (D140)."""

from collections.abc import Callable
from functools import partial

from capture.account_alias import KEY, masked
from capture.wire.line import Line

from .account_rows import Row


def mask_of(line: Line) -> Callable[[Row], Row] | None:
    """Return what masks the accounts that the line's session named, None where they are not to be masked."""
    key = line.session.get(KEY) if line.session else None
    return partial(_masked, line, key) if key else None


def _masked(line: Line, key: str, row: Row) -> Row:
    return masked(row, line.context.accounts, key)
