"""The live map and the script-free page, as a person meets them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

import ecoduct_server
from browser.station import Station, served, skip_or_fail

pytestmark = pytest.mark.browser

WEB = Path(ecoduct_server.__file__).with_name("web")
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
WITHOUT_WEBGL2 = """
const real = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  return kind === "webgl2" ? null : real.call(this, kind, ...more);
};
"""


@pytest.fixture(autouse=True)
def _built() -> None:
    if not (WEB / "vendor" / "maplibre-gl.mjs").exists():
        skip_or_fail("the page is not built: run scripts/setup-web")


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=DESK)  # type: ignore[arg-type]
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, live_server: str) -> Page:
    """The live map, joined to the server."""
    page = context.new_page()
    page.goto(live_server)
    expect(page.locator("#state")).to_have_text("online")
    return page


def test_live_map_loads_without_error_and_asks_no_other_server(
    context: BrowserContext, live_server: str
) -> None:
    page, asked, wrong = context.new_page(), list[str](), list[str]()

    def hear(line: ConsoleMessage) -> None:
        if line.type == "error":
            wrong.append(line.text)

    page.on("console", hear)
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    with page.expect_response("**/basemap.json"):
        page.goto(live_server)
    expect(page.locator(".maplibregl-canvas")).to_be_visible()
    assert [url for url in asked if not url.startswith((live_server, "blob:", "data:"))] == []
    assert wrong == []


def test_alert_shows_what_when_and_which_animal(page: Page) -> None:
    row = row_of(page, "Bayar crossed Railway fence")
    expect(row.locator(".animal")).to_have_text("Bayar")
    expect(row.locator("time")).to_have_attribute("title", re.compile(r"^\d{4}-.* UTC$"))


def test_new_crossing_appears_without_reloading(page: Page, station: Station) -> None:
    text = station.walk_through_fence("Naran")
    expect(row_of(page, text)).to_be_visible(timeout=60_000)
    expect(page.locator("#announcer")).to_have_text(f"New alert: {text}")
    page.get_by_role("button", name="Animals").click()
    expect(page.locator("#list")).to_contain_text("Naran")


def test_acknowledging_can_be_undone(page: Page, station: Station) -> None:
    text = "Bayar crossed Railway fence"
    page.get_by_role("button", name=f"Acknowledge: {text}").click()
    undo = page.get_by_role("button", name=f"Undo: {text}")
    expect(undo).to_be_focused()
    assert station.wait_for_alert(text)["status"] == "acknowledged"
    undo.click()
    expect(page.get_by_role("button", name=f"Acknowledge: {text}")).to_be_visible()
    assert station.wait_for_alert(text)["status"] == "open"


def test_acknowledgement_that_cannot_be_sent_is_kept_for_a_retry(
    page: Page, station: Station
) -> None:
    text = station.walk_through_fence("Altan")
    expect(row_of(page, text)).to_be_visible(timeout=60_000)
    page.context.set_offline(True)
    expect(page.locator("#state")).to_have_text("reconnecting")
    page.get_by_role("button", name=f"Acknowledge: {text}").click()
    expect(row_of(page, text)).to_contain_text("Not sent: no connection to the server.")
    page.context.set_offline(False)
    page.get_by_role("button", name=f"Retry: {text}").click()
    expect(page.get_by_role("button", name=f"Undo: {text}")).to_be_visible()
    assert station.wait_for_alert(text)["status"] == "acknowledged"


def test_alert_raised_while_the_page_was_cut_off_is_shown_after(
    page: Page, station: Station
) -> None:
    page.context.set_offline(True)
    expect(page.locator("#state")).to_have_text("reconnecting")
    text = station.walk_through_fence("Gerel")
    station.wait_for_alert(text)
    page.context.set_offline(False)
    expect(row_of(page, text)).to_be_visible(timeout=40_000)
    expect(page.locator("#state")).to_have_text("online")


def test_alert_that_a_late_fix_disproves_is_struck_through(page: Page, station: Station) -> None:
    # The fence ends at 44.5 north: the late fix shows that the animal went around it.
    station.walk("Temuulen", [(0, 107.58, 44.495), (30, 107.59, 44.495), (60, 107.61, 44.495)])
    row = row_of(page, "Temuulen crossed Railway fence")
    expect(row).to_be_visible(timeout=60_000)
    station.walk("Temuulen", [(45, 107.6, 44.51)])
    expect(row).to_contain_text("withdrawn", timeout=60_000)
    expect(row.locator(".text")).to_have_css("text-decoration-line", "line-through")
    expect(row.locator(".act")).to_be_hidden()


def test_choosing_an_alert_flies_to_it(page: Page) -> None:
    expect(page.locator(".maplibregl-ctrl-scale")).to_be_visible()
    scale = page.locator(".maplibregl-ctrl-scale")
    before = scale.inner_text()
    row_of(page, "Bayar crossed Railway fence").locator(".go").press("Enter")
    expect(scale).not_to_have_text(before)


def test_name_from_the_field_never_becomes_markup(page: Page, station: Station) -> None:
    animal = "<img src=x onerror=document.title='taken'>"
    text = station.walk_through_fence(animal)
    expect(row_of(page, text)).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Animals").click()
    expect(page.locator("#list")).to_contain_text(animal)
    assert page.locator("#list img").count() == 0


def test_browser_without_webgl2_is_led_to_the_script_free_page(
    context: BrowserContext, live_server: str
) -> None:
    page = context.new_page()
    page.add_init_script(WITHOUT_WEBGL2)
    page.goto(live_server)
    page.wait_for_url("**/lite")


def test_script_free_page_acknowledges_without_scripts(browser: Browser, station: Station) -> None:
    text = station.walk_through_fence("Zul")
    station.wait_for_alert(text)
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{station.url}/lite")
    page.locator("li", has_text=text).get_by_role("button").click()
    page.wait_for_url("**/lite")
    expect(page.locator("li", has_text=text)).to_have_count(0)
    context.close()
    assert station.wait_for_alert(text)["status"] == "acknowledged"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("path", ["/", "/lite", "/lite?status=all"])
def test_no_accessibility_rule_is_broken(
    browser: Browser, live_server: str, path: str, viewport: Any, scheme: Any
) -> None:
    # The page forbids scripts from elsewhere; the checker has to come in past that.
    context = browser.new_context(viewport=viewport, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(live_server + path)
    expect(page.locator("li").first).to_be_visible()
    page.add_script_tag(path=WEB / "node_modules" / "axe-core" / "axe.min.js")
    found = page.evaluate("axe.run()")["violations"]
    if path == "/":
        page.get_by_role("button", name="Animals").click()
        found += page.evaluate("axe.run()")["violations"]
    context.close()
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []


@pytest.mark.parametrize("path", ["/", "/lite"])
def test_nothing_is_wider_than_a_phone(browser: Browser, live_server: str, path: str) -> None:
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(live_server + path)
    expect(page.locator("li").first).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert wide == PHONE["width"]


def test_page_survives_a_restart_of_the_server(
    context: BrowserContext, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("restarted")
    page = context.new_page()
    with served(folder) as first:
        page.goto(first.url)
        expect(page.locator("#state")).to_have_text("online")
    expect(page.locator("#state")).to_have_text("reconnecting")
    with served(folder, port=first.port):
        expect(page.locator("#state")).to_have_text("online", timeout=60_000)


def row_of(page: Page, text: str) -> Locator:
    return page.locator("li.alert", has_text=text)
