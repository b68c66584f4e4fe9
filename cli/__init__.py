"""The command line: one short file per verb."""

import logging
import sys
import warnings
from typing import Annotated

import typer

from capture.printable import one_line

from .shared.exits import Exit, explain
from .shared.late_verbs import verbs_of
from .shared.output import say, show
from .shared.surroundings import hold_streams, lacking, speak_utf8

_VERBS = (
    "recording.init", "recording.plan", "playing.gateway", "recording.record", "recording.backfill",
    "recording.snapshot", "asking.sql", "asking.tail", "playing.replay", "playing.export", "asking.tables",
    "recording.status", "asking.serve", "asking.metrics", "recording.alerts", "asking.gaps", "asking.coverage",
    "asking.plot", "asking.notebook", "asking.check_bars", "asking.account", "asking.orders", "asking.fills",
    "asking.check_positions", "risk.exposure", "risk.stress", "risk.margin", "keeping.statement",
    "asking.du", "keeping.verify", "keeping.recover", "keeping.rebuild", "keeping.seal", "keeping.compact",
    "keeping.prune", "keeping.service", "playing.demo", "version",
)  # fmt: skip

_LIGHT = frozenset({"init", "version"})  # which load neither DuckDB nor Arrow

_warned: set[str] = set()

app = typer.Typer(
    name="ticktape",
    cls=verbs_of("capture.cli", *_VERBS),
    help="A flight recorder for Interactive Brokers market data: every byte kept, Parquet in seconds, SQL over all.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": 120, "help_option_names": ["--help", "-h"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from capture.release import SOFTWARE

        show(SOFTWARE)
        raise typer.Exit


@app.callback()
def _all(
    context: typer.Context,
    version: Annotated[bool, typer.Option(
        "--version", is_eager=True, callback=_print_version, help="Print the version.")] = False,
) -> None:  # fmt: skip
    del version
    if context.invoked_subcommand not in _LIGHT and (lack := lacking()):
        say(f"ticktape: {lack}")
        raise typer.Exit(Exit.FAILED)


def main() -> None:
    """Run the command line and end with its exit code; a user's mistake is a line on stderr, never a traceback."""
    hold_streams()
    speak_utf8()
    _warned.clear()
    warnings.showwarning = _warn  # type: ignore[assignment]
    logging.basicConfig(level=logging.WARNING, handlers=[_Words()])
    try:
        app()
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        code, text = explained
        say(f"ticktape: {text}")
        sys.exit(code)


class _Words(logging.Handler):
    """Says what is logged as everything else is said."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say it on a line, and below it where an error that is a fault of ours came from."""
        text = one_line(f"ticktape: {record.levelname.lower()}: {record.getMessage()}")
        say(text + ("\n" + logging.Formatter().formatException(record.exc_info) if record.exc_info else ""))


def _warn(message: Warning | str, *_place: object) -> None:
    """Say a warning as everything else is said, once each."""
    if str(message) not in _warned:
        _warned.add(str(message))
        say(f"ticktape: warning: {message}")


__all__ = ["app", "main"]
