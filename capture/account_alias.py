"""Aliases of accounts: names that stay the same and say nothing of whose an account is (D146).

An account's number has few digits, so that whoever had its plain checksum could try them all: the alias is a checksum
with a key, which lies beside the tapes and on them, as the numbers do, and nowhere else.
"""

import secrets
from collections.abc import Collection
from hashlib import blake2s
from typing import Any

KEY = "account_key"  # of the description of a session whose accounts are masked
ALIASED = "ACCOUNT-"  # how an alias begins
_DIGITS = 8


def new_key() -> str:
    """Return a key that nobody had before, as hexadecimal text."""
    return secrets.token_hex(16)


def alias(account: str, key: str) -> str:
    """Return what an account is called for a key: `ACCOUNT-` and eight hexadecimal digits."""
    return f"{ALIASED}{blake2s(account.encode(), key=bytes.fromhex(key)).hexdigest()[:_DIGITS].upper()}"


def short_name(account: str) -> str:
    """Return what tells one's own accounts apart, and is no account number: the alias, else five of its characters."""
    return account if len(account) <= 5 or account.startswith(ALIASED) else f"{account[:2]}…{account[-3:]}"


def masked(row: dict[str, Any], accounts: Collection[str], key: str) -> dict[str, Any]:
    """Return a row with the alias of each of these accounts in place of its name, in texts and bytes."""
    for account in sorted(accounts, key=len, reverse=True):  # one may be the beginning of another
        name = alias(account, key)
        row = {column: _without(value, account, name) for column, value in row.items()}
    return row


def _without(value: Any, account: str, name: str) -> Any:
    if isinstance(value, str):
        return value.replace(account, name)
    return value.replace(account.encode(), name.encode()) if isinstance(value, bytes) else value
