"""What videos from files and from networks share: the stream to read, upright pictures, times."""

from __future__ import annotations

import threading
from typing import NamedTuple, cast

import cv2
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter
from av.video.stream import VideoStream

from mimik.types import Gray, Image

__all__ = ["Colours", "DecodedPicture", "Timeline", "picture_stream"]


def picture_stream(container: InputContainer) -> VideoStream | None:
    """The first video stream that can be decoded and is no cover picture; None where there is none."""
    for stream in container.streams.video:
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic:
            return stream
    return None


class Colours:
    """Turns the frames of one video into BGR; may be shared by threads."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._one = threading.Lock()

    def bgr(self, frame: VideoFrame) -> Image:
        """``(H, W, 3)`` uint8, as the frame lies in the file."""
        with self._one:
            return cast(Image, self._reformatter.reformat(frame, format="bgr24").to_ndarray())


class DecodedPicture:
    """A decoder's frame as a `mimik.types.Picture`: luma at once, colours when they are asked for.

    Both are turned and flipped as the frame's display matrix says (ISO/IEC 14496-12, 8.3.2.3).

    Args:
        frame: whose buffers are kept as long as this is.
        colours: makes its colours; None: one of its own, which takes six times as long.
    """

    def __init__(self, frame: VideoFrame, colours: Colours | None = None) -> None:
        self._frame = frame
        self._colours = colours or Colours()
        self._turn = _Turn.of(frame)
        self._image: Image | None = None
        self._gray: Gray | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = self._frame.width, self._frame.height
        return (height, width) if self._turn.across else (width, height)

    @property
    def image(self) -> Image:
        """``(H, W, 3)`` uint8, BGR."""
        if self._image is None:
            self._image = self._turn.upright(self._colours.bgr(self._frame))
        return self._image

    @property
    def gray(self) -> Gray:
        """``(H, W)`` uint8: the decoder's own luma, where it has eight bits, from black to white."""
        if self._gray is None:
            luma = _luma(self._frame)
            self._gray = _gray_of(self.image) if luma is None else self._turn.upright(luma)
        return self._gray


def _gray_of(image: Image) -> Gray:
    """Luma by the weights of ITU-R BT.601."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


_PLANAR = frozenset(f"{kind}{form}" for kind in ("yuv", "yuvj") for form in ("420p", "422p", "444p", "440p", "411p"))
_PLANAR_TOO = frozenset(("nv12", "nv21", "gray"))


def _luma(frame: VideoFrame) -> Gray | None:
    """A frame's first plane in full range, where that is its luma in bytes."""
    form = frame.format.name
    if form not in _PLANAR and form not in _PLANAR_TOO:
        return None
    plane = frame.planes[0]
    luma: Gray = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
    if form.startswith("yuvj") or form == "gray" or frame.color_range == ColorRange.JPEG:
        return luma
    # Broadcast range: black is 16, white 235 (ITU-R BT.601). Darker than black, which cameras do not make, is a little
    # lighter than it afterwards.
    return np.asarray(cv2.convertScaleAbs(luma, alpha=255 / 219, beta=-16 * 255 / 219), np.uint8)


class _Turn(NamedTuple):
    """How a frame is to be turned to stand upright."""

    across: bool
    """Whether rows become columns."""
    flip: int | None
    """As `cv2.flip` has it."""

    @staticmethod
    def of(frame: VideoFrame) -> _Turn:
        # Not `frame.side_data`, which the frame keeps and which keeps the frame: pictures would pile up, 70 MB of them,
        # until the garbage collector comes by.
        matrix = SideDataContainer(frame).get(SideDataType.DISPLAYMATRIX)  # type: ignore[call-arg]  # its stub says nothing
        if matrix is None:
            return _Turn(False, None)
        # x' = a x + c y and y' = b x + d y, in a plane where y points down.
        a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32, 5)
        across = bool(abs(int(b)) > abs(int(a)))
        if across:
            a, d = c, b
        return _Turn(across, None if a >= 0 and d >= 0 else -1 if a < 0 and d < 0 else 1 if a < 0 else 0)

    def upright(self, picture: Image) -> Image:
        if self.across:
            picture = cast(Image, cv2.transpose(picture))
        return picture if self.flip is None else cast(Image, cv2.flip(picture, self.flip))


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
