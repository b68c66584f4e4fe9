"""Whose rows: the accounts that a lake knows, and how they are named to whoever looks over a shoulder.

Account numbers are personal. What is shown names accounts by the order in which they came into the lake, "account 1"
and so on, unless they are asked for by name: here alone this is decided.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from capture.account_alias import ALIASED, named
from capture.query.answer import Answer, AskedError
from capture.schemas import STATEMENT_TABLES
from capture.suggestion import unknown

T = TypeVar("T")
Ask = Callable[[str], Answer]  # the `sql` of a lake

EVERY = "all"  # shows every account by its name
_TABLES = ("subscriptions", "account_values", "portfolio", "positions", "orders", "executions")
_NAMES = " union all ".join([
    *(f"select account, min(ts) as ts from {table} group by account" for table in _TABLES),
    # Those that nothing was recorded of come last, however old their statements are: aliases stay.
    *(f"select distinct account, timestamptz 'infinity' as ts from {table}" for table in STATEMENT_TABLES)])
_IN_ORDER = f"select account from ({_NAMES}) where account is not null group by account order by min(ts), account"


def account_names(ask: Ask) -> list[str]:
    """Return the accounts of which a lake has anything, in the order in which they came into it. Raises QueryError."""
    return [name for (name,) in ask(_IN_ORDER).rows()]


def first_told(ask: Ask) -> datetime | None:
    """Return when the first row came that names an account, UTC; None where none did. Raises QueryError."""
    [(first,)] = ask(f"select min(ts) from ({_NAMES}) where account is not null").rows()
    return first  # type: ignore[no-any-return]  # rows are plain values


def check_accounts(ask: Ask, given: str | Sequence[str] | None) -> None:
    """Raise AskedError, with those that there are, for an account of which a lake has nothing."""
    if given is None:
        return
    known = account_names(ask)
    for name in [given] if isinstance(given, str) else given:
        if name not in known:
            raise AskedError(unknown("account", name, known) + _of_aliases(known) if known else
                             f"unknown account {name!r}: no account was recorded; [accounts] in ticktape.toml says "
                             "which are")


def _of_aliases(known: Iterable[str]) -> str:
    """Return what helps whoever knows an account by its number alone, where rows have aliases; empty where not."""
    if not any(name.startswith(ALIASED) for name in known):
        return ""
    return (". Rows have aliases, as mask_accounts is set: `ticktape account` shows what each account is worth and "
            "holds, under the names account 1, account 2, …, which are also taken here")


class ShownAccounts:
    """Which accounts are asked for, and by which names they are shown.

    `wanted` says it in words, separated by commas: names, aliases ("account 2"), or "all". None asks for all of them,
    by their aliases. Raises AskedError for one that is not there. `aliases` has every account's.
    """

    def __init__(self, ask: Ask, wanted: str | None) -> None:
        names = account_names(ask)
        self.aliases = {name: f"account {number}" for number, name in enumerate(names, 1)}
        words = [word.strip() for word in (wanted or "").split(",") if word.strip()]
        of_alias = {alias: name for name, alias in self.aliases.items()}
        self.chosen: list[str] | None = None
        if words and words != [EVERY]:
            self.chosen = [of_alias.get(word, word) for word in words]
            check_accounts(ask, self.chosen)
        self._named = set(names) if words == [EVERY] else set(words)
        self._hidden = {name: alias for name, alias in self.aliases.items() if name not in self._named}

    def name(self, account: str | None) -> str | None:
        """Return what an account is shown as; None for none."""
        return account if account is None or account in self._named else self.aliases.get(account, "account ?")

    def rows(self, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return rows with their accounts as they are shown, in every text: IB repeats them in values and messages."""
        return [{name: self.name(value) if name == "account" else self.text(value) for name, value in row.items()}
                for row in rows]

    def text(self, value: T) -> T:
        """Return a text with the accounts in it as they are shown; what is no text as it is."""
        return named(value, self._hidden)
