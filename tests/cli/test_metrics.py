import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
