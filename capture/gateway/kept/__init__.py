"""What of the paper account outlives its gateway: a journal, and how orders and the account are told to it.

`account_journal` is the file: lines that are there before anybody is answered. `account_records` are orders, fills and
operations of the ledger as JSON; `keeper` writes what changed, and lets a broker go on from it.
"""

from .account_journal import JournalError

__all__ = ["JournalError"]
