"""Decoded pictures are gone when nobody holds them, whatever the garbage collector does."""

import gc
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from mimik.sources import VideoFile


def test_a_picture_that_nobody_holds_is_freed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(40):
            picture = np.full((48, 64, 3), 5 * index, np.uint8)
            container.mux(stream.encode(VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    gc.collect()
    gc.disable()
    try:
        before = _held()  # by tests that ran earlier
        shapes = {(frame.pixels.shape, frame.image.shape) for frame in VideoFile(path)}
        left = _held() - before
    finally:
        gc.enable()
    assert shapes == {((48, 64), (48, 64, 3))}
    assert left < 10


def _held() -> int:
    return sum(type(held) is VideoFrame for held in gc.get_objects())  # asks nothing of objects that warn when asked
