"""The key of a data folder by which accounts get their aliases: made once, the same for all of its recorders (D140)."""

import os
from pathlib import Path

from capture.account_alias import new_key
from capture.data_folder import ACCOUNT_KEY
from capture.publish import give, sync_path


def account_key(data: Path) -> str:
    """Return the key of a data folder, and make it where there is none. Raises OSError."""
    path = data / ACCOUNT_KEY
    if not path.exists():
        _make(path)
    return path.read_text().strip()


def _make(path: Path) -> None:
    """Make the file whole; of several that make it at once, one does."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{new_key()}\n")
    give(temporary)
    sync_path(temporary)
    try:
        os.link(temporary, path)
        sync_path(path.parent)
    except FileExistsError:
        pass  # another recorder was quicker: its key is that of the folder
    finally:
        temporary.unlink()
