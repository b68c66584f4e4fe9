"""How a message leaves: a webhook, a command, or an address of apprise; each raises ActionError where it does not.

No error says a secret: addresses are looked up when something is sent, and left out of what is said of it.
"""

import json
import logging
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import PurePath
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from capture.printable import one_line
from capture.release import SOFTWARE
from capture.wanted.alert_block import AlertBlock

from .addresses import AddressError, resolve, shown, without
from .alert_message import Message, title
from .ledger import FIRING, RESOLVED

WEB_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 30.0
MOST_SAID = 200  # characters of what an action answers


class ActionError(OSError):
    """A message did not arrive; the text says why, without any secret."""


class Action(Protocol):
    """Something that takes messages. `name` says which, and no secret."""

    @property
    def name(self) -> str:
        """What it is called in logs and lists."""

    def send(self, message: Message) -> str:
        """Send a message and return what came back, in words. Raises ActionError."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Takes messages as JSON by POST; any answer from 200 to 299 says that it has them."""

    reference: str

    @property
    def name(self) -> str:
        """What it is called: webhook, and where its address stands."""
        return f"webhook {shown(self.reference)}"

    def send(self, message: Message) -> str:
        """Post a message. Raises ActionError."""
        return ask(self.reference, json.dumps(message, default=str).encode())


@dataclass(frozen=True, slots=True)
class Command:
    """A program that takes a message as a line of JSON on stdin, and ends with 0."""

    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called: its program; its arguments may be secret."""
        return f"command {PurePath(self.arguments[0]).name}"

    def send(self, message: Message) -> str:
        """Run it with a message. Raises ActionError."""
        try:
            process = subprocess.Popen(self.arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip
        except (OSError, ValueError) as error:
            raise ActionError(f"it cannot be started: {getattr(error, 'strerror', None) or error}") from None
        try:
            said, _ = process.communicate(json.dumps(message, default=str).encode() + b"\n", COMMAND_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise ActionError(f"it did not end within {COMMAND_TIMEOUT_S:g} s and was killed") from None
        words = without(_short(said.decode("utf-8", "replace")), self.arguments[1:])
        if process.returncode:
            raise ActionError(f"it ended with {process.returncode}" + (f": {words}" if words else ""))
        return "ended with 0" + (f": {words}" if words else "")


@dataclass(frozen=True, slots=True)
class Apprise:
    """An address of apprise: mail or chat. It needs the extra `alerts`."""

    reference: str
    number: int

    @property
    def name(self) -> str:
        """What it is called: where its address stands, else what apprise shows of it."""
        by_name = self.reference.startswith(("env:", "file:"))
        return f"apprise {shown(self.reference) if by_name else self.reference.partition(':')[0]} {self.number}"

    def send(self, message: Message) -> str:
        """Send a message by apprise. Raises ActionError."""
        address = _resolved(self.reference)
        apprise = _load_apprise()
        told = apprise.Apprise()
        if not told.add(address):
            raise ActionError("it is no address that apprise knows: see its list of services")
        kind = {FIRING: "failure", RESOLVED: "success"}.get(message["status"], "info")
        label = told[0].url(privacy=True)
        if not told.notify(title=title(message), body=message["text"], notify_type=kind):
            raise ActionError(f"{label} did not take it")
        return f"{label} took it"


def actions_of(block: AlertBlock) -> list[Action]:
    """Return the actions of an alert."""
    found: list[Action] = []
    if block.webhook:
        found.append(Webhook(block.webhook.get_secret_value()))
    if block.command:
        found.append(Command(tuple(block.command)))
    return [*found, *(Apprise(one.get_secret_value(), number) for number, one in enumerate(block.apprise, 1))]


def ask(reference: str, body: bytes | None = None, timeout_s: float = WEB_TIMEOUT_S) -> str:
    """Ask a web address, with a body of JSON or none, and return what came back in words. Raises ActionError.

    A redirect is none of its answers: what is posted would go elsewhere, or nowhere.
    """
    address = _resolved(reference)
    try:
        request = Request(address, body, {"User-Agent": SOFTWARE, "Content-Type": "application/json"})
        with _opener.open(request, timeout=timeout_s) as answer:
            return f"HTTP {answer.status}"
    except HTTPError as error:
        error.close()
        more = ": it redirects, give the address that it redirects to" if 300 <= error.code < 400 else ""
        raise ActionError(f"HTTP {error.code}{more}") from None
    except (OSError, HTTPException, ValueError) as error:
        cause = getattr(error, "reason", None) or error
        why = getattr(cause, "strerror", None) or cause
        raise ActionError(without(_short(str(why)), [address])) from None


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any, **_more: Any) -> None:
        """Follow none."""


_opener = build_opener(_NoRedirect)


def _resolved(reference: str) -> str:
    try:
        return resolve(reference)
    except AddressError as error:
        raise ActionError(str(error)) from None


def _load_apprise() -> Any:
    try:
        import apprise
    except ImportError:
        raise ActionError("apprise is not installed: pip install 'ticktape[alerts]'") from None
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it logs addresses
    return apprise


def _short(text: str) -> str:
    return one_line(text.strip())[:MOST_SAID]
