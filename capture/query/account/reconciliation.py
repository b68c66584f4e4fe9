"""A reconciliation: what IB says of accounts as of a moment against what explains it, and what could be compared."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from capture.functions.differences import PASSING

from .account_questions import AccountQuestions
from .shown_accounts import ShownAccounts


class Reconciliation(NamedTuple):
    """Rows of account_differences, and of positions_at whose position is `not_known`, with accounts as they are shown.

    `compared` is of how many positions, and accounts without any, IB's word is known.
    """

    at: datetime
    compared: int
    not_known: Sequence[dict[str, Any]]
    differences: Sequence[dict[str, Any]]

    @property
    def is_empty(self) -> bool:
        """Whether nothing could be compared."""
        return bool(self.not_known) and not self.compared

    @property
    def lasting(self) -> list[dict[str, Any]]:
        """The differences that do not go by themselves."""
        return [row for row in self.differences if row["why"] not in PASSING]


def reconcile(lake: AccountQuestions, shown: ShownAccounts, at: datetime) -> Reconciliation:
    """Return how accounts stand as of a moment. Raises QueryError."""
    held = lake.positions(at, accounts=shown.chosen).arrow().to_pylist()
    found = lake.account_differences(at, accounts=shown.chosen).arrow().to_pylist()
    unknown = [row for row in shown.rows(held) if row["state"] in ("unknown", "stale")]
    return Reconciliation(at, len(held) - len(unknown), unknown, shown.rows(found))
