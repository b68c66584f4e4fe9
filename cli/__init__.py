"""The command line: one short file per verb."""

import sys

import typer

from . import demo, gateway, init, record, snapshot, sql, status, tables, version
from .exits import explain
from .output import say

_VERBS = (init, gateway, record, snapshot, sql, tables, status, demo, version)

app = typer.Typer(
    name="ticktape",
    help="A flight recorder for Interactive Brokers market data: every byte kept, Parquet in seconds, SQL over all.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": 120, "help_option_names": ["--help", "-h"]},
)
for _verb in _VERBS:
    app.command(_verb.__name__.rpartition(".")[2], epilog=getattr(_verb, "EPILOG", None))(_verb.run)


def main() -> None:
    """Run the command line and end with its exit code; a user's mistake is a line on stderr, never a traceback."""
    try:
        app()
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        code, text = explained
        say(f"ticktape: {text}")
        sys.exit(code)


__all__ = ["app", "main"]
