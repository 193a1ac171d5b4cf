"""Written videos play in a browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser
from starlette.applications import Starlette
from starlette.staticfiles import StaticFiles

from mimik.sinks import AnnotatedVideo
from mimik.sources import Demo
from mimik.types import SourceKind
from tests.fakes import detection, fake_pipeline
from tests.serving import served

pytestmark = [pytest.mark.e2e, pytest.mark.timing]


@pytest.mark.parametrize("recoverable", [True, False], ids=["live recording", "annotated by analyze"])
def test_a_written_video_plays_to_its_end(browser: Browser, tmp_path: Path, recoverable: bool) -> None:
    stream = fake_pipeline(detection(x=100, y=80, side=120)).stream(SourceKind.VIDEO)
    with AnnotatedVideo(tmp_path / "film.mp4", 25, "tr", recoverable=recoverable) as video:
        for frame in Demo(seconds=1, fps=25, paced=False):
            video.write(stream.process(frame))
    (tmp_path / "index.html").write_text('<video src="film.mp4" muted></video>')
    site = Starlette()
    site.mount("/", StaticFiles(directory=tmp_path))
    with served(site) as server, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{server.address}/index.html")
        played = page.evaluate(
            """async () => {
                const video = document.querySelector("video");
                const over = new Promise((resolve, reject) => {
                    video.onended = resolve;
                    video.onerror = () => reject(new Error(video.error.message));
                });
                await video.play();
                await over;
                return [video.videoWidth, video.videoHeight, video.duration, video.currentTime];
            }"""
        )
    assert played[:2] == [640, 360]
    assert played[2] == pytest.approx(1, abs=0.1)
    assert played[3] == pytest.approx(played[2], abs=0.05)
