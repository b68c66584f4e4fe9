"""The systemd units of a recorder and of the page: what each needs to run for months, and nothing beyond it."""

import ipaddress
import re
from pathlib import Path
from typing import NamedTuple

STOP_S = 120  # a roller may take 60 s for what is left, an alerter 15 s
PAGE_STOP_S = 15
STATE_ROOT = Path("/var/lib")  # below it systemd makes a folder for a user that exists only while the service runs
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
_USER = re.compile("[a-z_][a-z0-9_-]{0,30}")
# By these the page confines questions in SQL; the group of calls for services has them from systemd 254 on.
_LANDLOCK = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Place(NamedTuple):
    """Where a recorder runs: its command, settings, data folder, gateway's host, and for whom.

    `for_user`: it is a service of a user's own, else of the system's, whose data folder belongs to `owner`. `tells`:
    alerts go out, to whomever. With `page` it is the page of that lake, not the recorder: these are the options of
    `ticktape serve`, and `host` is where it listens.
    """

    command: tuple[str, ...]
    config: Path | None
    data: Path
    recorder: str
    host: str
    for_user: bool
    owner: str = ""
    tells: bool = False
    page: tuple[str, ...] | None = None

    @property
    def unit(self) -> str:
        """The unit's name."""
        return f"ticktape-{self.recorder}{'' if self.page is None else '-page'}.service"

    @property
    def is_dynamic(self) -> bool:
        """Whether the service has a user of its own, whom systemd makes: where its data lies in systemd's place."""
        return not self.for_user and self.data.parent == STATE_ROOT


def unit_text(place: Place) -> str:
    """Return the unit of a recorder, or of the page."""
    what = f"recorder {place.recorder}" if place.page is None else f"page of {place.recorder}'s lake"
    parts = {
        "Unit": [f"Description=ticktape {what}", *_order(place), "StartLimitIntervalSec=0"],
        "Service": [*_running(place), *_owner(place), *_hardening(place)],
        "Install": [f"WantedBy={'default.target' if place.for_user else 'multi-user.target'}"],
    }
    return "\n".join(f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in parts.items())


def _order(place: Place) -> list[str]:
    return [] if place.for_user else ["Wants=network-online.target", "After=network-online.target time-sync.target"]


def _running(place: Place) -> list[str]:
    settings = ["--config", str(place.config)] if place.config else []
    if place.page is not None:
        return _serving([*place.command, "serve", *settings, "--data", str(place.data), *place.page])
    command = [*place.command, "record", *settings, "--data", str(place.data), "--recorder", place.recorder]
    return [
        "Type=notify", "NotifyAccess=main",
        f"ExecStart={' '.join(map(_quoted, command))}",
        "# A gateway that is not there yet, or waits for a login, is waited for.",
        "Environment=TICKTAPE_CONNECT_TIMEOUT_S=0",
        "# The watchdog is told only while bytes come, are on the tape, and the tape is on the disk.",
        "WatchdogSec=30",
        "# 3: stopped as asked, but the line had been lost meanwhile. 2: settings that a restart does not mend.",
        "SuccessExitStatus=3", "RestartPreventExitStatus=2", "Restart=on-failure", "RestartSec=10",
        "KillMode=mixed", f"TimeoutStopSec={STOP_S}",
        "# A roller that takes too much memory is started again by the recorder, which goes on.",
        "OOMPolicy=continue", "OOMScoreAdjust=-200", "LimitNOFILE=65536",
    ]  # fmt: skip


def _serving(command: list[str]) -> list[str]:
    """Return how the page runs: it waits for a lake that is not there yet, and gives way to recorders."""
    return [
        "Type=exec", f"ExecStart={' '.join(map(_quoted, command))}", "Restart=on-failure", "RestartSec=10",
        "KillMode=mixed", f"TimeoutStopSec={PAGE_STOP_S}",
        "# Whatever the page is asked, the recorder goes first.",
        "CPUWeight=20", "IOWeight=20", "OOMPolicy=continue", "OOMScoreAdjust=200",
    ]  # fmt: skip


def _owner(place: Place) -> list[str]:
    if place.for_user:
        return []
    if place.is_dynamic:
        # Named after the folder: all services of one lake are one user, or each would take it from the others.
        user = place.data.name if _USER.fullmatch(place.data.name) else "ticktape"
        return ["DynamicUser=yes", f"User={user}", f"StateDirectory={place.data.name}", "StateDirectoryMode=0750"]
    writes = [f"ReadWritePaths={_quoted(str(place.data))}"] if place.page is None else []
    return [f"User={place.owner}", *writes]


def _hardening(place: Place) -> list[str]:
    """Return what the service may not do. A user's manager cannot do all of it."""
    both = ["UMask=0027", "NoNewPrivileges=yes", "LockPersonality=yes", "RestrictRealtime=yes", "RestrictSUIDSGID=yes",
            "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "SystemCallArchitectures=native",
            f"SystemCallFilter=@system-service{'' if place.page is None else f' {_LANDLOCK}'}",
            "SystemCallErrorNumber=EPERM"]
    if place.for_user:
        return both
    homes = any(path.is_relative_to(home) for home in _HOMES for path in _paths(place))
    return [*both, "CapabilityBoundingSet=", "AmbientCapabilities=", "ProtectSystem=strict",
            f"ProtectHome={'read-only' if homes else 'yes'}", "PrivateTmp=yes", "PrivateDevices=yes",
            "ProtectKernelTunables=yes", "ProtectKernelModules=yes", "ProtectKernelLogs=yes",
            "ProtectControlGroups=yes", "ProtectClock=yes", "ProtectHostname=yes", "ProtectProc=invisible",
            "RestrictNamespaces=yes", "PrivateUsers=yes", "RemoveIPC=yes", "KeyringMode=private", *_addresses(place)]


def _paths(place: Place) -> list[Path]:
    return [place.data, Path(place.command[0]), *([place.config] if place.config else [])]


def _addresses(place: Place) -> list[str]:
    """Return with whom it may speak: its gateway or browsers alone, where that is an address and no alerts go out."""
    if place.tells:
        return []
    if place.host in _LOOPBACK:
        allowed = "localhost"
    else:
        try:
            allowed = str(ipaddress.ip_address(place.host))
        except ValueError:
            return []  # a name is looked up, and that needs others
    return ["IPAddressDeny=any", f"IPAddressAllow={allowed}"]


def _quoted(text: str) -> str:
    """Return a word as systemd reads it: its signs for variables and specifiers doubled, in quotes where it must be."""
    text = text.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$").replace('"', '\\"')
    return f'"{text}"' if any(sign in text for sign in " \t'\";\\") else text
