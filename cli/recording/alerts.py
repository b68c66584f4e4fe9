"""`ticktape alerts`: what is told of troubles and fills, and what is not for a while."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from capture.suggestion import unknown

from ..shared.exits import Exit, UsageError
from ..shared.options import Config, Data, DataToWrite, Json, lake_folder, span_s
from ..shared.output import say, show, show_json, show_table

GROUP = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=(
    "Tell troubles and fills: see the [[alert]] blocks of ticktape.toml, and docs/operations.md."))
MOST_SHOWN = 50


@GROUP.command("list")
def list_(
    data: Data = None, config: Config = None,
    every: Annotated[bool, typer.Option("--all", help=f"Show all that is kept, not the last {MOST_SHOWN}.")] = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Show what was told, oldest first, and which actions took it.

    A trouble that begins is firing, one that is over resolved; what happens once, such as a fill, happened, or is muted
    where nobody was told. Then come the mutes that hold.
    """
    from capture.alerts.alert_log import read_log
    from capture.alerts.mutes import read_mutes

    folder = lake_folder(data, config)
    rows = read_log(folder)
    mutes = [one for one in read_mutes(folder) if one.until_s > time.time()]
    if json:
        show_json({"told": rows, "mutes": [{"what": one.what, "until": _utc(one.until_s)} for one in mutes]})
        return
    shown = rows if every else rows[-MOST_SHOWN:]
    if len(shown) < len(rows):
        show(f"the last {len(shown)} of {len(rows):,}; --all shows all")
    if shown:
        show_table(("at", "alert", "status", "kind", "what", "told by"), map(_line, shown), last_below=True)
    else:
        show("nothing was told")
    for one in mutes:
        show(f"muted until {_utc(one.until_s):%Y-%m-%d %H:%M:%S} UTC: {one.what}")


@GROUP.command()
def mute(
    what: Annotated[str, typer.Argument(metavar="WHAT", help=(
        "A stream such as 'AAPL trades', an instrument, a recorder, a kind of trouble, or all."))],
    length: Annotated[str, typer.Argument(metavar="LENGTH", help="For how long: 14s, 90min, 2h, 1d; off ends it.")],
    data: DataToWrite = None,
    config: Config = None,
) -> None:
    """Tell nothing of something for a while.

    When it is over, troubles that began meanwhile and last are told; those that had been told before, and are over, are
    told to be. Of what happened once, such as a fill, the list says that it was not told.
    """
    from capture.alerts.mutes import changed, read_mutes, write_mutes
    from capture.lake.layout import Layout

    folder = lake_folder(data, config)
    Layout(folder).require()
    now_s = time.time()
    until_s = None if length == "off" else now_s + span_s(length)
    mutes = read_mutes(folder)
    _check_known(what, folder, [one.what for one in mutes])
    write_mutes(folder, changed(mutes, what, until_s, now_s))
    if until_s is None:
        say(f"ticktape: {what} is told again")
    else:
        say(f"ticktape: nothing is told of {what} until {_utc(until_s):%Y-%m-%d %H:%M:%S} UTC; "
            f"`ticktape alerts mute '{what}' off` ends that")


@GROUP.command()
def test(config: Config = None, json: Json = False) -> None:
    """Send a test message by each action of each [[alert]], and say what came back.

    The exit code is 1 when one was not taken. The address that gets the sign of life is asked, too.
    """
    from capture.alerts.actions import actions_of
    from capture.alerts.alert_message import trial
    from capture.wanted.settings import load_settings

    settings = load_settings(config)
    if not settings.alert and not settings.alive_ping:
        raise UsageError("there is no [[alert]] in ticktape.toml, nor alive_ping: `ticktape init FILE` shows how to "
                         "write them")
    found = [{"alert": block.name, "action": action.name, **_tried(partial(action.send, trial(block.name)))}
             for block in settings.alert for action in actions_of(block)]  # fmt: skip
    if settings.alive_ping:
        from capture.alerts.actions import ask
        from capture.alerts.addresses import shown

        ping = settings.alive_ping.get_secret_value()
        found.append({"alert": None, "action": f"alive_ping {shown(ping)}", **_tried(partial(ask, ping))})
    if json:
        show_json(found)
    else:
        show_table(("alert", "action", "", "answer"), [
            (one["alert"], one["action"], "taken" if one["taken"] else "failed", one["answer"]) for one in found])
    if not all(one["taken"] for one in found):
        raise typer.Exit(Exit.FAILED)


@GROUP.command()
def run(data: DataToWrite = None, config: Config = None) -> None:
    """Tell troubles until Ctrl-C, apart from recorders: also that none runs.

    Beside each recorder whose settings have an [[alert]] runs a process that does the same and ends with it. Of several
    for one data folder one works, and the others wait for their turn.
    """
    import signal

    from capture.alerts.alerter import End
    from capture.alerts.alerter import run as run_alerter
    from capture.wanted.alert_block import Telling
    from capture.wanted.settings import load_settings

    settings = load_settings(config, data=data)
    if not settings.alert and not settings.alive_ping:
        raise UsageError("there is nothing to tell: write an [[alert]] in ticktape.toml, or alive_ping")
    end = End(None, 0.0)
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(one, end.tell)
    say(f"ticktape: telling troubles of {settings.data}")
    run_alerter(settings.data, Telling(settings.alert, settings.alive_ping, time.time()), end)


def _tried(send: Callable[[], str]) -> dict[str, Any]:
    from capture.alerts.actions import ActionError

    try:
        return {"taken": True, "answer": send()}
    except ActionError as error:
        return {"taken": False, "answer": str(error)}


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    told = [*(f"{name}: {words}" for name, words in row["sent"].items()),
            *(f"FAILED {name}: {words}" for name, words in row["failed"].items())]  # fmt: skip
    return (row["at"][:19], row["alert"], row["status"], row["kind"], row["name"],
            f"{row['text']}" + (f" ({'; '.join(told)})" if told else ""))  # fmt: skip


def _utc(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)


def _check_known(what: str, folder: Path, muted: list[str]) -> None:
    """Raise UsageError for what names nothing that is told of."""
    from capture.alerts.mutes import EVERYTHING, names
    from capture.lake.layout import Layout
    from capture.trouble_kinds import KINDS
    from capture.watch.recorder_state import said_alone

    layout = Layout(folder)
    known = [EVERYTHING, *KINDS, *muted]
    for recorder in layout.recorders():
        known.append(recorder)
        for stream in said_alone(layout, recorder, datetime.now(UTC)).get("streams", []):
            known += [stream["instrument"], stream["symbol"] or "", f"{stream['instrument']} {stream['word']}",
                      f"{stream['symbol']} {stream['word']}"]  # fmt: skip
            known += names({"kind": "", "name": "", "key": "", "facts": stream})
    if what.casefold() not in {one.casefold() for one in known}:
        raise UsageError(unknown("stream, instrument, recorder or kind of trouble", what, dict.fromkeys(known)))
