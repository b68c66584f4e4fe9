"""Who reads our results may have enough of them and leave, as `head` does: that ends a command, and is no failure."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import typer

from .exits import Exit


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Return a context that ends the command with 0 where nobody reads stdout any more. Raises typer.Exit."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_left():  # it was another pipe, or a socket
            raise
        raise typer.Exit(Exit.DONE) from None
    finally:
        _let_go()


def _let_go() -> None:
    """Let what is left in the buffer go nowhere, if its reader has left: it would be tried again at the very end."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _reader_left() -> bool:
    """Return whether stdout is a pipe or socket that nobody reads."""
    with suppress(OSError, ValueError, AttributeError):  # no file at all
        seen = select.poll()
        seen.register(sys.stdout.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in seen.poll(0))
    return False
