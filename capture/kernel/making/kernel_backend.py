"""The build backend of pyproject.toml: setuptools' own, which has the kernel compiled first.

A compiler of the machine does it: what CC names, cc, gcc or clang. Where none can, the build asks for `ziglang`, a
compiler that comes from PyPI. Where that is not to be had either, or TICKTAPE_KERNEL=off says so, ticktape is
installed without the kernel, and a note beside it says why.
"""

import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setuptools import build_meta

if TYPE_CHECKING:
    from capture.kernel import library
else:  # pip runs this file before there is a package `capture`
    _spec = importlib.util.spec_from_file_location("kernel_library", Path(__file__).parents[1] / "library.py")
    library = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(library)

Settings = Mapping[str, Any] | None
Command = list[str]

ZIG = "ziglang>=0.13"
# Machines for which PyPI has it.
ZIG_MACHINES = {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "x86_64"), ("Darwin", "arm64")}
# Each operation is rounded as Python rounds it, and every machine of its kind can run what was made on one of them.
FLAGS = ["-O3", "-std=c11", "-fno-fast-math", "-ffp-contract=off", "-fPIC", "-shared", "-fvisibility=hidden", "-g0"]
WARNINGS = ["-Wall", "-Wextra"]
LONGEST_S = 600  # zig makes stubs of a whole libc first

build_sdist = build_meta.build_sdist
get_requires_for_build_sdist = build_meta.get_requires_for_build_sdist
prepare_metadata_for_build_wheel = build_meta.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = build_meta.prepare_metadata_for_build_editable


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of machine: its name for zig, and the tag of wheels for it."""

    zig: str
    tag: str


# What `make wheels` makes, by the name that --config-settings target=… takes.
TARGETS = {
    "linux-x86_64": Target("x86_64-linux-gnu.2.17", "manylinux2014_x86_64"),
    "linux-arm64": Target("aarch64-linux-gnu.2.17", "manylinux2014_aarch64"),
    "musl-x86_64": Target("x86_64-linux-musl", "musllinux_1_2_x86_64"),
    "musl-arm64": Target("aarch64-linux-musl", "musllinux_1_2_aarch64"),
    "macos-x86_64": Target("x86_64-macos.11.0", "macosx_11_0_x86_64"),
    "macos-arm64": Target("aarch64-macos.11.0", "macosx_11_0_arm64"),
}


class CannotCompileError(Exception):
    """No compiler made the kernel; the text has what each said."""


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """Return what pip must get first: setuptools' own, and zig where the machine has no compiler that works."""
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_compiler_required(config_settings)]


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    """Return the same for an installation that is the checkout itself."""
    return [*build_meta.get_requires_for_build_editable(config_settings), *_compiler_required(config_settings)]


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    """Compile the kernel and make the wheel: for this kind of machine where it is in it, else for any."""
    target = _target(config_settings)
    options = {**(config_settings or {})}
    if build_kernel(library.FOLDER, target):
        options["--build-option"] = ["--plat-name", target.tag if target else own_tag()]
    return str(build_meta.build_wheel(wheel_directory, options, metadata_directory))


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """Compile the kernel into the checkout, and install that."""
    build_kernel(library.FOLDER, _target(config_settings))
    return str(build_meta.build_editable(wheel_directory, config_settings, metadata_directory))


def build_kernel(folder: Path, target: Target | None = None) -> bool:
    """Put the library made of a folder's C files beside them; False, and a note with the reason, where none can.

    The library changes at once: programs that run go on with the one they have.
    """
    note, place = folder / library.NOT_BUILT, folder / library.LIBRARY
    with tempfile.TemporaryDirectory(dir=folder, prefix=".making-") as making:
        made = Path(making) / library.LIBRARY
        try:
            if _is_off():
                raise CannotCompileError(f"{library.SWITCH}={library.OFF} when it was installed")
            compile_kernel(folder, made, compilers(target))
        except CannotCompileError as error:
            place.unlink(missing_ok=True)
            note.write_text(f"{error}\n")
            print(f"ticktape is built without its kernel, and is slower: {error}", file=sys.stderr)
            return False
        note.unlink(missing_ok=True)
        made.replace(place)
    return True


