"""The graph as Kedro-Viz shows it first."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait


@pytest.fixture
def server(workplace: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "kedro", "viz", "run", "--no-browser", f"--port={port}", "--env=tiny"]
    environment = os.environ | {"KEDRO_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
    process = subprocess.Popen(command, cwd=workplace, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "started successfully" in line:
            break
    yield f"http://127.0.0.1:{port}/"
    process.terminate()


@pytest.fixture
def own_browser() -> Iterator[webdriver.Chrome]:
    """A browser of its own: Kedro-Viz asks for fonts, which the report's tests would take for a request of theirs."""
    browser, driver = (shutil.which(name) for name in ("chromium", "chromedriver"))
    if not (browser and driver):
        pytest.skip("needs a browser: apt-get install -y chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    chromium = webdriver.Chrome(options=options, service=Service(driver))
    yield chromium
    chromium.quit()


@pytest.mark.slow
def test_the_folded_graph_is_drawn_at_once_without_a_warning(server: str, own_browser: webdriver.Chrome) -> None:
    patient = WebDriverWait(own_browser, 120, ignored_exceptions=[WebDriverException])
    patient.until(lambda page: page.get(server) is None)
    nodes = patient.until(lambda page: page.find_elements(By.CSS_SELECTOR, ".pipeline-node"))
    assert 6 <= len(nodes) <= 40
    assert "chonky" not in own_browser.page_source
