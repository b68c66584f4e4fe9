"""Aliases of accounts: names that stay the same and say nothing of whose an account is (D140).

An account's number has few digits, so that whoever had its plain checksum could try them all: the alias is a checksum
with a key, which lies beside the tapes and on them, as the numbers do, and nowhere else.
"""

import secrets
from collections.abc import Collection, Mapping
from hashlib import blake2s
from typing import Any, TypeVar

T = TypeVar("T")

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


def is_paper(account: str) -> bool | None:
    """Return whether an account is one of paper money, whose name IB begins with D; None for an alias."""
    return None if account.startswith(ALIASED) else account.startswith("D")


def masked(value: T, accounts: Collection[str], key: str) -> T:
    """Return texts and bytes, also those within lists and dicts, with the alias of each account for its name."""
    return named(value, {name: alias(name, key) for name in accounts})


def named(value: T, names: Mapping[str, str]) -> T:
    """Return texts and bytes, also those within lists and dicts, with another name for each account."""
    longest_first = sorted(names.items(), key=lambda pair: -len(pair[0]))  # one may be the beginning of another
    hidden: T = _masked(value, longest_first)
    return hidden


def _masked(value: Any, aliases: list[tuple[str, str]]) -> Any:
    if isinstance(value, dict):
        return {_masked(name, aliases): _masked(item, aliases) for name, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, aliases) for item in value]
    if isinstance(value, bytes):
        return _masked(value.decode("latin-1"), aliases).encode("latin-1")
    if isinstance(value, str):
        for account, name in aliases:
            value = value.replace(account, name)
    return value
