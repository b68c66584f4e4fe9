"""The systemd unit of a recorder: what it needs to run for months, and nothing beyond it."""

import ipaddress
from pathlib import Path
from typing import NamedTuple

STOP_S = 120  # a roller may take 60 s for what is left, an alerter 15 s
STATE_ROOT = Path("/var/lib")  # below it systemd makes a folder for a user that exists only while the service runs
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Place(NamedTuple):
    """Where a recorder runs: its command, settings, data folder, gateway's host, and for whom.

    `for_user`: it is a service of a user's own, else of the system's, whose data folder belongs to `owner`. `tells`:
    alerts go out, to whomever.
    """

    command: tuple[str, ...]
    config: Path | None
    data: Path
    recorder: str
    host: str
    for_user: bool
    owner: str = ""
    tells: bool = False

    @property
    def unit(self) -> str:
        """The unit's name."""
        return f"ticktape-{self.recorder}.service"

    @property
    def is_dynamic(self) -> bool:
        """Whether the service has a user of its own, whom systemd makes: where its data lies in systemd's place."""
        return not self.for_user and self.data.parent == STATE_ROOT


def unit_text(place: Place) -> str:
    """Return the unit of a recorder."""
    parts = {
        "Unit": [f"Description=ticktape recorder {place.recorder}", *_order(place), "StartLimitIntervalSec=0"],
        "Service": [*_running(place), *_owner(place), *_hardening(place)],
        "Install": [f"WantedBy={'default.target' if place.for_user else 'multi-user.target'}"],
    }
    return "\n".join(f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in parts.items())


def _order(place: Place) -> list[str]:
    return [] if place.for_user else ["Wants=network-online.target", "After=network-online.target time-sync.target"]


def _running(place: Place) -> list[str]:
    settings = ["--config", str(place.config)] if place.config else []
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


def _owner(place: Place) -> list[str]:
    if place.for_user:
        return []
    if place.is_dynamic:
        return ["DynamicUser=yes", f"StateDirectory={place.data.name}", "StateDirectoryMode=0750"]
    return [f"User={place.owner}", f"ReadWritePaths={_quoted(str(place.data))}"]


def _hardening(place: Place) -> list[str]:
    """Return what the service may not do. A user's manager cannot do all of it."""
    both = ["UMask=0027", "NoNewPrivileges=yes", "LockPersonality=yes", "RestrictRealtime=yes", "RestrictSUIDSGID=yes",
            "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "SystemCallArchitectures=native",
            "SystemCallFilter=@system-service", "SystemCallErrorNumber=EPERM"]
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
    """Return with whom it may speak: its gateway alone, where its settings name an address and no alerts go out."""
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
