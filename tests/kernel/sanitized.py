"""The kernel under AddressSanitizer and UBSan: compiled with both, then given mutated frames, damaged tapes and more.

    python -m tests.kernel.sanitized FOLDER READS

FOLDER holds the library, made by `build`. Has to run with the sanitizer's own library loaded first, see `environment`.
"""

import ctypes
import subprocess
import sys
from itertools import islice
from pathlib import Path
from random import Random
from unittest.mock import patch

from capture.kernel import library
from capture.kernel.making import kernel_backend as backend
from tests.fuzz import frames, mutate, tape

from . import merges
from .floats import compare, texts

FLAGS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g"]


def build(folder: Path) -> None:
    """Compile the kernel with sanitizers. Raises CannotCompileError."""
    made = folder / library.LIBRARY
    backend.compile_kernel(library.FOLDER, made, backend.machine_compilers(), [*backend.FLAGS, *FLAGS])


def environment() -> dict[str, str]:
    """Return what a Python has to be started with; empty where the compiler has no sanitizer to be loaded."""
    command = next(backend.machine_compilers())
    found = subprocess.run([*command, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    runtime = found.stdout.strip()
    # Python's own memory must come from malloc for its edges to be watched; what it keeps to its end is no leak.
    memory = {"PYTHONMALLOC": "malloc", "ARROW_DEFAULT_MEMORY_POOL": "system", "ASAN_OPTIONS": "detect_leaks=0"}
    return {"LD_PRELOAD": runtime, **memory} if Path(runtime).is_absolute() else {}


def main() -> None:
    """Read as many mutated reads as asked for; a sanitizer that finds something ends the process."""
    loaded = ctypes.CDLL(str(Path(sys.argv[1]) / library.LIBRARY))
    with patch.object(library, "load", lambda folder: loaded):
        library.forget()
        compare(list(islice(texts(Random(5)), 20_000)))
        count = sum(frames.check(data) for data in islice(mutate.inputs(5, 300), int(sys.argv[2])))
        tapes = sum(tape.check(data) for data in islice(tape.inputs(5), 20 * int(sys.argv[2])))
        random = Random(5)
        rows = sum(merges.check(random) for _ in range(10 * int(sys.argv[2])))
    print(f"{count} frames, {tapes} tapes, {rows} merged rows")


if __name__ == "__main__":
    main()
