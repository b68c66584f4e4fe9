"""Running notebooks, and taking their pictures.

    python -m tests.examples.runner    draws docs/images anew
"""

import base64
import importlib
import os
import tempfile
import warnings
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from capture.plot import calendar_chart

from . import account_recording, recording

IMAGES = Path(__file__).parents[2] / "docs" / "images"
PACE = 6  # times as long as in tests the account trades
RUN_S = 200  # far longer than any cell takes
DRAWN = {  # the name of an image: its notebook, and which of its pictures it is
    "recorded": ("first_look", 0), "price": ("first_look", 1), "bars": ("bars_and_joins", 0),
    "book": ("microstructure", 4), "impact": ("microstructure", 2), "strategy": ("replay_strategy", 0),
    "account": ("account", 0), "execution": ("account", 1), "margin": ("account", 5)}  # fmt: skip


def execute(path: Path) -> list[dict[str, Any]]:
    """Run a notebook in a kernel of its own, and return its code cells with what they showed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Jupyter's own packages
        import nbformat
        from nbclient import NotebookClient

        content: Any = nbformat.reads(path.read_text(), as_version=4)  # type: ignore[no-untyped-call]  # it has no types
        NotebookClient(content, timeout=RUN_S, resources={"metadata": {"path": str(path.parent)}}).execute()
    return [cell for cell in content.cells if cell.cell_type == "code"]


def pictures(cells: list[dict[str, Any]]) -> list[bytes]:
    """Return the pictures that cells showed."""
    shown = [output["data"]["image/png"] for cell in cells for output in cell["outputs"]
             if "image/png" in output.get("data", {})]  # fmt: skip
    return [base64.b64decode(one) for one in shown]


def draw(folder: Path) -> None:
    """Run the notebooks on a recording in a folder, and write the images of the docs."""
    notebook = importlib.import_module("capture.cli.asking.notebook")  # type checkers see only the package
    recording.make(folder / "data")
    account_recording.make(folder / "account", PACE)
    values = {"DAY": recording.DAY, "SYMBOL": "AAPL", "OTHER": "ESZ6"}
    shown = {}
    for name in {name for name, _ in DRAWN.values()}:
        path = folder / f"{name}.ipynb"
        data = "account" if name == "account" else "data"
        text = notebook.filled(notebook.notebook_text(name), {"DATA": data, **values})
        path.write_text(text.replace("prepare_notebook()", "prepare_notebook(1)"), encoding="utf-8")
        shown[name] = pictures(execute(path))
    for image, (name, place) in DRAWN.items():
        (IMAGES / f"{image}.png").write_bytes(shown[name][place])
    calendar_chart(_weeks()).save(str(IMAGES / "calendar.png"), scale_factor=1)


def _weeks() -> list[dict[str, Any]]:
    """Return what `Lake.coverage` might say of eight weeks: made up, as a recording of them is none for an example."""
    chance, day_s, rows = Random(4), 23_400.0, []
    for symbol, streams in {"AAPL": ("all_last", "quotes", "depth"), "ESZ6": ("all_last", "quotes", "depth"),
                            "EUR.USD": ("quotes",)}.items():  # fmt: skip
        for stream in streams:
            days = (date(2026, 9, 28) + timedelta(days=number) for number in range(54))
            for day in (day for day in days if day.weekday() < 5):
                usual = chance.choice([1.0] * 14 + [0.9995, 0.9995, 0.995, 0.95, 0.6])
                share = 0.0 if f"{day}" == "2026-10-20" else usual
                rows.append({"symbol": symbol, "stream": stream, "day": f"{day}", "share": share, "expected_s": day_s,
                             "quiet_s": 0.0, "backfilled_s": 0.0, "down_s": (1 - share) * day_s, "unknown_s": 0.0,
                             "reasons": []})  # fmt: skip
    return rows


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        os.environ["IPYTHONDIR"] = f"{place}/ipython"
        draw(Path(place))
