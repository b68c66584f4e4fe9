"""`ticktape service`: a recorder that starts with the machine."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..shared.exits import Exit, UsageError
from ..shared.options import Config, DataToWrite
from ..shared.output import say, show

if TYPE_CHECKING:
    from capture.recorder.service_unit import Place

GROUP = typer.Typer(rich_markup_mode=None, help="Run a recorder as a service of systemd.")

SYSTEM_UNITS = Path("/etc/systemd/system")
RUNS = Path("/run/systemd/system")  # is there where systemd is what runs the machine

System = Annotated[bool | None, typer.Option(
    "--system/--user", help="A service of the machine, or of yours. Default: --system for root, else --user.")]


@GROUP.command("print")
def print_(config: Config = None, data: DataToWrite = None, system: System = None) -> None:
    """Print a systemd unit for this configuration.

    It starts `ticktape record` with these settings; what is to be recorded has to be in them. A service of the machine
    whose data folder lies directly in /var/lib, such as /var/lib/ticktape, has a user of its own; any other runs as
    the folder's owner.
    """
    from capture.recorder.service_unit import unit_text

    show(unit_text(_place(config, data, system)), end="")


@GROUP.command()
def install(
    config: Config = None,
    data: DataToWrite = None,
    system: System = None,
    start: Annotated[bool, typer.Option("--start/--no-start", help="Enable and start it at once.")] = True,
) -> None:
    """Install that unit, replacing one of its name, and start it.

    A service of the machine is started with it; one of yours when you log in, and with the machine after
    `loginctl enable-linger`.
    """
    from capture.publish import make_folder, publish
    from capture.recorder.service_unit import unit_text

    place = _place(config, data, system)
    path = _units(place.for_user) / place.unit
    text = unit_text(place)
    make_folder(path.parent)
    publish(path, lambda temporary: temporary.write_text(text), mode=0o644)
    say(f"ticktape: wrote {path}")
    commands = _commands(place)
    if start and RUNS.is_dir():
        _run(commands)
    else:
        say("ticktape: start it with: " + " && ".join(" ".join(command) for command in commands))


def _place(config: Path | None, data: Path | None, system: bool | None) -> "Place":
    from capture.recorder.service_unit import Place
    from capture.wanted.settings import FILE_NAME, PREFIX, load_settings

    settings = load_settings(config, data=data)
    settings.wanted()  # a service that has nothing to record would start again for ever
    if here := sorted(name for name in os.environ if name.startswith(PREFIX)):
        say(f"ticktape: warning: {', '.join(here)} of this shell are not in the service: write them into {FILE_NAME}")
    named = config or (Path(FILE_NAME) if Path(FILE_NAME).exists() else None)
    for_user = os.geteuid() != 0 if system is None else not system
    folder = settings.data.absolute()
    return Place((sys.executable, "-m", "capture.cli"), named and named.absolute(), folder, settings.recorder,
                 settings.host, for_user, "" if for_user else _owner(folder),
                 bool(settings.alert or settings.alive_ping))


def _owner(folder: Path) -> str:
    """Return who owns a data folder, or the nearest folder above it that is there."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return there.owner()


def _units(for_user: bool) -> Path:
    if for_user:
        return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"
    if os.geteuid() != 0:
        raise UsageError("a service of the machine is root's to install: run this with sudo, or give --user")
    return SYSTEM_UNITS


def _commands(place: "Place") -> list[list[str]]:
    systemctl = ["systemctl", *(["--user"] if place.for_user else [])]
    return [[*systemctl, "daemon-reload"], [*systemctl, "enable", place.unit], [*systemctl, "restart", place.unit]]


def _run(commands: list[list[str]]) -> None:
    import subprocess

    for command in commands:
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode:
            say(f"ticktape: {' '.join(command)} failed: {ran.stderr.strip()}; `journalctl -e` tells more")
            raise typer.Exit(Exit.FAILED)
    say(f"ticktape: it runs; `systemctl status {commands[-1][-1]}` shows how, `journalctl -u` what it says")
