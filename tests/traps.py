"""Files that are no videos but would make a careless reader open other files and addresses; and who notices."""

from __future__ import annotations

import ctypes
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

__all__ = ["Watch", "listening", "traps", "watching"]

_OPENED = 0x20 | 0x1  # IN_OPEN | IN_ACCESS


class Watch:
    """Notices when a file is opened or read, through inotify(7), whoever does it and in whatever language."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def noticed(self) -> bool:
        """Whether it was, since the last question."""
        try:
            return bool(os.read(self._descriptor, 4096))
        except BlockingIOError:
            return False


@contextmanager
def watching(path: Path) -> Iterator[Watch]:
    """Watch a file."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert descriptor >= 0
    try:
        assert libc.inotify_add_watch(descriptor, os.fsencode(path), _OPENED) >= 0
        yield Watch(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def listening(content: bytes) -> Iterator[tuple[str, list[str]]]:
    """A web server on this machine: its address, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def traps(canary: Path, address: str) -> dict[str, bytes]:
    """Playlists and the like that lead to a file, and to an address, by what they are."""
    name, absolute, url = canary.name, str(canary), f"{address}/segment.ts"
    found: dict[str, str] = {}
    for where, target in (("beside", name), ("absolute", absolute), ("file", f"file://{absolute}"), ("http", url)):
        found |= {
            f"m3u8 {where}": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n"
            f"{target}\n#EXT-X-ENDLIST\n",
            f"m3u8 master {where}": f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\n{target}\n",
            f"m3u8 key {where}": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n"
            f'#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n#EXTINF:2.0,\n{target}\n#EXT-X-ENDLIST\n',
            f"ffconcat {where}": f"ffconcat version 1.0\nfile '{target}'\n",
            f"concat {where}": f"file '{target}'\n",
            f"dash {where}": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" '
            'profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" type="static" mediaPresentationDuration="PT2S">'
            '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1000">'
            f"<BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>",
            f"xspf {where}": '<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList>'
            f"<track><location>{target}</location></track></trackList></playlist>",
            f"asx {where}": f'<asx version="3.0"><entry><ref href="{target}"/></entry></asx>',
            f"pls {where}": f"[playlist]\nFile1={target}\nNumberOfEntries=1\nVersion=2\n",
            f"rtsptext {where}": f"RTSPtext\n{target}\n",
            f"svg {where}": '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
            f'<image xlink:href="{target}" width="9" height="9"/></svg>',
        }
    port = int(address.rpartition(":")[2])
    found["sdp"] = (
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        f"m=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    )
    return {kind: text.encode() for kind, text in found.items()} | {"reference": _reference_movie(absolute)}


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def _reference_movie(target: str) -> bytes:
    """A QuickTime reference movie (``rmra``): a file that says that the film is somewhere else."""
    reference = b"\0\0\0\0" + b"url " + struct.pack(">I", len(target) + 1) + target.encode() + b"\0"
    return _box(b"ftyp", b"qt  \0\0\0\0qt  ") + _box(b"moov", _box(b"rmra", _box(b"rmda", _box(b"rdrf", reference))))
