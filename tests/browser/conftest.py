"""A running server, and a browser to look at it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from browser.station import Station, browser_program, served, skip_or_fail

# Software WebGL in a container; nothing here phones home.
LAUNCH = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """One server for all tests, since starting its database takes seconds."""
    folder = tmp_path_factory.mktemp("station")
    with served(folder) as running:
        running.put_up_fence()
        running.wait_for_alert(running.walk_through_fence("Bayar"))
        yield running


@pytest.fixture
def live_server(station: Station) -> str:
    """The address of the server, without a slash at the end."""
    return station.url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = browser_program()
    if program is None:
        skip_or_fail("no Chromium: set ECODUCT_CHROMIUM to its path")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=LAUNCH)
        yield chromium
        chromium.close()
