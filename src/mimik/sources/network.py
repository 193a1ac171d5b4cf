"""Cameras and videos on a network, through PyAV: RTSP (over TCP where the server can), HTTP(S), MJPEG."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Generator
from urllib.parse import urlsplit

import av
from av.container import InputContainer

from mimik.errors import SourceError
from mimik.sources.decoding import Colours, DecodedPicture, Timeline, picture_stream
from mimik.sources.reconnect import Final, Reconnecting, Shot
from mimik.types import Notice

__all__ = ["NetworkStream", "public_name"]

# Recorders of one large make want ``/user=NAME&password=SECRET&channel=1.sdp``, or the same with underscores.
_SECRETS = re.compile(
    r"((?:user(?:name)?|pass(?:word|wd)?|pwd|token|key)=)(?:(?!_(?:pass|pwd|channel|stream))[^&;/])*", re.I
)

SCHEMES = ("rtsp", "rtsps", "http", "https")


class NetworkStream(Reconnecting):
    """A camera or a video at an address. A stream that breaks is reopened as soon as it is back.

    A video file at an HTTP address is played at its own pace and ends when it ends, or when the connection does: opened
    anew it would begin anew.

    Args:
        url: ``rtsp://…``, ``rtsps://…``, ``http://…`` or ``https://…``; may hold ``user:password@``.
        timeout_s: how long to wait for an answer, seconds: to the opening in all, later to each picture.
        notice: told when the stream is lost, and when it is back.

    Raises:
        SourceError: the address is none, does not answer in time or gives no video.
    """

    def __init__(self, url: str, *, timeout_s: float = 10, notice: Notice | None = None) -> None:
        name = public_name(url)

        def connect() -> _Open:
            return _Open(url, name, timeout_s)

        super().__init__(name, _within(timeout_s, connect, name), connect, notice)


def public_name(url: str) -> str:
    """The address without anything that may be secret: user, password, query, and what some cameras take in the path.

    Raises:
        SourceError: it is no address of a kind that can be read.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme.lower() not in SCHEMES or not host:
        # The address itself is not repeated: what cannot be taken apart may hold a password anywhere.
        raise SourceError("The address of the stream is not understood. Give one such as rtsp://host:554/path.")
    path = _SECRETS.sub(lambda found: f"{found[1]}…", parts.path)
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}{path}"


class _Open:
    """A stream that is open: a `mimik.sources.reconnect.Connection`."""

    def __init__(self, url: str, name: str, timeout_s: float) -> None:
        self._name = name
        self._timeout_s = timeout_s
        options = {"analyzeduration": "2000000"}
        if url.lower().startswith("rtsp"):
            options["rtsp_flags"] = "prefer_tcp"  # UDP for servers that know nothing else, as VLC
        try:
            # Opening is cut off by `_within`, which has words for it; FFmpeg gives up a little later.
            self._container: InputContainer = av.open(url, options=options, timeout=(timeout_s + 1, timeout_s))
        except (OSError, ValueError, av.FFmpegError) as error:
            raise self._failure(error) from None  # FFmpeg's own message holds the whole address
        stream = picture_stream(self._container)
        if stream is None:
            self._container.close()
            raise SourceError("{source}: gives no video.", source=name)
        # Frame threads hold pictures back; a live picture must not wait for the next ones.
        stream.thread_type = "SLICE"
        duration = self._container.duration
        # Live MJPEG comes with an invented clock, so that only files are believed in theirs.
        self._finite = url.lower().startswith("http") and duration is not None and duration > 0
        self._timeline = Timeline(stream)
        self._start = 0.0
        self._shots = self._read_all()

    def read(self) -> Shot | None:
        try:
            shot = next(self._shots, None)
        except (OSError, ValueError, av.FFmpegError) as error:
            failure = self._failure(error)
            raise (Final(failure.text, **failure.values) if self._finite else failure) from None
        if shot is None and not self._finite:
            raise SourceError("{source}: the stream broke off.", source=self._name)
        if shot is not None and shot.time_s is not None:
            self._start = self._start or time.perf_counter()
            time.sleep(max(0.0, self._start + shot.time_s - time.perf_counter()))
        return shot

    def close(self) -> None:
        self._shots.close()
        self._container.close()

    def _read_all(self) -> Generator[Shot, None, None]:
        colours = Colours()
        for packet in self._container.demux(self._timeline.stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue  # a damaged picture; the next key frame mends it
            for frame in frames:
                time_s = self._timeline.time(frame)
                yield Shot(DecodedPicture(frame, colours).image, time_s if self._finite else None)

    def _failure(self, error: Exception) -> SourceError:
        if isinstance(error, (av.error.ExitError, TimeoutError)):
            return _no_answer(self._name, self._timeout_s)
        detail = (error.strerror if isinstance(error, (OSError, av.FFmpegError)) else None) or type(error).__name__
        return SourceError(
            "{source}: cannot be read ({detail}). Check the address, the user name and the network.",
            source=self._name,
            detail=detail,
        )


def _no_answer(name: str, timeout_s: float) -> SourceError:
    return SourceError(
        "{source}: no answer within {seconds} s. Check the address and the network.",
        source=name,
        seconds=f"{timeout_s:g}",
    )


def _within(timeout_s: float, connect: Callable[[], _Open], name: str) -> _Open:
    """Connect in a thread and give up in time, since FFmpeg's own limits count each step anew; Ctrl-C works too."""
    lock = threading.Lock()
    done = threading.Event()
    outcome: list[_Open | BaseException] = []
    given_up = False

    def work() -> None:
        result: _Open | BaseException
        try:
            result = connect()
        except BaseException as error:  # handed on whole, to be raised in the caller's thread
            result = error
        with lock:
            if given_up and isinstance(result, _Open):
                result.close()
            outcome.append(result)
        done.set()

    threading.Thread(target=work, name=f"mimik opens {name}", daemon=True).start()
    try:
        done.wait(timeout_s)
    finally:
        with lock:
            given_up = not outcome
    if given_up:
        raise _no_answer(name, timeout_s)
    result = outcome[0]
    if isinstance(result, BaseException):
        raise result
    return result
