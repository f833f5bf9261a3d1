"""One browser for all tests of pages, and the pages that they open; Selenium is imported where a test needs it."""

import json
from tempfile import TemporaryDirectory

import pytest

from dltoolbox import analyzeNetwork, resnetLayers, unetLayers
from dltoolbox.report.document import document
from dltoolbox.report.html import write
from tests.report.networks import NETWORKS


@pytest.fixture(scope="session")
def started():
    """The browser, or the error that keeps it from running."""
    from selenium.common.exceptions import WebDriverException

    from tests.report.page import chromium

    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # it may still write when it has ended
        try:
            running = chromium(folder)
        except (LookupError, WebDriverException) as error:
            yield error
            return
        with running:
            running.get("about:blank")  # instead of the page of a new tab
            yield running


@pytest.fixture
def browser(started):
    if isinstance(started, Exception):
        pytest.skip("no Chromium, see test_chromium_runs")
    return started


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    return {name: write(document(analyzeNetwork(make(), nargout=1, Plots="none"), histograms=True), folder / f"{name}.html")
            for name, make in NETWORKS.items()}


@pytest.fixture
def show(browser, pages):
    """Opens a page; afterwards nothing was complained about, and nothing loaded but the page."""
    from tests.report.page import Page

    addresses = {path.as_uri() for path in pages.values()}
    for kind in ("browser", "performance"):
        browser.get_log(kind)

    def show(name, *, fragment="", width=1440, height=900):
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        browser.get("about:blank")
        browser.get(pages[name].as_uri() + fragment)
        return Page(browser)

    yield show
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    assert {url for url in asked if not url.startswith(("about:", "data:", "chrome:"))} <= addresses


@pytest.fixture(scope="session")
def deep(tmp_path_factory):
    """A residual network and a U-Net, which are folded and drawn as a U."""
    folder = tmp_path_factory.mktemp("deep")
    networks = {"residual": resnetLayers([32, 32, 3], 10, StackDepth=[3, 3, 3], NumFilters=[8, 16, 32], InitialFilterSize=3),
                "unet": unetLayers([64, 64, 3], 2, EncoderDepth=3)}
    return {name: write(document(analyzeNetwork(made, nargout=1, Plots="none")), folder / f"{name}.html")
            for name, made in networks.items()}


@pytest.fixture
def open_deep(browser, deep):
    from tests.report.page import Page

    def open_deep(name, *, width=1440, height=900):
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        browser.get("about:blank")
        browser.get_log("browser")
        browser.get(deep[name].as_uri())
        page = Page(browser)
        page.settle()
        return page
    yield open_deep
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
