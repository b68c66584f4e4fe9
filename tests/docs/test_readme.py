"""The README's commands and code, run as they stand, against a gateway."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from capture.gateway import Gateway, running
from capture.gateway.market import Market

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"^```(bash test|python)\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.M | re.S)


@pytest.mark.slow
def test_what_it_says_works(tmp_path: Path) -> None:
    assert [kind for kind, _ in BLOCKS] == ["bash test", "bash test", "python", "bash test", "bash test", "bash test"]
    commands = {"bash test": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with running(Gateway(Market(rate=5))) as gateway:
        environment = {**os.environ, "PATH": path, "TICKTAPE_PORT": str(gateway.port)}
        for kind, text in BLOCKS:
            ran = subprocess.run([*commands[kind], text], cwd=tmp_path, env=environment, capture_output=True, text=True,
                                 timeout=600)  # fmt: skip
            assert ran.returncode == 0, f"{text}\n{ran.stdout}\n{ran.stderr}"


def test_links_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
