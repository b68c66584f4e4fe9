"""A lake is asked where nothing can be written: on a read-only disk at another path, as another user, on a full one."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from capture import open_lake
from capture.lake import views
from capture.lake.layout import Layout
from capture.schemas import EVERY_TABLE

READING = """
import json, sys
import capture
with capture.open_lake(sys.argv[1]) as lake:
    print(json.dumps({
        "trades": len(lake.trades("AAPL").pl()), "replayed": len(list(lake.replay(["AAPL"]))),
        "gaps": len(lake.gaps().rows()), "coverage": len(lake.coverage()), "tables": len(lake.tables()),
        "exported": lake.export("trades", sys.argv[2] + "/trades.parquet", force=True).rows}))
"""


def asked(data: Path, out: Path, *before: str) -> dict[str, int]:
    out.mkdir(exist_ok=True)
    done = subprocess.run([*before, sys.executable, "-c", READING, str(data), str(out)], capture_output=True,
                          text=True, check=False, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    return found


@pytest.fixture
def elsewhere(rolled: Layout) -> Iterator[Path]:
    """The folder of a lake that lies at another path now, and of which nothing can be written."""
    moved = rolled.root.rename(rolled.root.with_name("moved"))
    folders = [moved, *(path for path in moved.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    yield moved
    for folder in folders:
        folder.chmod(0o755)


def refusing(number: int) -> Any:
    def publish(path: Path, *_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number), str(path))

    return publish


@pytest.mark.slow
def test_a_lake_on_a_read_only_disk_at_another_path_is_asked_by_everything(rolled: Layout, tmp_path: Path) -> None:
    expected, mount = asked(rolled.root, tmp_path / "out"), tmp_path / "mount"
    mount.mkdir()
    script = 'mount --bind "$1" "$2" && mount -o remount,ro,bind "$2" && shift 2 && exec "$@"'
    inside = ["unshare", "-m", "sh", "-c", script, "sh", str(rolled.root), str(mount)]
    if shutil.which("unshare") is None or subprocess.run([*inside, "true"], capture_output=True).returncode:
        pytest.skip("only the superuser mounts")
    before = {path: path.stat().st_mtime_ns for path in rolled.root.rglob("*")}
    assert asked(mount, tmp_path / "out", *inside) == expected
    assert expected["trades"] == expected["exported"] == 22
    assert {path: path.stat().st_mtime_ns for path in rolled.root.rglob("*")} == before


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_lake_whose_folders_cannot_be_written_is_asked(elsewhere: Path) -> None:
    with open_lake(elsewhere) as lake:
        assert len(lake.trades().rows()) == 22


@pytest.mark.parametrize("number", sorted(views.UNWRITABLE))
def test_what_a_lake_lacks_and_cannot_be_written_there_is_had_from_elsewhere(
    rolled: Layout, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    with open_lake(rolled.root) as lake:
        expected = [lake.sql(f"select count(*) from {name}").rows() for name in EVERY_TABLE]
    for rowless in rolled.root.rglob("empty.parquet"):
        rowless.unlink()
    shutil.rmtree(rolled.root / "sealed")
    monkeypatch.setattr(views, "publish", refusing(number))
    with open_lake(rolled.root) as lake:
        assert [lake.sql(f"select count(*) from {name}").rows() for name in EVERY_TABLE] == expected
        assert len(list(lake.replay())) > 0
    assert not (rolled.root / "sealed").exists()


def test_another_failure_than_that_nothing_can_be_written_is_told(
    rolled: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(rolled.root / "sealed")
    monkeypatch.setattr(views, "publish", refusing(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        open_lake(rolled.root)
