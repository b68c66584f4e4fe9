"""Take the pictures of the page that docs show: `python -m tests.serve.pictures`, two minutes.

An invented market is recorded while its gateway breaks once.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import sync_playwright

from tests.browser import chromium

from .served import Served

IMAGES = Path(__file__).parents[2] / "docs" / "images"
COMMAND = [sys.executable, "-m", "capture.cli"]
SETTINGS = """
data = "data"
roll_interval_s = 5
market_data_lines = 0

[accounts]
accounts = "all"

[[record]]
instruments = ["AAPL", "NVDA", "SPY", "ESZ6"]
streams = ["trades", "quotes", "ticks", "depth"]

[[record]]
instruments = ["EUR.USD", "CRYPTO:BTC.USD@PAXOS"]
streams = ["quotes", "ticks", "depth"]

[[record]]
instruments = ["NOSUCH"]
streams = ["trades"]

[[alert]]
name = "desk"
what = ["recording"]
for_s = 0
keep_firing_s = 15
command = ["true"]
"""
POSITIONS = """instrument,position,average_cost
AAPL,300,241.10
NVDA,-120,188.40
ESZ6,1,335000
"""
QUERY = """select ts, low, high, vwap
from time_bars('AAPL', '2 seconds', null, null) order by ts"""


def main() -> None:
    """Record, and take a picture of each page."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "ticktape.toml").write_text(SETTINGS)
        (place / "positions.csv").write_text(POSITIONS)
        gateway = subprocess.Popen([*COMMAND, "gateway", "--port=0", "--lines=0", "--rate=8", "--positions",
                                    str(place / "positions.csv")], stdout=subprocess.PIPE, text=True,
                                   stderr=subprocess.DEVNULL)  # fmt: skip
        assert gateway.stdout
        port = gateway.stdout.readline().rpartition(":")[2].strip()
        recorder = subprocess.Popen([*COMMAND, "record", "--port", port], cwd=place, stderr=subprocess.DEVNULL)
        try:
            time.sleep(40)
            subprocess.run([*COMMAND, "gateway", "control", "--port", port, "drop"], check=False)
            time.sleep(50)
            _pictures(place / "data")
        finally:
            recorder.terminate()
            recorder.wait(60)
            gateway.terminate()
            gateway.wait(60)


def _pictures(data: Path) -> None:
    served = Served(data, ("--accounts",))
    pages = {"now": "/", "coverage": "/coverage?symbol=AAPL&day=" + time.strftime("%Y-%m-%d", time.gmtime()),
             "instrument": "/instrument?symbol=AAPL&at=" + time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
             "account": "/account", "sql": f"/sql#q={quote(QUERY)}&view=chart", "notices": "/notices",
             "disk": "/disk"}  # fmt: skip
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium())
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(served.address)
            for name, path in pages.items():
                page.goto(served.origin + path)
                page.wait_for_selector("body[data-ready]", timeout=60_000)
                page.wait_for_timeout(9_000)
                page.screenshot(path=IMAGES / f"page-{name}.png")
            page.emulate_media(color_scheme="dark")
            page.goto(served.origin)
            page.wait_for_timeout(2_000)
            page.screenshot(path=IMAGES / "page-now-dark.png")
            browser.close()
    finally:
        served.close()


if __name__ == "__main__":
    main()
