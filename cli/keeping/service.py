"""`ticktape service`: a recorder, or the page, that starts with the machine."""

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

GROUP = typer.Typer(rich_markup_mode=None, help="Run a recorder, or the page, as a service of systemd.")

SYSTEM_UNITS = Path("/etc/systemd/system")
RUNS = Path("/run/systemd/system")  # is there where systemd is what runs the machine

System = Annotated[bool | None, typer.Option(
    "--system/--user", help="A service of the machine, or of yours. Default: --system for root, else --user.")]
Serve = Annotated[bool, typer.Option("--serve", help="The page in the browser, `ticktape serve`, not a recorder.")]
ServeOptions = Annotated[list[str] | None, typer.Argument(
    metavar="[-- OPTIONS]", help="With --serve, the options of `ticktape serve`, such as --accounts.")]


@GROUP.command("print")
def print_(options: ServeOptions = None, config: Config = None, data: DataToWrite = None, system: System = None,
           serve: Serve = False) -> None:
    """Print a systemd unit for this configuration.

    It starts `ticktape record` with these settings; what is to be recorded has to be in them. With --serve it starts
    the page of their data folder. A service of the machine whose data folder lies directly in /var/lib, such as
    /var/lib/ticktape, has a user of its own; any other runs as the folder's owner.
    """
    from capture.recorder.service_unit import unit_text

    show(unit_text(_place(config, data, system, serve, options)), end="")


@GROUP.command()
def install(
    options: ServeOptions = None,
    config: Config = None,
    data: DataToWrite = None,
    system: System = None,
    serve: Serve = False,
    start: Annotated[bool, typer.Option("--start/--no-start", help="Enable and start it at once.")] = True,
) -> None:
    """Install that unit, replacing one of its name, and start it.

    A service of the machine is started with it; one of yours when you log in, and with the machine after
    `loginctl enable-linger`.
    """
    from capture.publish import make_folder, publish
    from capture.recorder.service_unit import unit_text

    place = _place(config, data, system, serve, options)
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


def _place(
    config: Path | None, data: Path | None, system: bool | None, serve: bool, options: list[str] | None
) -> "Place":
    from capture.recorder.service_unit import Place
    from capture.wanted.settings import FILE_NAME, PREFIX, load_settings

    if options and not serve:
        raise UsageError(f"{options[0]} is for the page: give --serve, too")
    settings = load_settings(config, data=data)
    host = _page_host(settings.data, options or []) if serve else settings.host
    if not serve:
        settings.wanted()  # a service that has nothing to record would start again for ever
    if here := sorted(name for name in os.environ if name.startswith(PREFIX)):
        say(f"ticktape: warning: {', '.join(here)} of this shell are not in the service: write them into {FILE_NAME}")
    named = config or (Path(FILE_NAME) if Path(FILE_NAME).exists() else None)
    for_user = os.geteuid() != 0 if system is None else not system
    folder = settings.data.absolute()
    return Place((sys.executable, "-m", "capture.cli"), named and named.absolute(), folder, settings.recorder,
                 host, for_user, "" if for_user else _owner(folder),
                 not serve and bool(settings.alert or settings.alive_ping), tuple(options or ()) if serve else None)


def _page_host(data: Path, options: list[str]) -> str:
    """Return where the page listens with these options, "" where others get in.

    Raises UsageError, or click's own, for those that it would not start with.
    """
    from capture.serve.serving import ServeError, Wanted

    from ..asking import serve

    page = typer.Typer()
    page.command("serve")(serve.run)
    given = typer.main.get_command(page).make_context("ticktape serve", [*options]).params
    wanted = Wanted(data, *(given[name] for name in ("host", "port", "origin", "tls_certificate", "tls_key",
                                                     "behind_proxy")))  # fmt: skip
    try:
        wanted.names(wanted.port)
    except ServeError as error:
        raise UsageError(str(error)) from error
    return "localhost" if wanted.loopback else ""


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
