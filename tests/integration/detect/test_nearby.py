"""Moving known faces on and looking near them with the real networks, on the demo, beside searching every frame."""

from __future__ import annotations

import pytest

from mimik.config import Settings
from mimik.detect import CenterFace, Nearby
from mimik.load import load
from mimik.sources import Demo
from mimik.types import Box, Detection, Frame, FrameResult, Image, SourceKind

pytestmark = pytest.mark.integration

FPS = 10
FRAMES = range(40, 90)
"""Two faces, then the camera goes over to one of them."""


class Counted:
    """The detector, with the pixels counted that it was shown."""

    def __init__(self, detector: CenterFace) -> None:
        self.searched = 0
        self._detector = detector

    def pixels(self, width: int, height: int) -> int:
        return self._detector.pixels(width, height)

    def detect(self, image: Image) -> tuple[Detection, ...]:
        height, width = image.shape[:2]
        self.searched += self.pixels(width, height)
        return self._detector.detect(image)


def _watch(search_s: float, monkeypatch: pytest.MonkeyPatch) -> tuple[list[FrameResult], int]:
    """The demo's results, and how many pixels the network went over."""
    counted = Counted(CenterFace(threads=1))
    monkeypatch.setattr("mimik.load.make_detector", lambda name, **options: Nearby(counted))
    pipeline = load(Settings(search_s=search_s, threads=1))
    stream, demo = pipeline.stream(SourceKind.VIDEO), Demo(fps=FPS)
    frames = (Frame(demo.picture(index), index, index / FPS) for index in FRAMES)
    return [stream.process(frame) for frame in frames], counted.searched


def _same(one: Box, two: Box) -> bool:
    (x, y), (u, v), reach = one.centre, two.centre, one.height / 4
    return abs(x - u) < reach and abs(y - v) < reach and abs(one.height - two.height) < 2 * reach


def test_the_same_people_are_found_over_far_fewer_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere, all_pixels = _watch(0, monkeypatch)
    nearby, pixels = _watch(0.5, monkeypatch)
    assert pixels < 0.3 * all_pixels
    wanted = found = alike = extra = 0
    for one, two in zip(everywhere, nearby, strict=True):
        extra += max(0, len(two.faces) - len(one.faces))
        for face in one.faces:
            wanted += 1
            for other in two.faces:
                if _same(face.detection.box, other.detection.box):
                    found += 1
                    alike += (face.track_id, face.label) == (other.track_id, other.label)
    assert wanted > len(FRAMES)
    assert found >= 0.98 * wanted
    assert alike >= 0.95 * found
    assert extra <= 0.02 * wanted
