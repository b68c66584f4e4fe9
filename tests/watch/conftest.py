"""A lake whose recorder says what a test has it say."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from capture.data_folder import ROLLER_STATUS, STATUS
from capture.status_model import write_status

NOW = datetime(2026, 11, 18, 16, 0, tzinfo=UTC)  # a Wednesday, New York trades
RESTART = datetime(2026, 11, 18, 5, 0, tzinfo=UTC)  # midnight in New York

Told = Callable[..., Path]


def ago(seconds: float, now: datetime = NOW) -> str:
    return (now - timedelta(seconds=seconds)).isoformat()


def stream(instrument: str = "AAPL", state: str = "flowing", **more: Any) -> dict[str, Any]:
    return {"instrument": instrument, "symbol": instrument, "instrument_id": 1, "word": "trades", "stream": "trades",
            "table": "trades", "request_id": 5, "state": state, "rows": 10, "rows_per_second": 2.0, "last_row": ago(40),
            "lag_p50_s": 0.4, "lag_max_s": 0.8, "delayed": False, "code": None, "message": "", "since": ago(600),
            "venue": "NASDAQ", "market": "liquid"} | more  # fmt: skip


def account_stream(name: str = "positions", state: str = "rows", **more: Any) -> dict[str, Any]:
    return {"stream": name, "account": None, "state": state, "rows": 5, "last_row": ago(40), "positions": 0,
            "code": None, "message": "", "since": ago(600)} | more  # fmt: skip


def recorder(**more: Any) -> dict[str, Any]:
    return {"version": 1, "recorder": "main", "pid": os.getpid(), "started": ago(90_000), "written": ago(2),
            "state": "recording", "host": "127.0.0.1", "port": 4002, "client_id": 17, "server_version": 222,
            "sessions": 1, "frames": 100, "received_bytes": 1_000, "mark": 9, "tape_bytes": 2_000,
            "history": {"wanted": 0, "requests": 60, "of": 60, "within_s": 600.0, "open": 50, "held_s": 0.0,
                        "still_since": ago(90_000)},
            "trouble": None, "line_since": ago(80_000), "lost_in": None, "ib_line_lost_since": None,
            "restart_windows": ["daily 23:45-01:45 America/New_York"], "retention": {},
            "farms": {"usfarm (market data farm)": "fine"}, "farms_since": {"usfarm (market data farm)": ago(80_000)},
            "wanted": 2, "acknowledged": 2, "flowing": 2, "accounts": [], "unknown_accounts": [],
            "streams": [stream(), stream("MSFT")]} | more  # fmt: skip


def roller(**more: Any) -> dict[str, Any]:
    return {"version": 1, "recorder": "main", "pid": os.getpid(), "started": ago(90_000), "written": ago(2), "mark": 9,
            "through": ago(20), "ranges": 9, "frames": 100, "rows": {"trades": 50},
            "gaps": {"open": 1, "closed": 1}, "rolling_s": 1.5, "rows_per_second": 900.0,
            "failing": {}} | more  # fmt: skip


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """Writes what a recorder and its roller say at a moment, heard so many seconds before; returns the data folder."""

    def tell(now: datetime = NOW, heard_s: float = 1.0, roller_heard_s: float = 1.0, *, data: Path | None = None,
             rolling: dict[str, Any] | None = None, **more: Any) -> Path:
        said = recorder(**more)
        folder = (data or tmp_path / "data") / "tape" / said["recorder"]
        folder.mkdir(parents=True, exist_ok=True)
        for name, what, age_s in ((STATUS, said, heard_s), (ROLLER_STATUS, rolling or roller(), roller_heard_s)):
            write_status(folder / name, what)
            os.utime(folder / name, (now.timestamp() - age_s,) * 2)
        return Path(folder.parents[1])

    return tell
