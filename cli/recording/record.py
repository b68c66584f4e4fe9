"""`ticktape record`: the recorder."""

import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from capture.wanted.instrument import grammar, parse_instrument
from capture.wanted.streams import DEFAULT, KINDS, allowed_streams, default_streams

from ..shared.exits import UsageError
from ..shared.options import ClientId, Config, DataToWrite, ForSeconds, Host, Port

if TYPE_CHECKING:
    from capture.wanted.settings import Settings

STREAMS = f"{','.join(DEFAULT)}, as far as IB has them"
# \b keeps the line breaks of a paragraph.
EPILOG = "\n\n".join(["\b\nInstruments:\n" + grammar(), "\b\nStreams:\n" + allowed_streams()])


def run(
    instruments: Annotated[list[str] | None, typer.Argument(
        metavar="INSTRUMENT", help="What to record; without any, the [[record]] blocks of ticktape.toml.")] = None,
    streams: Annotated[str | None, typer.Option(
        metavar="WORD,…", help=f"Streams of these instruments. Default: {STREAMS}.")] = None,
    host: Host = None,
    port: Port = None,
    client_id: ClientId = None,
    data: DataToWrite = None,
    recorder: Annotated[str | None, typer.Option(metavar="NAME", help="Name of this recorder.")] = None,
    for_s: ForSeconds = None,
    config: Config = None,
) -> None:
    """Record market data until Ctrl-C.

    Every byte goes to the tape, and from there rows go to Parquet. Options win over TICKTAPE_<NAME> variables, and
    those over ticktape.toml, which also has the settings without an option here. The exit code is 3 when a wanted
    stream was refused or the line was lost meanwhile.
    """
    from capture.wanted.settings import load_settings

    if for_s == 0:
        raise UsageError("--for 0: nothing is recorded in no time; give a length, such as 14s, 90min or 2h, or leave "
                         "it out to record until Ctrl-C")
    settings = load_settings(
        config, host=host, port=port, client_id=client_id, data=data, recorder=recorder,
        record=blocks(instruments or [], streams))
    raise typer.Exit(record(settings, for_s))


def record(settings: "Settings", for_s: float | None = None) -> int:
    """Record with progress on stderr, for some seconds or until Ctrl-C, and return the exit code."""
    import asyncio

    from capture.log_lines import JSON
    from capture.recorder.recorder import Recorder

    if sys.stderr.isatty() and settings.log_format != JSON:
        from ..shared.live_progress import Live as Progress
    else:
        from ..shared.progress import Lines as Progress  # type: ignore[assignment]  # which it is, and more

    progress = Progress(settings)
    recorder = Recorder(settings, say=progress.say)

    async def with_progress() -> int:
        watching = asyncio.ensure_future(progress.watch(recorder.machine))
        try:
            return await recorder.run(for_s)
        finally:
            watching.cancel()
            await asyncio.wait([watching])

    return asyncio.run(with_progress())


def blocks(instruments: list[str], streams: str | None) -> list[dict[str, Any]] | None:
    """Return what the command line names as a [[record]] block; None where it names nothing."""
    if streams is not None and not streams.strip(" ,"):
        raise UsageError(f"--streams names no stream\nallowed are:\n{allowed_streams()}")
    if not instruments:
        if streams:
            raise UsageError("--streams is for instruments named with it; those of ticktape.toml have theirs there")
        return None
    contracts = {word: parse_instrument(word).contract for word in instruments}
    if streams:
        return [{"instruments": instruments, "streams": split_words(streams)}]
    return [{"instruments": [word], "streams": default_streams(contract)} for word, contract in contracts.items()]


def split_words(streams: str) -> list[str]:
    """Split stream words at commas, but not within one: `trades,ticks:233,236` is two."""
    words = "|".join(kind.word for kind in KINDS)
    return [word.strip() for word in re.split(rf",(?=\s*(?:{words})\b)", streams)]
