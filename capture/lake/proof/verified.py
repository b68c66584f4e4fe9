"""What the last verify of a whole lake found: sealed/verified.json, for who watches. Its loss costs nothing."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from capture.data_folder import VERIFIED
from capture.lake.layout import Layout
from capture.lake.parquet_file import FILE_MODE
from capture.publish import make_folder, publish


def write_verified(layout: Layout, findings: int) -> None:
    """Write down that all was compared just now, and how much was found; nothing where it cannot be written."""
    path = layout.root / VERIFIED
    said = json.dumps({"finished": datetime.now(UTC).isoformat(), "findings": findings})
    with suppress(OSError):  # a lake that is only read
        make_folder(path.parent)
        publish(path, partial(_write, said), mode=FILE_MODE)


def read_verified(layout: Layout) -> dict[str, Any] | None:
    """Return `finished` (ISO 8601, UTC) and the number of `findings` of the last verify; None where it is not known."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads((layout.root / VERIFIED).read_text())
        finished = datetime.fromisoformat(said["finished"])
        return {"finished": finished.astimezone(UTC).isoformat(), "findings": int(said["findings"])}
    return None


def _write(text: str, path: Path) -> None:
    path.write_text(text)