def compile_kernel(folder: Path, made: Path, commands: Iterator[Command], flags: Sequence[str] = FLAGS) -> None:
    """Make one library of all C files of a folder by the first compiler that can."""
    files = [str(path) for path in library.sources(folder) if path.suffix == ".c"]
    told = [*flags, *WARNINGS, f'-DKERNEL_SOURCES="{library.digest(folder)}"']
    failed = []
    for command in commands:
        if not (said := _failure([*command, *told, "-o", str(made), *files])):
            return
        failed.append(f"{command[0]}: {said}")
    raise CannotCompileError("; ".join(failed) or "no C compiler was found")


def compilers(target: Target | None = None) -> Iterator[Command]:
    """Yield the compilers to try, in order: of the machine, for the machine; then zig, which makes for any."""
    if target is None:
        yield from machine_compilers()
    if zig := _zig():
        aim = target.zig if target else own_zig_target()
        yield [zig, "cc", "-target", aim, "-fno-sanitize=undefined"]


def machine_compilers() -> Iterator[Command]:
    """Yield the compilers that this machine has."""
    named = shlex.split(os.environ.get("CC", ""))
    for command in ([named] if named else []) + [["cc"], ["gcc"], ["clang"]]:
        if shutil.which(command[0]):
            yield command


def own_tag() -> str:
    """Return the tag of wheels for machines such as this one."""
    if platform.system() == "Darwin":  # not what Python itself was made for, which may be two kinds at once
        return f"macosx_{platform.mac_ver()[0].split('.')[0]}_0_{platform.machine()}"
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


def own_zig_target() -> str:
    """Return what zig calls this machine, and the oldest system of its kind that manylinux2014 allows."""
    machine = platform.machine().replace("arm64", "aarch64")
    if platform.system() == "Darwin":
        return f"{machine}-macos.11.0"
    return f"{machine}-linux-gnu.2.17" if platform.libc_ver()[0] == "glibc" else f"{machine}-linux-musl"


def _target(config_settings: Settings) -> Target | None:
    name = (config_settings or {}).get("target")
    if name is not None and name not in TARGETS:
        raise SystemExit(f"no such target: {name}; there are {', '.join(TARGETS)}")
    return TARGETS[name] if name else None


def _compiler_required(config_settings: Settings) -> list[str]:
    if _is_off() or not _zig_is_to_be_had():
        return []
    if _target(config_settings):
        return [ZIG]
    with tempfile.TemporaryDirectory() as making:
        try:
            compile_kernel(library.FOLDER, Path(making) / library.LIBRARY, machine_compilers())
        except CannotCompileError:
            return [ZIG]
    return []


def _zig_is_to_be_had() -> bool:
    """Return whether to ask for zig: what cannot be had would end the installation, which goes without as well."""
    if (platform.system(), platform.machine()) not in ZIG_MACHINES:
        return False
    folders = [Path(folder) for folder in os.environ.get("PIP_FIND_LINKS", "").split()]
    return not os.environ.get("PIP_NO_INDEX") or any(any(folder.glob("ziglang-*")) for folder in folders)


def _zig() -> str | None:
    found = importlib.util.find_spec("ziglang")
    return str(Path(found.origin).parent / "zig") if found and found.origin else None


def _is_off() -> bool:
    return os.environ.get(library.SWITCH) == library.OFF


def _failure(command: Command) -> str | None:
    """Run a compiler and return the first thing it complained of; None where it made what it should."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache, **os.environ}
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, env=environment)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    said = (ran.stderr or ran.stdout).strip().splitlines()
    complaint = next((line for line in said if "error" in line), said[-1] if said else f"exit {ran.returncode}")
    return complaint if ran.returncode else None
