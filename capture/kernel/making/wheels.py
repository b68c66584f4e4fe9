"""Makes the source archive and a wheel for every kind of machine, cross-compiled by zig: `make wheels`."""

import subprocess
import sys
from pathlib import Path

from .kernel_backend import TARGETS, build_sdist


def main(folder: str) -> None:
    """Write all into a folder, from the checkout where it is run; wheels follow from the archive alone."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    archive = Path(folder) / build_sdist(folder)
    for target in TARGETS:
        subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps",
                        "--no-build-isolation", "--config-settings", f"target={target}", "--wheel-dir", folder,
                        str(archive)], check=True)  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
