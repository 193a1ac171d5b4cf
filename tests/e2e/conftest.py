"""A headless Chromium with a webcam that shows Eileen Collins."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import av
import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from mimik.pipeline import Pipeline
from tests.faces import collins

__all__ = ["Visit", "Visitor"]

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    # Names that a browser does not take for this machine: no camera without TLS, cookies of their own.
    "--host-resolver-rules=MAP mimik.test 127.0.0.1",
)
_WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => {
  violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""


@dataclass
class Visit:
    """A page and what went wrong in it.

    Attributes:
        page: the page.
        troubles: console warnings and errors, uncaught errors, and requests to other hosts.
    """

    page: Page
    troubles: list[str] = field(default_factory=list)

    def picture(self, name: str) -> None:
        """Keep a screenshot where ``MIMIK_SCREENSHOTS`` says, if it does."""
        if folder := os.environ.get("MIMIK_SCREENSHOTS"):
            self.page.screenshot(path=Path(folder) / f"{name}.png")

    def check(self) -> None:
        """Fail if anything went wrong."""
        assert self.troubles == []
        assert self.page.evaluate("window.violations") == []


Visitor = Callable[..., AbstractContextManager[Visit]]

# What has to come true may take longer than Playwright's five seconds where other programs are at work.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def webcam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of Eileen Collins before a camera, for Chromium to play as a webcam."""
    path = tmp_path_factory.mktemp("webcam") / "collins.mjpeg"
    portrait = cv2.resize(collins(), (720, 720), interpolation=cv2.INTER_CUBIC)
    with av.open(str(path), "w", format="mjpeg") as file:
        stream = file.add_stream("mjpeg", rate=20)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuvj420p"
        for number in range(60):
            picture = np.full((720, 1280, 3), 150, np.uint8)
            left = 280 + round(20 * math.sin(number / 60 * 2 * math.pi))
            picture[:, left : left + 720] = portrait
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        file.mux(stream.encode())
    return path


@pytest.fixture(scope="package")
def browser(webcam: Path) -> Iterator[Browser]:
    """Chromium, from ``MIMIK_CHROMIUM`` or the search path."""
    program = os.environ.get("MIMIK_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        pytest.skip("there is no Chromium; set MIMIK_CHROMIUM to its path")
    with sync_playwright() as playwright:
        flags = [*_FLAGS, f"--use-file-for-fake-video-capture={webcam}"]
        with playwright.chromium.launch(executable_path=program, args=flags) as browser:
            yield browser


@pytest.fixture(scope="session")
def pipeline() -> Pipeline:
    """The real detector and model."""
    return Pipeline.load()


@pytest.fixture
def visit(browser: Browser) -> Visitor:
    """Open a page: ``with visit(address, width=390, height=844, color_scheme="dark") as visit``."""

    @contextmanager
    def open_page(address: str, width: int = 1280, height: int = 800, **options: str | bool) -> Iterator[Visit]:
        host = urlsplit(address).netloc
        with browser.new_context(viewport={"width": width, "height": height}, **options) as context:  # type: ignore[arg-type]
            context.add_init_script(_WATCH)
            visit = Visit(context.new_page())

            def heard(message: ConsoleMessage) -> None:
                if message.type in ("warning", "error"):
                    visit.troubles.append(f"{message.type}: {message.text}")

            def asked(request: Request) -> None:
                if not request.url.startswith(("blob:", "data:")) and urlsplit(request.url).netloc != host:
                    visit.troubles.append(f"request to {request.url}")

            visit.page.on("console", heard)
            visit.page.on("pageerror", lambda error: visit.troubles.append(f"uncaught: {error}"))
            visit.page.on("request", asked)
            visit.page.goto(address)
            visit.page.locator("html.spoken").wait_for()
            yield visit

    return open_page
