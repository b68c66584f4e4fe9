"""The container image is built without any base image at hand, and records; its health check says so.

`make image-test` runs it: it makes a Debian of its own, which takes minutes and a mirror.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from capture.gateway import Gateway, running
from capture.gateway.market import Market
from capture.kernel.making.kernel_backend import ZIG
from tests.debian import program

ROOT = Path(__file__).parents[1]
LONGEST_S = 1_500
DEBIAN = "python3,python3-venv,ca-certificates"
MIRROR = "http://deb.debian.org/debian"

pytestmark = [
    pytest.mark.slow, pytest.mark.timeout(2 * LONGEST_S),
    pytest.mark.skipif(not os.environ.get("IMAGE"), reason="`make image-test` builds the image, in minutes"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can build an image without namespaces"),
]  # fmt: skip


def ran(*command: str | Path) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=LONGEST_S, cwd=ROOT)
    if done.returncode:
        pytest.fail(f"{command}: {done.stdout[-2_000:]} {done.stderr[-2_000:]}")
    return done.stdout.strip()


class Builder:
    """buildah, which keeps all that it makes in a folder."""

    def __init__(self, folder: Path) -> None:
        self.base = [program("buildah"), "--root", str(folder / "root"), "--runroot", str(folder / "run"),
                     "--storage-driver", "vfs"]  # fmt: skip

    def __call__(self, *command: str | Path) -> str:
        return ran(*self.base, *command)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ticktape-image-", ignore_cleanup_errors=True) as made:
        yield Path(made)


@pytest.fixture(scope="module")
def image(folder: Path) -> Builder:
    """A builder that has the image as `ticktape`. IMAGE_DEBIAN may name a Debian that debootstrap made before."""
    builder, wheels = Builder(folder), folder / "wheels"
    debian = Path(os.environ.get("IMAGE_DEBIAN") or folder / "debian")
    if not debian.exists():
        made = subprocess.run([program("debootstrap"), "--variant=minbase", f"--include={DEBIAN}", "bookworm",
                               str(debian), MIRROR], capture_output=True, text=True)  # fmt: skip
        if made.returncode:
            pytest.skip(f"no Debian can be had from {MIRROR}: {made.stdout[-300:]}")
    ran(sys.executable, "-m", "pip", "wheel", "-q", "--wheel-dir", wheels, "setuptools>=77", ZIG, ".")
    base = builder("from", "scratch")
    builder("add", base, debian, "/")
    builder("commit", "--rm", base, "localhost/base")
    builder("bud", "--isolation", "chroot", "--format", "docker", "--build-arg", "BASE=localhost/base",
            "--volume", f"{wheels}:/wheels:ro", "--build-arg", "PIP_NO_INDEX=1",
            "--build-arg", "PIP_FIND_LINKS=/wheels",
            "--file", "packaging/Containerfile", "--tag", "ticktape", ".")
    return builder


def test_it_knows_its_health_check_its_user_and_how_it_stops(image: Builder) -> None:
    docker = json.loads(image("inspect", "--type", "image", "ticktape"))["Docker"]["config"]
    assert docker["Healthcheck"]["Test"] == ["CMD", "ticktape", "status", "--check", "--least", "alarm"]
    assert (docker["User"], docker["StopSignal"], list(docker["Volumes"])) == ("10017:10017", "SIGTERM", ["/data"])
    assert (docker["Entrypoint"], docker["Cmd"]) == (["ticktape"], ["record"])


def test_it_records_as_its_own_user_and_is_well(image: Builder, folder: Path) -> None:
    container = image("from", "ticktape")
    said = image("run", "--isolation", "chroot", container, "--", "ticktape", "version")
    assert said.startswith("ticktape ") and said.endswith("\nkernel there")  # compiled by zig: it has no compiler
    with running(Gateway(Market(rate=5), limits=None)) as gateway:
        command = [*image.base, "run", "--isolation", "chroot", "--env", f"TICKTAPE_PORT={gateway.port}", container,
                   "--", "ticktape", "record", "AAPL", "--streams", "trades", "--for", "30s"]  # fmt: skip
        with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as recording:
            check = [*image.base, "run", "--isolation", "chroot", container, "--", "ticktape", "status", "--check",
                     "--least", "alarm"]  # fmt: skip
            said = ""
            while recording.poll() is None and not said.startswith("well: main: recording"):
                time.sleep(1)
                said = subprocess.run(check, capture_output=True, text=True).stdout
            assert said.startswith("well: main: recording"), (folder / "log").read_text()
            assert recording.wait(LONGEST_S) == 0, (folder / "log").read_text()
    inside = ("run", "--isolation", "chroot", container, "--")
    assert "/data/live/trades/date=" in image(*inside, "find", "/data", "-name", "main.*.parquet")
    assert image(*inside, "find", "/data", "!", "-user", "10017") == ""
    lines = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    assert lines[-1]["message"].startswith("stopped: asked to stop after 30 s")
