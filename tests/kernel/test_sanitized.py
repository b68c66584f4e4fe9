"""Nothing is read or written beside a buffer, and nothing done that C does not define."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from capture.kernel.making import kernel_backend as backend

from . import sanitized

ROOT = Path(__file__).parents[2]
READS = os.environ.get("SANITIZED_READS", "12")  # `make sanitized` asks for more


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_mutated_frames_damaged_tapes_and_merged_rows_under_sanitizers(tmp_path: Path) -> None:
    try:
        sanitized.build(tmp_path)
        environment = sanitized.environment()
    except (backend.CannotCompileError, StopIteration) as error:
        pytest.skip(f"no compiler here has sanitizers: {error}")
    if not environment:
        pytest.skip("the compiler's sanitizer cannot be loaded into Python")
    command = [sys.executable, "-m", "tests.kernel.sanitized", str(tmp_path), READS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **environment})
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[-3000:]
    assert int(done.stdout.split()[0]) > 500
