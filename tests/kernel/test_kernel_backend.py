"""The build backend makes source archives and wheels that have the kernel, by the compiler that is there."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from capture.kernel import library
from capture.kernel.making import kernel_backend as backend

ROOT = Path(__file__).parents[2]
BUILD: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]
COMPILER = next(backend.machine_compilers(), None)
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="this machine has no C compiler")
needs_zig = pytest.mark.skipif(not importlib.util.find_spec("ziglang"),
                               reason="ziglang is not installed here: pip install --group wheels")  # fmt: skip
HOOK = """
import json, sys
from importlib import import_module
sys.path.insert(0, sys.argv[1])
hook, arguments = json.loads(sys.argv[3])
print(json.dumps(getattr(import_module(sys.argv[2]), hook)(**arguments)))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that has the kernel and nothing else, built as ticktape is."""
    made = tmp_path / "project"
    shutil.copytree(library.FOLDER, made / "capture" / "kernel",
                    ignore=shutil.ignore_patterns("*.so", library.NOT_BUILT, ".making-*", "__pycache__"))  # fmt: skip
    shutil.copy(ROOT / "MANIFEST.in", made)
    settings = (ROOT / "pyproject.toml").read_text()
    kernel = [line for line in settings.splitlines() if line.startswith('"capture.kernel" = ')]
    (made / "pyproject.toml").write_text("\n".join([
        "[project]", 'name = "ticktape"', 'version = "1"',
        "[tool.setuptools]", 'packages = ["capture.kernel", "capture.kernel.making"]',
        "[tool.setuptools.package-data]", kernel[0], "[tool.setuptools.exclude-package-data]", kernel[1]]))  # fmt: skip
    return made


def call(project: Path, hook: str, environment: dict[str, str] | None = None, **arguments: Any) -> Any:
    """Call a hook of the backend in a process of its own, as pip does."""
    ran = subprocess.run(
        [sys.executable, "-c", HOOK, BUILD["backend-path"][0], BUILD["build-backend"], json.dumps([hook, arguments])],
        cwd=project, capture_output=True, text=True, env=os.environ | (environment or {}))  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def installed(wheel: Path, folder: Path) -> Path:
    zipfile.ZipFile(wheel).extractall(folder)
    return folder / "capture" / "kernel"


@pytest.mark.slow
@needs_compiler
def test_the_archive_has_sources_and_the_wheel_made_of_it_a_library_that_loads(project: Path, tmp_path: Path) -> None:
    backend.build_kernel(project / "capture" / "kernel")  # as in a checkout: none of it belongs into the archive
    archive = project / call(project, "build_sdist", sdist_directory=".")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    unpacked = tmp_path / "ticktape-1"
    assert library.digest(unpacked / "capture" / "kernel") == library.digest(library.FOLDER)
    assert not [path.name for path in unpacked.rglob("*") if path.name in (library.LIBRARY, library.NOT_BUILT)]
    name = call(unpacked, "build_wheel", wheel_directory=".")
    assert name == f"ticktape-1-py3-none-{backend.own_tag()}.whl"
    kernel = installed(unpacked / name, tmp_path / "installed")
    assert library.load(kernel).kernel_abi() == library.ABI
    assert library.sources(kernel) == []


@pytest.mark.slow
def test_a_build_that_cannot_compile_is_a_wheel_for_any_machine_that_says_why(project: Path, tmp_path: Path) -> None:
    environment = {"PATH": str(tmp_path), "CC": "", library.SWITCH: library.OFF}
    assert call(project, "get_requires_for_build_wheel", environment) == []
    name = call(project, "build_wheel", environment, wheel_directory=".")
    assert name == "ticktape-1-py3-none-any.whl"
    with pytest.raises(library.KernelAbsentError, match=r"^TICKTAPE_KERNEL=off when it was installed: "):
        library.load(installed(project / name, tmp_path / "installed"))


@pytest.mark.slow
@needs_compiler
def test_an_editable_installation_has_its_library_in_the_checkout(project: Path) -> None:
    call(project, "build_editable", wheel_directory=".")
    assert library.load(project / "capture" / "kernel").kernel_abi() == library.ABI


@needs_compiler
def test_where_there_is_a_compiler_nothing_more_is_asked_for() -> None:
    assert backend.get_requires_for_build_wheel() == backend.get_requires_for_build_editable() == []


@pytest.mark.parametrize("hook", [backend.get_requires_for_build_wheel, backend.get_requires_for_build_editable])
def test_without_a_compiler_that_works_zig_is_asked_for_where_it_can_be_had(
    hook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cc").symlink_to(shutil.which("false") or "")
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "CC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert hook() == [backend.ZIG]
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert hook() == []
    monkeypatch.setenv("PIP_FIND_LINKS", f"/nowhere {tmp_path}")
    (tmp_path / "ziglang-0.17.0-py3-none-manylinux_2_12_aarch64.whl").touch()
    assert hook() == [backend.ZIG]
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    assert hook() == []


@pytest.mark.parametrize(("machine", "system", "libc", "target"), [
    ("x86_64", "Linux", "glibc", "x86_64-linux-gnu.2.17"), ("aarch64", "Linux", "glibc", "aarch64-linux-gnu.2.17"),
    ("x86_64", "Linux", "", "x86_64-linux-musl"), ("arm64", "Darwin", "", "aarch64-macos.11.0"),
])  # fmt: skip
def test_zig_is_told_of_the_oldest_system_of_this_kind(
    machine: str, system: str, libc: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("machine", machine), ("system", system), ("libc_ver", (libc, "2.36"))):
        monkeypatch.setattr(f"platform.{name}", lambda value=value: value)
    assert backend.own_zig_target() == target


@pytest.mark.parametrize("target", backend.TARGETS.values(), ids=backend.TARGETS)
def test_a_tag_is_one_that_setuptools_leaves_as_it_is(target: backend.Target) -> None:
    assert re.fullmatch(r"\w+", target.tag)


def test_a_target_that_there_is_not_is_refused() -> None:
    with pytest.raises(SystemExit, match="no such target: vax; there are linux-x86_64, "):
        backend.build_wheel(".", {"target": "vax"})


@needs_compiler
@pytest.mark.parametrize("command", list(backend.machine_compilers()))
def test_no_compiler_warns_of_anything(command: list[str], tmp_path: Path) -> None:
    backend.compile_kernel(library.FOLDER, tmp_path / "out.so", iter([command]), [*backend.FLAGS, "-Werror"])


@pytest.mark.slow
@needs_zig
@pytest.mark.parametrize("name", backend.TARGETS)
def test_zig_makes_wheels_for_every_kind_of_machine(name: str, project: Path, tmp_path: Path) -> None:
    wheel = call(project, "build_wheel", wheel_directory=".", config_settings={"target": name})
    assert wheel == f"ticktape-1-py3-none-{backend.TARGETS[name].tag}.whl"
    made = installed(project / wheel, tmp_path / "installed") / library.LIBRARY
    assert made.read_bytes()[:4] == (b"\xcf\xfa\xed\xfe" if name.startswith("macos") else b"\x7fELF")


@pytest.mark.slow
@needs_zig
def test_what_zig_makes_for_this_machine_loads_here(tmp_path: Path) -> None:
    zig = list(backend.compilers())[-1]
    backend.compile_kernel(library.FOLDER, tmp_path / library.LIBRARY, iter([zig]))
    assert library.load(tmp_path).kernel_abi() == library.ABI
