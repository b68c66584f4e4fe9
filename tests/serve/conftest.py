"""One lake, one server and one browser for all tests of the page."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from capture.gateway.market import Market
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.sealing import Sealer
from capture.lake.views import prepare
from capture.wanted.settings import RecordBlock
from tests.browser import axe, chromium
from tests.recording import record

from .served import Served, tell

START = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)  # a Wednesday, all markets open
WANTED = [
    RecordBlock(instruments=["AAPL"], streams=["trades", "quotes", "depth"]),
    RecordBlock(instruments=["ESZ6"], streams=["trades"]),
]


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recorded minutes with a gap, and a recorder that says that it goes on."""
    data = tmp_path_factory.mktemp("serve") / "data"
    record(data, Market(rate=0.5), START, 150, WANTED, [(60, "refuse", 10), (60, "drop")])
    prepare(Layout(data))
    for _ in Roller(Layout(data), "main").roll():
        pass
    for _ in Sealer(Layout(data), settle_s=0).seal():
        pass
    tell(data)
    return data


@pytest.fixture(scope="session")
def server(lake: Path) -> Iterator[Served]:
    served = Served(lake)
    served.log_in()
    yield served
    served.close()


@pytest.fixture(scope="module")
def browser(lake: Path) -> Iterator[Browser]:
    """Chromium, for the tests of a file: while it is there, no other event loop can run in this thread.

    So the lake is recorded first, and tests of other files come after its end.
    """
    path = chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, server: Served) -> Iterator[Page]:
    """A tab that is logged in, of a browser of its own; at the end its console is empty."""
    context = browser.new_context(viewport={"width": 1360, "height": 850}, base_url=server.origin)
    name, _, value = server.cookie.partition("=")
    context.add_cookies([{"name": name, "value": value, "url": server.origin}])
    opened = context.new_page()
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        said.append(f"{message.type}: {message.text}")

    opened.on("console", hear)
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.set_default_timeout(30_000)
    yield opened
    context.close()
    assert said == []


@pytest.fixture(scope="session")
def axe_script() -> str:
    return axe()
