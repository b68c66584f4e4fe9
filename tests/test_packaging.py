"""What is packaged for containers: it names what is there, keeps secrets out, and lets nobody in."""

import re
from pathlib import Path
from typing import Any

import yaml

from capture.wanted.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
CONTAINERFILE = (ROOT / "packaging" / "Containerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "packaging" / "compose.yaml").read_text())
GATEWAY, TICKTAPE = COMPOSE["services"]["gateway"], COMPOSE["services"]["ticktape"]


def test_the_image_has_every_folder_of_the_package() -> None:
    copied = set(re.findall(r"^COPY (\w+) \w+$", CONTAINERFILE, re.M))
    project = (ROOT / "pyproject.toml").read_text()
    mapped = set(re.findall(r'^"capture[.\w]*" = "(\w+)"$', project, re.M))
    assert copied == mapped
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert let_in == copied | {"pyproject.toml", "README.md", "LICENSE"}


def test_variables_of_the_image_and_of_compose_are_settings() -> None:
    named = set(re.findall(rf"{PREFIX}(\w+)=", CONTAINERFILE))
    named |= {name.removeprefix(PREFIX) for name in TICKTAPE["environment"]}
    assert {name.lower() for name in named} <= Settings.model_fields.keys()


def test_the_gateway_restarts_by_itself_reads_only_and_its_password_is_in_no_variable() -> None:
    environment = GATEWAY["environment"]
    assert environment["TWS_PASSWORD_FILE"] == "/run/secrets/tws_password"
    assert "TWS_PASSWORD" not in environment
    assert environment["READ_ONLY_API"] == "yes"
    assert "TWS_COLD_RESTART" not in environment  # it and auto restart work against each other
    assert {"AUTO_RESTART_TIME", "TIME_ZONE", "TWOFA_TIMEOUT_ACTION", "RELOGIN_AFTER_TWOFA_TIMEOUT",
            "EXISTING_SESSION_DETECTED_ACTION", "TRADING_MODE", "TWS_USERID"} <= environment.keys()
    assert all(isinstance(value, str) for value in environment.values())  # yes without quotes is no text


def test_nobody_outside_reaches_the_api() -> None:
    assert "ports" not in GATEWAY
    assert GATEWAY["networks"] == TICKTAPE["networks"]
    assert TICKTAPE["environment"]["TICKTAPE_HOST"] == "gateway"
    assert TICKTAPE["environment"]["TICKTAPE_PORT"] == "${TICKTAPE_PORT:-4004}"  # the relay of a paper account


def test_what_compose_builds_is_there_and_mounts_what_the_image_keeps() -> None:
    build = TICKTAPE["build"]
    assert (ROOT / "packaging" / build["context"] / build["dockerfile"]).resolve() == ROOT / "packaging/Containerfile"
    assert "data:/data" in TICKTAPE["volumes"]
    assert TICKTAPE["read_only"] and TICKTAPE["cap_drop"] == ["ALL"] and TICKTAPE["init"]
