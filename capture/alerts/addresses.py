"""Addresses of actions: written out, in a variable, or in a file; what they are is never shown."""

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from capture.wanted.alert_block import BY_FILE, BY_VARIABLE


class AddressError(OSError):
    """An address cannot be had; the text says where it was looked for."""


def resolve(reference: str) -> str:
    """Return the address that `env:NAME`, `file:PATH` or the address itself names. Raises AddressError.

    Of a file it is the first line that is neither empty nor begins with #. Variables in a path, such as
    $CREDENTIALS_DIRECTORY, are replaced.
    """
    if reference.startswith(BY_VARIABLE):
        name = reference.removeprefix(BY_VARIABLE)
        found = os.environ.get(name, "").strip()
        if not found:
            raise AddressError(f"the variable {name} is not set: set it to the address, where this process begins")
        return found
    return _in_file(Path(os.path.expandvars(reference.removeprefix(BY_FILE)))) if _is_file(reference) else reference


def shown(reference: str) -> str:
    """Return what may be said of an address: where it stands, else its machine."""
    if reference.startswith((BY_VARIABLE, BY_FILE)):
        return reference
    try:
        parts = urlsplit(reference)
        return f"{parts.scheme}://{parts.hostname or '…'}{f':{parts.port}' if parts.port else ''}/…"
    except ValueError:  # it is no address
        return f"{reference.partition(':')[0]}://…"


def without(text: str, secrets: Iterable[str]) -> str:
    """Return a text in which secrets, and what they consist of, are left out."""
    parts = {part for secret in secrets for part in (secret, *_parts(secret)) if len(part) > 3}
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, "…")
    return text


def _parts(secret: str) -> list[str]:
    """Return what of an address is secret by itself: path, query, user and password."""
    try:
        parts = urlsplit(secret)
    except ValueError:
        return []
    return [parts.path.strip("/"), *parts.path.split("/"), parts.query, parts.username or "", parts.password or ""]


def _is_file(reference: str) -> bool:
    return reference.startswith(BY_FILE)


def _in_file(path: Path) -> str:
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise AddressError(f"{path} cannot be read: {why}: it holds an address") from None
    found = next((line for line in lines if line and not line.startswith("#")), None)
    if found is None:
        raise AddressError(f"{path} holds no address: write it on a line")
    return found
