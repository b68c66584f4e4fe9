"""The kernel's library is found, judged, and gone without."""

import shutil
from pathlib import Path

import pytest

from capture.kernel import library
from capture.kernel.making import kernel_backend as backend
from capture.wanted.settings import SettingsError, load_settings

WORKING = next(iter(backend.machine_compilers()), None)
needs_compiler = pytest.mark.skipif(WORKING is None, reason="this machine has no C compiler")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the kernel's C files, not compiled."""
    for path in library.sources(library.FOLDER):
        shutil.copy(path, tmp_path)
    return tmp_path


def edit(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))


@needs_compiler
def test_this_installation_has_its_kernel() -> None:
    assert library.load(library.FOLDER).kernel_abi() == library.ABI


@needs_compiler
def test_what_was_built_loads(folder: Path) -> None:
    assert backend.build_kernel(folder)
    assert library.load(folder).kernel_abi() == library.ABI
    assert [path.name for path in folder.glob(".*")] == []


@needs_compiler
def test_a_library_of_another_version_is_refused(folder: Path) -> None:
    edit(folder, "kernel.h", f"KERNEL_ABI {library.ABI}", "KERNEL_ABI 4711")
    backend.build_kernel(folder)
    with pytest.raises(library.KernelAbsentError, match=f"version 4711, this program makes those of {library.ABI}: "):
        library.load(folder)


@needs_compiler
def test_a_library_older_than_its_sources_is_refused(folder: Path) -> None:
    backend.build_kernel(folder)
    edit(folder, "kernel.c", "What the library", "What this library")
    with pytest.raises(library.KernelAbsentError, match="not made of the C files that lie beside it: install"):
        library.load(folder)


@needs_compiler
def test_an_installed_library_has_no_sources_beside_it(folder: Path) -> None:
    backend.build_kernel(folder)
    for path in library.sources(folder):
        path.unlink()
    assert library.load(folder).kernel_abi() == library.ABI


@pytest.mark.parametrize("content", [b"", b"\x7fELF, or so it says", None])
def test_what_is_no_library_is_refused(tmp_path: Path, content: bytes | None) -> None:
    shutil.copy(shutil.which("true") or "", tmp_path / library.LIBRARY)  # a program is none either
    if content is not None:
        (tmp_path / library.LIBRARY).write_bytes(content)
    with pytest.raises(library.KernelAbsentError, match=r"cannot be loaded: .*: install ticktape again"):
        library.load(tmp_path)


def test_without_a_library_the_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(library.KernelAbsentError, match="it was not built: install"):
        library.load(tmp_path)
    (tmp_path / library.NOT_BUILT).write_text("no C compiler was found\n")
    with pytest.raises(library.KernelAbsentError, match=r"^no C compiler was found: install"):
        library.load(tmp_path)


def test_it_is_gone_without_where_that_was_asked_for(both_ways: str) -> None:
    assert (library.library() is None) == (both_ways == "numpy")
    assert (library.absence() is None) == (both_ways == "kernel")


def test_the_switch_is_no_setting_and_no_unknown_one_either(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ticktape.toml").write_text("port = 4001")
    monkeypatch.setenv(library.SWITCH, library.OFF)
    assert load_settings(tmp_path / "ticktape.toml").port == 4001
    monkeypatch.setenv(f"{library.SWITCH}S", "x")
    with pytest.raises(SettingsError, match="TICKTAPE_KERNELS"):
        load_settings(tmp_path / "ticktape.toml")


def test_a_compiler_that_fails_is_told_and_the_next_one_is_tried(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "false --version")
    assert next(backend.machine_compilers()) == ["false", "--version"]
    monkeypatch.setattr(backend, "compilers", lambda target: iter([["false"], ["no-such-compiler"]]))
    (folder / library.LIBRARY).write_bytes(b"of yesterday")
    assert not backend.build_kernel(folder)
    assert (folder / library.NOT_BUILT).read_text() == (
        "false: exit 1; no-such-compiler: [Errno 2] No such file or directory: 'no-such-compiler'\n")
    assert not (folder / library.LIBRARY).exists()
