"""What a browser makes of the site: run with `pytest -m browser`, needs Chromium and its driver."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import ROOT
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait
from site_pages import build

pytestmark = pytest.mark.browser

PAGES = ("index.html", "papers/index.html", "papers/lenet.html", "references.html", "api/papers.html")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's own site."""
    target = tmp_path_factory.mktemp("browser") / "site"
    built = build(ROOT / "mkdocs.yml", target)
    assert built.returncode == 0, built.stdout
    return target


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    options = Options()
    names = ("chromium", "chromium-browser", "google-chrome")
    options.binary_location = next(path for path in map(shutil.which, names) if path)
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield started
    started.quit()


Open = Callable[..., None]


@pytest.fixture
def open_page(browser: webdriver.Chrome, address: str) -> Open:
    """Return a function that opens a page at a width, waits for it and forgets what was logged before."""

    def opened(page: str, width: int = 1280) -> None:
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.get("about:blank")
        logged(browser, "performance"), logged(browser, "browser")
        browser.get(address + page)
        ready = "return document.readyState === 'complete' && document.fonts.status === 'loaded'"
        WebDriverWait(browser, 10).until(lambda driver: driver.execute_script(ready))
        time.sleep(0.2)  # scripts that start when the page has loaded

    return opened


def logged(browser: webdriver.Chrome, kind: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = browser.get_log(kind)  # type: ignore[no-untyped-call]
    return entries


def script(browser: webdriver.Chrome, code: str) -> Any:
    return browser.execute_script(code)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_nobody_else_and_has_no_error(
    browser: webdriver.Chrome, open_page: Open, address: str, page: str
) -> None:
    open_page(page)
    messages = [json.loads(entry["message"])["message"] for entry in logged(browser, "performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert address + page in asked
    hosts = {urlsplit(url).netloc for url in asked if urlsplit(url).scheme not in ("data", "blob", "about")}
    assert hosts == {urlsplit(address).netloc}
    failed = [
        m for m in messages if m["method"] == "Network.responseReceived" and m["params"]["response"]["status"] >= 400
    ]
    assert not failed
    assert not [entry for entry in logged(browser, "browser") if entry["level"] in ("SEVERE", "WARNING")]


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_wider_than_the_screen(browser: webdriver.Chrome, open_page: Open, page: str) -> None:
    for width in (360, 768, 1280):
        open_page(page, width)
        assert script(browser, "return document.documentElement.scrollWidth") <= width, width


def test_formulas_are_seen_in_the_font_that_comes_with_the_site(browser: webdriver.Chrome, open_page: Open) -> None:
    open_page("papers/lenet.html")
    sizes = script(
        browser,
        "return [...document.querySelectorAll('math')].filter(m => m.checkVisibility()).map(m => {"
        "const box = m.getBoundingClientRect(); return [box.width, box.height] })",
    )
    assert sizes
    assert all(width > 2 and height > 2 for width, height in sizes)
    assert script(browser, "return [...document.fonts].some(f => f.family.includes('STIX') && f.status === 'loaded')")


def test_a_citation_tells_its_reference_and_leads_to_it(browser: webdriver.Chrome, open_page: Open) -> None:
    open_page("papers/lenet.html")
    link = browser.find_element(By.CSS_SELECTOR, ".citation a")
    shown = "return getComputedStyle(document.querySelector('.citation a'), '::after').content"
    assert script(browser, shown) == "none"
    # By keyboard: the whole reference is there as soon as the link has the focus.
    script(browser, "document.querySelector('.citation a').focus({focusVisible: true})")
    assert script(browser, "return document.activeElement.matches('.citation a:focus-visible')")
    assert "(19" in script(browser, shown)
    assert script(
        browser,
        "return document.activeElement.ariaDescription || document.activeElement.getAttribute('aria-description')",
    )
    link.send_keys(Keys.ENTER)
    WebDriverWait(browser, 10).until(lambda driver: "references.html#ref-" in driver.current_url)
    assert script(browser, "return document.querySelector('li:target').checkVisibility()")


def test_a_section_leads_to_its_line_even_in_a_closed_listing(browser: webdriver.Chrome, open_page: Open) -> None:
    open_page("papers/lenet.html")
    script(browser, "document.querySelectorAll('details.listing').forEach(listing => listing.open = false)")
    link = browser.find_element(By.CSS_SELECTOR, "dl.sections a")
    script(browser, "document.querySelector('dl.sections a').scrollIntoView({block: 'center'})")
    link.click()
    WebDriverWait(browser, 10).until(
        lambda driver: driver.execute_script("return document.querySelector('.code span:target')?.checkVisibility()")
    )


def test_search_finds_a_page_offline(browser: webdriver.Chrome, open_page: Open) -> None:
    open_page("index.html")
    box = browser.find_element(By.CSS_SELECTOR, "input.md-search__input")
    script(browser, "document.querySelector('label.md-search__icon, [for=__search]').click()")
    box.send_keys("subsampling LeNet")
    WebDriverWait(browser, 10).until(
        lambda driver: driver.find_elements(By.CSS_SELECTOR, ".md-search-result__item a[href*='papers/lenet']")
    )


@pytest.mark.parametrize("scheme", ["default", "slate"])
def test_text_can_be_read_in_both_schemes(browser: webdriver.Chrome, open_page: Open, scheme: str) -> None:
    open_page("papers/lenet.html")
    script(browser, f"document.querySelector('input[data-md-color-scheme={scheme}]').click()")
    in_force = "return document.body.dataset.mdColorScheme"
    WebDriverWait(browser, 10).until(lambda driver: driver.execute_script(in_force) == scheme)
    ratios = script(browser, CONTRAST)
    assert ratios
    assert {name: ratio for name, ratio in ratios.items() if ratio < 4.5} == {}


# The contrast of each kind of coloured text with the page behind it, as WCAG 2 defines it.
CONTRAST = """
const context = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
const luminance = colours => {
  for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1) }
  const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = element => {
  const colours = [];
  for (let e = element; e; e = e.parentElement) colours.unshift(getComputedStyle(e).backgroundColor);
  return colours;
};
const found = {};
for (const kind of ['verdict', 'where', 'rule', 'record', 'stale', 'nothing', 'number', 'tag', 'statement']) {
  for (const element of document.querySelectorAll('.md-typeset .' + kind)) {
    if (!element.checkVisibility()) continue;
    const page = luminance(behind(element));
    const text = luminance([...behind(element), getComputedStyle(element).color]);
    const ratio = (Math.max(page, text) + 0.05) / (Math.min(page, text) + 0.05);
    const name = element.className;
    found[name] = Math.min(found[name] ?? 99, ratio);
  }
}
return found;
"""
