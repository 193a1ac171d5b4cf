"""Parts of a video file, read without what lies before them.

The packets of a file tell, without being decoded, when each frame is shown and where decoding can begin. Where they
tell it beyond doubt, a part is decoded from the key frame before it; its frames have the indices and times of a run
from the beginning. Where the decoder gives other frames than the packets promised, that is said; nothing is guessed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from mimik.sources.decoding import Colours, DecodedPicture, Timeline, picture_stream
from mimik.sources.video import VideoFile
from mimik.types import Frame

__all__ = ["Deviation", "Part", "VideoIndex", "VideoPart", "index_video"]

# Codecs whose key frames begin anew, so that what is decoded from one is what a whole run decodes; and whether it is
# so, by their standards, even where frames that are shown before the key frame are decoded after it ("open GOP").
_CODECS = {"h264": False, "hevc": True, "mpeg2video": True, "mpeg4": True, "mjpeg": False, "vp9": False}
_CONTAINERS = frozenset({"mov", "mp4", "matroska", "webm"})


@dataclass(frozen=True, slots=True, eq=False)
class VideoIndex:
    """What a file's packets tell of its frames.

    Attributes:
        stamps: ``(N,)`` int64, each frame's time stamp in units of `time_base`, in the order in which they are shown.
        times_s: ``(N,)`` float64, the times that `VideoFile` gives them.
        keys: ``(K, 2)`` int64: where decoding can begin, as the frame's stamp and the one to seek by, in order.
        time_base: seconds a unit of a stamp.
    """

    stamps: NDArray[np.int64]
    times_s: NDArray[np.float64]
    keys: NDArray[np.int64]
    time_base: Fraction

    def begin(self, first: int) -> int:
        """The index of the frame with which decoding begins for those from an index on."""
        return int(np.searchsorted(self.stamps, self.keys[self._key(first), 0]))

    def part(self, first: int, end: int) -> Part:
        """The frames from one index up to another, which is outside."""
        return Part(
            first=first,
            origin=_seconds(int(self.stamps[0]), self.time_base),
            stamps=tuple(int(stamp) for stamp in self.stamps[first:end]),
            seek=int(self.keys[self._key(first), 1]),
            last=end == len(self.stamps),
        )

    def _key(self, first: int) -> int:
        return int(np.searchsorted(self.keys[:, 0], self.stamps[first], side="right")) - 1


@dataclass(frozen=True, slots=True)
class Part:
    """Frames of a video that follow each other, and how to get at them. Made by `VideoIndex.part`.

    Attributes:
        first: the first one's index.
        origin: the time stamp of the video's first frame, seconds.
        stamps: their time stamps.
        seek: the stamp by which to seek for the frame with which decoding begins.
        last: whether the video ends with them.
    """

    first: int
    origin: float
    stamps: tuple[int, ...]
    seek: int
    last: bool


class Deviation(Exception):  # noqa: N818 (nothing that a person sees)
    """The decoder gave other frames than the packets promised: only a run from the beginning can tell."""


def index_video(path: str | os.PathLike[str]) -> VideoIndex | None:
    """Go over a file's packets without decoding them; None where its parts can be read from its beginning alone.

    So it is where stamps are missing, doubled or odd, packets are damaged or not to be shown, frames are few against
    the file's own length, and with formats that cannot be sought in to the frame.

    Raises:
        SourceError: the file cannot be read, or is no video.
    """
    video = _Indexed(path)
    return video.index()


class _Indexed(VideoFile):
    """A video file whose packets are looked at."""

    def index(self) -> VideoIndex | None:
        with self._open() as container:
            stream = picture_stream(container)
            if stream is None or stream.time_base is None or self.damaged is not None:
                return None
            names = set(container.format.name.split(","))
            if stream.codec_context.name not in _CODECS or not names & _CONTAINERS:
                return None
            packets = _packets(container, stream)
            if packets is None:
                return None
            shown, decoded, keyed, end = packets
            stamps = np.sort(shown)
            if len(stamps) == 0 or (np.diff(stamps) <= 0).any() or not keyed[0]:
                return None
            base = stream.time_base
            times = [_seconds(stamp, base) for stamp in stamps.tolist()]
            length_s = (end - int(stamps[0])) * float(base)
            if self._shortfall(stream, length_s) is not None or not self._begins_with(times[0]):
                return None
            return VideoIndex(
                stamps=stamps,
                times_s=np.array([round(stamp - times[0], 6) for stamp in times]),
                keys=_keys(shown, decoded, keyed, _CODECS[stream.codec_context.name]),
                time_base=base,
            )

    def _begins_with(self, first_s: float) -> bool:
        """Whether the decoder's first frame is the packets' first."""
        with self._open() as container:
            stream = picture_stream(container)
            assert stream is not None
            frames = (frame for _, frame in self._decode(container, Timeline(stream)))
            frame = next(frames, None)
            return frame is not None and frame.time == first_s and frame.time_base == stream.time_base


class VideoPart(VideoFile):
    """A part of a video file: some of its frames, with the indices and times of a run from the beginning.

    Args:
        path: the file.
        part: which frames.

    Raises:
        SourceError: the file does not exist, cannot be read, is no video or has no frames.
    """

    def __init__(self, path: str | os.PathLike[str], part: Part) -> None:
        super().__init__(path)
        self._part = part

    def __iter__(self) -> Iterator[Frame]:
        """The part's frames.

        Raises:
            SourceError: the file vanished.
            Deviation: there are others than the packets promised, or the file is damaged here.
        """
        part, given, colours = self._part, 0, Colours()
        with self._open() as container:
            stream = picture_stream(container)
            if stream is None:
                raise Deviation
            stream.thread_type = "AUTO"
            try:
                container.seek(part.seek, stream=stream)
            except (OSError, av.FFmpegError) as error:
                raise Deviation from error
            for time_s, frame in self._decode(container, Timeline(stream, part.origin)):
                if self._closed:
                    return
                if self.damaged is not None or frame.pts is None:
                    raise Deviation
                if frame.pts < part.stamps[0] and not given:
                    continue
                if given == len(part.stamps):
                    if part.last:
                        raise Deviation
                    return
                if frame.pts != part.stamps[given]:
                    raise Deviation
                picture = DecodedPicture(frame, colours)
                yield Frame(picture, part.first + given, time_s, time.perf_counter(), self.name)
                given += 1
        if given < len(part.stamps) or self.damaged is not None:
            raise Deviation


def _seconds(stamp: int, base: Fraction) -> float:
    return float(stamp) * base.numerator / base.denominator  # as `av.VideoFrame.time`, to the last bit


def _packets(
    container: InputContainer, stream: av.video.stream.VideoStream
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], int] | None:
    """Stamps by which packets are shown and decoded, whether they are key frames, and where the last one ends."""
    shown: list[int] = []
    decoded: list[int] = []
    keyed: list[bool] = []
    end = 0
    try:
        for packet in container.demux(stream):
            if packet.size == 0:  # the end
                continue
            if packet.pts is None or packet.is_corrupt or packet.is_discard:
                return None
            shown.append(packet.pts)
            decoded.append(packet.pts if packet.dts is None else packet.dts)
            keyed.append(packet.is_keyframe)
            end = max(end, packet.pts + (packet.duration or 0))
    except (OSError, ValueError, av.FFmpegError):
        return None
    return np.array(shown, np.int64), np.array(decoded, np.int64), np.array(keyed, bool), end


def _keys(
    shown: NDArray[np.int64], decoded: NDArray[np.int64], keyed: NDArray[np.bool_], leading: bool
) -> NDArray[np.int64]:
    """Key frames that no frame decoded before outlasts; whether they may have `leading` ones, shown before them."""
    before = np.concatenate(([np.iinfo(np.int64).min], np.maximum.accumulate(shown)[:-1]))
    after = np.concatenate((np.minimum.accumulate(shown[::-1])[::-1][1:], [np.iinfo(np.int64).max]))
    good = keyed & (before < shown) & ((after > shown) | leading)
    keys = np.stack((shown[good], np.minimum(shown, decoded)[good]), axis=1)
    beginning = np.array([[shown.min(), min(shown.min(), decoded.min())]])
    return keys if len(keys) and keys[0, 0] == beginning[0, 0] else np.concatenate((beginning, keys))
