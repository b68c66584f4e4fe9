"""The units of recorders and of the page: systemd takes them, calls them safe, and they say what they need."""

import subprocess
import sys
from pathlib import Path

import pytest

from capture.recorder.service_unit import Place, unit_text
from tests.debian import program

PYTHON = (sys.executable, "-m", "capture.cli")
OF_SYSTEM = Place(PYTHON, Path("/etc/ticktape.toml"), Path("/var/lib/ticktape"), "main", "127.0.0.1", False, "root")
PLACES = {
    "a user of its own": OF_SYSTEM,
    "a folder's owner": OF_SYSTEM._replace(data=Path("/srv/ti ck%s"), config=None, owner="daemon"),
    "at home": OF_SYSTEM._replace(data=Path("/home/a/data"), owner="daemon"),
    "a gateway elsewhere": OF_SYSTEM._replace(host="192.0.2.7", recorder="far"),
    "a gateway with a name": OF_SYSTEM._replace(host="gateway"),
    "alerts": OF_SYSTEM._replace(tells=True),
    "the page": OF_SYSTEM._replace(page=("--accounts",), host="localhost"),
    "the page of a folder's owner": OF_SYSTEM._replace(data=Path("/srv/data"), owner="daemon", page=(), host=""),
}  # fmt: skip


def written(place: Place, folder: Path) -> str:
    path = folder / place.unit
    path.write_text(unit_text(place))
    return str(path)


def analyze(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(folder), "HOME": str(folder), "SYSTEMD_COLORS": "0"}
    return subprocess.run([program("systemd-analyze"), "--no-pager", *arguments], env=environment, capture_output=True,
                          text=True)  # fmt: skip


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_systemd_takes_it_and_calls_it_safe(place: Place, tmp_path: Path) -> None:
    path = written(place, tmp_path)
    taken = analyze("verify", "--man=no", path, folder=tmp_path)
    assert (taken.returncode, taken.stderr) == (0, "")
    safe = analyze("security", "--offline=true", "--threshold=20", path, folder=tmp_path)
    assert safe.returncode == 0, safe.stdout


def test_systemd_of_a_user_takes_it(tmp_path: Path) -> None:
    path = written(OF_SYSTEM._replace(for_user=True), tmp_path)
    taken = analyze("--user", "verify", "--man=no", path, folder=tmp_path)
    assert (taken.returncode, taken.stderr) == (0, "")


@pytest.mark.parametrize(("name", "lines", "lacks"), [
    ("a user of its own", ["DynamicUser=yes", "StateDirectory=ticktape", "IPAddressAllow=localhost", "ProtectHome=yes"],
     ["ReadWritePaths="]),
    ("a folder's owner", ["User=daemon", 'ReadWritePaths="/srv/ti ck%%s"'], ["DynamicUser", "--config"]),
    ("at home", ["ProtectHome=read-only", "ReadWritePaths=/home/a/data"], []),
    ("a gateway elsewhere", ["IPAddressAllow=192.0.2.7", "Description=ticktape recorder far"], ["localhost"]),
    ("a gateway with a name", [], ["IPAddress"]),
    ("alerts", [], ["IPAddress"]),
])
def test_it_says_what_its_place_needs(name: str, lines: list[str], lacks: list[str]) -> None:
    text = unit_text(PLACES[name])
    python_at_home = sys.executable.startswith(("/home", "/root")) and name == "a user of its own"
    assert set(lines) - ({"ProtectHome=yes"} if python_at_home else set()) <= set(text.splitlines())
    assert [lack for lack in lacks if f"\n{lack}" in text] == []
    assert {"Type=notify", "WatchdogSec=30", "Environment=TICKTAPE_CONNECT_TIMEOUT_S=0"} <= set(text.splitlines())


def test_the_page_writes_nowhere_gives_way_and_can_confine_questions() -> None:
    own, owners = (unit_text(PLACES[name]).splitlines() for name in ("the page", "the page of a folder's owner"))
    assert PLACES["the page"].unit == "ticktape-main-page.service"
    [start] = [line for line in own if line.startswith("ExecStart=")]
    assert start.endswith("serve --config /etc/ticktape.toml --data /var/lib/ticktape --accounts")
    assert {"IPAddressAllow=localhost", "CPUWeight=20", "ProtectSystem=strict"} <= set(own)
    assert not [line for line in owners if line.startswith(("ReadWritePaths", "IPAddress", "WatchdogSec"))]
    [calls] = [line for line in own if line.startswith("SystemCallFilter=")]
    assert "landlock_restrict_self" in calls


def test_services_of_one_lake_are_one_user() -> None:
    """With users of their own each would be given the folder, and take it from the others."""
    users = {line for place in (OF_SYSTEM, OF_SYSTEM._replace(recorder="second"), PLACES["the page"])
             for line in unit_text(place).splitlines() if line.startswith("User=")}  # fmt: skip
    assert users == {"User=ticktape"}
