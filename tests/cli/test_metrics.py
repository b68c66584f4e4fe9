import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from capture.lake.layout import Layout
from capture.lake.roll import publish_range
from capture.lake.views import prepare
from capture.schemas import ACCOUNT_VALUES

Run = Callable[..., Any]


def test_metrics_are_printed_as_prometheus_reads_them(run: Run, lake: Path) -> None:
    code, out, err = run("metrics", "--data", lake)
    assert (code, err) == (0, "")
    assert re.search(r"^# TYPE ticktape_well gauge\nticktape_well 0\.0$", out, re.M)
    assert 'ticktape_troubles{kind="nothing-records",severity="alarm"} 1.0' in out


def test_of_no_lake_there_are_none(run: Run) -> None:
    code, out, err = run("metrics", "--data", "nowhere")
    assert (code, out) == (1, "")
    assert "no lake at" in err


def value(tag: str, number: float, ts: datetime, account: str = "DU1234567", **more: Any) -> dict[str, Any]:
    columns = dict.fromkeys(ACCOUNT_VALUES.schema.names)
    return columns | {"ts": ts, "seq": 1, "row": 0, "recorder": "main", "account": account, "key": tag, "tag": tag,
                      "value": str(number), "number": number, "stream": "account_values",
                      "origin": "live"} | more  # fmt: skip


def test_the_cushion_of_accounts_is_told_on_wish_alone_and_by_aliases(run: Run, tmp_path: Path) -> None:
    now, data = datetime.now(UTC), tmp_path / "data"
    layout = Layout(data)
    layout.tape.mkdir(parents=True)
    prepare(layout)
    rows = [value("Cushion", 0.5, now - timedelta(minutes=2)), value("Cushion", 0.25, now - timedelta(minutes=1)),
            value("Cushion", 0.1, now, segment="S", key="Cushion-S"), value("NetLiquidation", 9e6, now),
            value("Cushion", 0.75, now - timedelta(days=9), "DU7654321")]  # fmt: skip
    publish_range(layout, "main", 1, {"account_values": pa.Table.from_pylist(rows, ACCOUNT_VALUES.schema)})
    assert "ticktape_account_cushion_ratio{" not in run("metrics", "--data", data).out
    out = run("metrics", "--data", data, "--with-accounts").out
    assert re.findall(r"^ticktape_account_cushion_ratio(.+)$", out, re.M) == ['{account="account 2"} 0.25']
    assert "DU" not in out.replace(str(data), "")
