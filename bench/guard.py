"""Whether a commit is slower than another: short rows, measured in pairs; ends with 1 and names the row where it is.

    python -m bench.guard A B [--rounds N] [--only ROW]

Both commits are checked out into a temporary folder and installed there, kernel included, beside what this environment
has; each round runs a row at one and then at the other, in turn first. A row is slower where three quarters of its
rounds say so by more than noise. What a row of B cannot run any more is an error, what A could not run yet is left out.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .rounds import spread
from .short_rows import ROWS

ROOT = Path(__file__).parents[1]
LEAST = 1.05  # less than this between two commits is noise, whatever the rounds say
SURE = 0.75  # of the rounds have to agree


def verdict(before: Sequence[float], after: Sequence[float]) -> str:
    """Return "slower", "faster" or "same" for the seconds that a row took in rounds at two commits."""
    assert before and len(before) == len(after), "both take part in each round"
    ratios = [b / a for a, b in zip(before, after, strict=True)]
    needed = SURE * len(ratios)
    if sum(ratio > LEAST for ratio in ratios) >= needed:
        return "slower"
    return "faster" if sum(ratio < 1 / LEAST for ratio in ratios) >= needed else "same"


def checked_out(commit: str, folder: Path) -> Path:
    """Return where a commit is installed: below `folder`, apart from this environment's own ticktape."""
    tree, target = folder / "tree", folder / "installed"
    subprocess.run(["git", "-C", ROOT, "worktree", "add", "--quiet", "--detach", tree, commit], check=True)
    try:
        command = [*_installer(), "--quiet", "--no-deps", "--target", str(target), str(tree)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    finally:
        subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", tree], check=True)
    if done.returncode:
        raise SystemExit(f"{commit} cannot be installed:\n{done.stderr}")
    (target / "bench").symlink_to(ROOT / "bench")  # the rows are the same at both
    return target


def _installer() -> list[str]:
    """Return what installs packages here: pip, or uv in an environment that uv made."""
    has_pip = subprocess.run([sys.executable, "-m", "pip", "--version"], check=False, capture_output=True)
    return ["uv", "pip", "install"] if has_pip.returncode else [
        sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]


def seconds(row: str, installed: Path) -> float | None:
    """Return the seconds of CPU that a row takes at an installed commit, None where it cannot run there."""
    command = [sys.executable, "-m", "bench.short_rows", row]
    environment = os.environ | {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(command, check=False, cwd=installed, env=environment, stdout=subprocess.PIPE, text=True)
    return None if done.returncode else float(done.stdout)


def pairs(row: str, installed: Sequence[Path], rounds: int) -> tuple[list[float], list[float]] | None:
    """Return what a row took in rounds at two commits, None where one of them cannot run it."""
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for which in ((0, 1), (1, 0))[number % 2]:
            found = seconds(row, installed[which])
            if found is None:
                return None
            took[which].append(found)
    return took


def main() -> None:
    """Compare two commits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commits", nargs=2, metavar="COMMIT")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--only", choices=ROWS, action="append")
    asked = parser.parse_args()
    slower, broken = [], []
    with tempfile.TemporaryDirectory(prefix="ticktape-guard-") as name:
        installed = [checked_out(commit, Path(name) / str(place)) for place, commit in enumerate(asked.commits)]
        print(f"{'row':<12}{asked.commits[0][:12]:>14}{asked.commits[1][:12]:>14}{'B / A':>8}{'least':>8}{'most':>8}")
        for row in asked.only or ROWS:
            took = pairs(row, installed, asked.rounds)
            if took is None:
                cannot = seconds(row, installed[1]) is None
                broken += [row] * cannot
                print(f"{row:<12}{'cannot run at B' if cannot else 'could not run at A'}", flush=True)
                continue
            said = verdict(*took)
            slower += [row] * (said == "slower")
            ratio = spread([b / a for a, b in zip(*took, strict=True)])
            print(f"{row:<12}{spread(took[0]).median:>12.3f} s{spread(took[1]).median:>12.3f} s{ratio.median:>8.2f}"
                  f"{ratio.least:>8.2f}{ratio.most:>8.2f}  {said}", flush=True)
    if slower or broken:
        sys.exit("; ".join([f"slower: {row}" for row in slower] + [f"cannot run any more: {row}" for row in broken]))


if __name__ == "__main__":
    main()
