import os
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
service = import_module("capture.cli.keeping.service")  # type checkers see only the package
SETTINGS = 'data = "here"\n[[record]]\ninstruments = ["AAPL"]\nstreams = ["trades"]\n'


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where units of a user go, on a machine that systemd does not run."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(service, "RUNS", tmp_path / "none")
    (tmp_path / "ticktape.toml").write_text(SETTINGS)
    return tmp_path / "config" / "systemd" / "user"


def test_a_unit_is_printed_with_absolute_paths(run: Run, units: Path, tmp_path: Path) -> None:
    code, out, err = run("service", "print", "--user")
    assert (code, err) == (0, "")
    assert f"--config {tmp_path / 'ticktape.toml'} --data {tmp_path / 'here'} --recorder main\n" in out


def test_a_unit_is_installed_and_the_commands_that_start_it_are_said(run: Run, units: Path) -> None:
    for _ in range(2):
        code, out, err = run("service", "install", "--user")
        assert (code, out) == (0, "")
        assert "systemctl --user daemon-reload && systemctl --user enable ticktape-main.service" in err
    path = units / "ticktape-main.service"
    assert path.read_text() == run("service", "print", "--user").out
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(("fails", "code", "said"), [
    (False, 0, "it runs"), (True, 1, "systemctl --user daemon-reload failed: no bus")])
def test_where_systemd_runs_it_is_started(
    run: Run, units: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fails: bool, code: int, said: str
) -> None:
    systemctl = tmp_path / "bin" / "systemctl"
    systemctl.parent.mkdir()
    systemctl.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\n{"echo no bus >&2; exit 1" if fails else ""}\n')
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{systemctl.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(service, "RUNS", tmp_path)
    ran = run("service", "install", "--user")
    assert ran.code == code
    assert said in ran.err
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == ["--user daemon-reload", "--user enable ticktape-main.service",
                     "--user restart ticktape-main.service"][:1 if fails else 3]  # fmt: skip


def test_what_only_this_shell_knows_is_said_not_to_be_in_it(
    run: Run, units: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKTAPE_PORT", "4001")
    code, _, err = run("service", "print", "--user")
    assert code == 0
    assert "TICKTAPE_PORT of this shell are not in the service" in err


def test_a_service_without_anything_to_record_is_refused(run: Run, units: Path, tmp_path: Path) -> None:
    (tmp_path / "ticktape.toml").write_text('data = "here"\n')
    for verb in ("print", "install"):
        code, out, err = run("service", verb, "--user")
        assert (code, out) == (2, "")
        assert re.search("nothing to record", err)


def test_the_page_is_a_service_too_which_needs_nothing_to_record(run: Run, units: Path, tmp_path: Path) -> None:
    (tmp_path / "ticktape.toml").write_text('data = "here"\n')
    code, out, err = run("service", "print", "--user", "--serve", "--", "--accounts", "--port", "8018")
    assert (code, err) == (0, "")
    assert f"serve --config {tmp_path / 'ticktape.toml'} --data {tmp_path / 'here'} --accounts --port 8018\n" in out
    code, out, err = run("service", "install", "--user", "--serve")
    assert code == 0
    assert (units / "ticktape-main-page.service").exists()
    assert "enable ticktape-main-page.service" in err


@pytest.mark.parametrize(("options", "said"), [
    (["--serve", "--", "--host", "0.0.0.0"], "--tls-certificate"), (["--serve", "--", "--prot", "1"], "--port"),
    (["--", "--accounts"], "give --serve")])  # fmt: skip
def test_a_page_that_would_not_start_is_refused(run: Run, units: Path, options: list[str], said: str) -> None:
    code, out, err = run("service", "print", "--user", *options)
    assert (code, out) == (2, "")
    assert said in err


def test_a_service_of_the_machine_is_roots_to_install(run: Run, units: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    code, _, err = run("service", "install", "--system")
    assert code == 2
    assert "sudo" in err
