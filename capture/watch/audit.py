"""The audit: compares once a day what IB says of accounts with what explains it, and writes down what differs.

    python -m capture.watch.audit DATA

A roller starts it. `ticktape check-positions` of all accounts as of now writes the same down.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from capture.child_process import begin, fail
from capture.lake.layout import Layout
from capture.lake.proof.audited import findings_of, read_audited, write_audited
from capture.query import LakeReader, QueryError, open_reader
from capture.query.account.reconciliation import Reconciliation, reconcile
from capture.query.account.shown_accounts import ShownAccounts
from capture.tape import TapeError

NICENESS = 19


def note_audit(layout: Layout, found: Reconciliation) -> None:
    """Write down what a reconciliation of all accounts as of now found; nothing where it compared nothing."""
    if not found.is_empty:
        write_audited(layout, findings_of(found.lasting, read_audited(layout), found.at), found.at)


def audit(layout: Layout) -> None:
    """Reconcile all accounts as of now, and write down what was found. Raises OSError and QueryError."""
    with open_reader(layout.root, LakeReader) as lake:
        note_audit(layout, reconcile(lake, ShownAccounts(lake.sql, None), datetime.now(UTC)))


def main() -> None:
    """Run as a process of its own."""
    begin("auditor", NICENESS)
    try:
        audit(Layout(Path(sys.argv[1])))
    except (OSError, QueryError, TapeError, duckdb.Error) as error:
        fail("auditor", f"{error}; accounts were not audited, and it is tried again")


if __name__ == "__main__":
    main()
