"""What videos from files and from networks share: the stream to read, upright pictures, times."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mimik.types import Image

__all__ = ["Timeline", "picture_stream", "upright_image"]


def picture_stream(container: InputContainer) -> VideoStream | None:
    """The first video stream that can be decoded and is no cover picture; None where there is none."""
    for stream in container.streams.video:
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic:
            return stream
    return None


def upright_image(frame: VideoFrame) -> Image:
    """A frame in BGR, turned and flipped as its display matrix says (ISO/IEC 14496-12, 8.3.2.3)."""
    image = cast(Image, frame.to_ndarray(format="bgr24"))
    matrix = cast(SideDataContainer, frame.side_data).get(SideDataType.DISPLAYMATRIX)
    if matrix is None:
        return image
    # x' = a x + c y and y' = b x + d y, in a plane where y points down.
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32, 5)
    if abs(int(b)) > abs(int(a)):
        image = cast(Image, cv2.transpose(image))
        a, d = c, b
    if a < 0 or d < 0:
        image = cast(Image, cv2.flip(image, -1 if a < 0 and d < 0 else 1 if a < 0 else 0))
    return image


class Timeline:
    """Seconds since the first frame, by the frames' own time stamps; never backwards.

    Args:
        stream: where the frames come from.
        origin: the first frame's stamp in seconds, for a run that begins later; None: the first one's that comes.
    """

    # A clock that leaps back further than this was set anew (recordings laid end to end); less is disorder.
    _RESET_S = 1.0

    def __init__(self, stream: VideoStream, origin: float | None = None) -> None:
        self.stream = stream
        rate = stream.average_rate or stream.guessed_rate
        self._step = float(1 / rate) if rate else 0.04
        self._origin = origin
        self._last = -self._step

    def time(self, frame: VideoFrame) -> float:
        """The next frame's time. Where it has no stamp, one frame's duration at the average rate after the last."""
        stamp = frame.time
        if stamp is None:
            self._last = round(self._last + self._step, 6)
            return self._last
        if self._origin is None or stamp - self._origin < self._last - self._RESET_S:
            self._origin = stamp - (self._last + self._step)
        self._last = max(round(stamp - self._origin, 6), self._last)
        return self._last
