import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_make_alone_says_what_there_is() -> None:
    command = ["make", "-C", str(ROOT), "--no-print-directory"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    explained = re.findall(r"^  make (\w+) +\S", said, re.M)
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M)
    assert explained == targets
    assert {"demo", "test", "quick", "docs", "bench", "clean"} <= set(targets)


def test_a_python_that_is_too_old_is_told(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    command = ["make", "-f", str(ROOT / "Makefile"), "demo", f"PYTHON={old}"]
    (tmp_path / "pyproject.toml").touch()
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode != 0
    assert "needs Python 3.11 or newer" in ran.stderr


@pytest.mark.parametrize("code", [0, 1])
def test_what_pip_says_is_shown_only_when_it_fails(tmp_path: Path, code: int) -> None:
    pip = tmp_path / ".venv" / "bin" / "python"
    pip.parent.mkdir(parents=True)
    pip.write_text(f"#!/bin/sh\necho noise\ncase $* in *--version) ;; *) exit {code};; esac\n")
    pip.chmod(0o755)
    (tmp_path / "pyproject.toml").touch()
    command = ["make", "-f", str(ROOT / "Makefile"), "install", f"PYTHON={sys.executable}"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (ran.returncode != 0) == bool(code)
    assert ("noise" in ran.stdout + ran.stderr) == bool(code)
    assert ("installation failed" in ran.stderr) == bool(code)
