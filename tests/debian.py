"""Programs of Debian that tests run: where each is; `python -m tests.debian [NAME…]` gets those that are not there.

Prometheus and Alertmanager are unpacked into .venv, as installing them would start services. What cannot be had is
said, and tests that need it are skipped for that reason.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

UNPACKED = Path(__file__).parents[1] / ".venv" / "debian"
TEMPLATES = Path("/usr/share/prometheus/alertmanager")  # Debian's Alertmanager looks for them there and nowhere else
# Program -> package, and whether that is installed rather than unpacked.
PROGRAMS = {
    "promtool": ("prometheus", False), "prometheus": ("prometheus", False),
    "amtool": ("prometheus-alertmanager", False), "prometheus-alertmanager": ("prometheus-alertmanager", False),
    "systemd-analyze": ("systemd", True), "chromium": ("chromium", True), "npm": ("npm", True),
    "buildah": ("buildah", True), "debootstrap": ("debootstrap", True),
    "rsync": ("rsync", True),
}  # fmt: skip
FOR_IMAGES = ("buildah", "debootstrap")  # for `make image-test` alone


def program(name: str) -> str:
    """Return the path of a program; the test is skipped where there is none."""
    found = _find(name)
    if found is None:
        pytest.skip(f"there is no {name}: `python -m tests.debian` as root gets Debian's {PROGRAMS[name][0]}")
    return found


def _find(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], str(UNPACKED / "usr" / "bin")]))


def get(names: Iterable[str]) -> None:
    """Get those of some programs that are missing; where that fails, say so."""
    missing = {PROGRAMS[name] for name in names if _find(name) is None}
    if not missing:
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        print(f"tests that need {_names(missing)} are skipped: only root on Debian gets them", file=sys.stderr)
        return
    print(f"getting {_names(missing)}", file=sys.stderr)
    try:
        _run("apt-get", "update", "-qq")
        if installed := [package for package, install in missing if install]:
            _run("apt-get", "install", "-qq", "-y", "--no-install-recommends", *installed)
        _unpack([package for package, install in missing if not install])
    except subprocess.CalledProcessError as error:
        print(f"tests that need {_names(missing)} are skipped: {error}: {error.stderr}", file=sys.stderr)


def _unpack(packages: list[str]) -> None:
    UNPACKED.mkdir(parents=True, exist_ok=True)
    if packages:
        _run("apt-get", "download", "-qq", *packages, folder=UNPACKED)
    for path in UNPACKED.glob("*.deb"):
        _run("dpkg", "-x", str(path), str(UNPACKED))
        path.unlink()
    if not TEMPLATES.exists() and (unpacked := UNPACKED / TEMPLATES.relative_to("/")).exists():
        shutil.copytree(unpacked, TEMPLATES)


def _run(*command: str, folder: Path | None = None) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)


def _names(packages: set[tuple[str, bool]]) -> str:
    return ", ".join(sorted(package for package, _ in packages))


if __name__ == "__main__":
    get(sys.argv[1:] or [name for name in PROGRAMS if name not in FOR_IMAGES])
