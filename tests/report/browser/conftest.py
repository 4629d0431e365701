"""A headless Chromium, one for all tests; where there is none, they are skipped."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.wait import WebDriverWait

MISSING = "needs a browser: apt-get install -y chromium chromium-driver"
DESKTOP = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}


class Page:
    """The page in view."""

    def __init__(self, driver: webdriver.Chrome):
        self.driver = driver

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def press(self, *keys: str, on: str | None = None) -> None:
        """Types ``keys``: to the page, or to one of its elements."""
        if on is None:
            ActionChains(self.driver).send_keys(*keys).perform()
        else:
            self.find(on).send_keys(*keys)

    def pixels(self, selector: str, at: tuple[int, int] | None = None) -> np.ndarray:
        """What a canvas shows, uint8 [height, width, 3]; or [3], its pixel at so much right of and below its middle."""
        shape, values = self.driver.execute_script(
            "const [canvas, at] = arguments;"
            "const [width, height] = at ? [1, 1] : [canvas.width, canvas.height];"
            "const [x, y] = at ? [canvas.width / 2 + at[0], canvas.height / 2 + at[1]].map(Math.floor) : [0, 0];"
            "const copy = new OffscreenCanvas(width, height).getContext('2d');"
            "copy.drawImage(canvas, -x, -y);"
            "return [at ? [4] : [height, width, 4], [...copy.getImageData(0, 0, width, height).data]]",
            self.find(selector),
            at,
        )
        return np.array(values, np.uint8).reshape(shape)[..., :3]

    def top_in_view(self, element: WebElement) -> float:
        """Pixels from the top of the screen to that of ``element``."""
        return self.driver.execute_script("return arguments[0].getBoundingClientRect().top", element)

    def reload(self) -> None:
        """Returns with the new document in view: refreshing may return while the old one still is."""
        old = self.find("body")
        self.driver.refresh()
        WebDriverWait(self.driver, 60).until(staleness_of(old))
        self.wait_for_pictures()

    def wait_for_pictures(self) -> None:
        self.driver.execute_async_script(
            "const done = arguments[0];"
            "Promise.all([...document.images].map((image) => image.decode()))"
            ".then(() => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
        )

    @property
    def picture_widths(self) -> list[int]:
        """Natural width of every picture; 0 where one is broken."""
        return self.driver.execute_script("return [...document.images].map((image) => image.naturalWidth)")

    @property
    def overflow(self) -> int:
        """Pixels by which the page is wider than the screen."""
        return self.driver.execute_script(
            "const { scrollWidth, clientWidth } = document.documentElement; return scrollWidth - clientWidth"
        )


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    browser, driver = (shutil.which(name) for name in ("chromium", "chromedriver"))
    if not (browser and driver):
        pytest.skip(MISSING)
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chromium = webdriver.Chrome(options=options, service=Service(driver))
    yield chromium
    chromium.quit()


@pytest.fixture
def browser(chromium: webdriver.Chrome) -> Iterator[webdriver.Chrome]:
    """At desktop size. The test fails where the console shows anything or a page asks anyone for anything."""
    _emulate(chromium, DESKTOP)
    _requested(chromium)
    yield chromium
    assert chromium.get_log("browser") == []
    assert {address.partition(":")[0] for address in _requested(chromium)} <= {"file", "data", "blob"}
    chromium.get("about:blank")


@pytest.fixture
def phone(browser: webdriver.Chrome) -> webdriver.Chrome:
    """The same as wide as a phone, with a touch screen."""
    _emulate(browser, PHONE)
    return browser


@pytest.fixture
def open_page(browser: webdriver.Chrome, tmp_path: Path) -> Callable[..., Page]:
    """Opens HTML as a file on disk, as its reader would, and waits for its pictures unless told not to."""

    def open_page(html: str, wait: bool = True) -> Page:
        file = tmp_path / "page.html"
        file.write_text(html)
        browser.get(file.as_uri())
        page = Page(browser)
        if wait:
            page.wait_for_pictures()
        return page

    return open_page


def _emulate(browser: webdriver.Chrome, screen: dict) -> None:
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    still = {"name": "prefers-reduced-motion", "value": "reduce"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [still]})
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": screen["mobile"]})


def _requested(browser: webdriver.Chrome) -> list[str]:
    """Addresses asked for since the last call."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
