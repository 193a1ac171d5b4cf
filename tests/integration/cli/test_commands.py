"""The commands as people run them: in processes of their own, with the real line, on the bundled faces."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from websockets.sync.client import connect

from mimik.sources.portraits import EILEEN_COLLINS

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timing,
    pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes as POSIX has them"),
]

MIMIK = [sys.executable, "-c", "import sys; from mimik.cli import main; sys.exit(main())"]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MIMIK, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )


def start(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*MIMIK, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate()[1]
    return line


def test_the_demo_in_the_terminal_reads_collins_as_happy() -> None:
    result = run("demo", "--headless", "--seconds", "8")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    seconds = re.findall(r"^ +(\d+) s  ", result.stdout, re.MULTILINE)
    assert seconds == [str(n) for n in range(1, len(seconds) + 1)]
    assert len(seconds) >= 6
    assert "Happy" in result.stdout
    assert "faces in" in result.stdout
    assert re.search(r"latency \d+ ms \(p95 \d+ ms\), \d+ frames dropped\n$", result.stdout)


def test_text_can_be_piped_away_and_the_reader_may_leave() -> None:
    process = start("live", "demo", "--headless")
    assert json.loads(first_line(process))["source"] == "demo"
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(20) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_signals_end_text_with_a_whole_line(number: signal.Signals, code: int) -> None:
    process = start("live", "demo", "--headless")
    first = first_line(process)
    process.send_signal(number)
    rest, trouble = process.communicate(timeout=20)
    assert process.returncode == code
    assert trouble == ""
    assert all(json.loads(line)["schema_version"] == 1 for line in (first + rest).splitlines())


def test_a_recording_of_a_live_run_keeps_the_cameras_rate(tmp_path: Path) -> None:
    path = tmp_path / "demo.mp4"
    result = run("live", "demo", "--headless", "--seconds", "4", "--record", str(path))
    assert result.returncode == 0, result.stderr
    captured = json.loads(result.stdout.splitlines()[-1])["frame"]
    with av.open(str(path)) as video:
        stream = video.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        frames = sum(1 for _ in video.decode(stream))
    assert frames >= 0.8 * captured


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_the_text_is_told() -> None:
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [*MIMIK, "live", "demo", "--headless"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("mode", ["--headless", "--no-browser"])
@pytest.mark.parametrize("source", ["no-such-film.mp4", "97", "text"])
def test_a_source_that_is_none_is_code_2(source: str, mode: str, tmp_path: Path) -> None:
    if source == "text":
        (tmp_path / "film.mp4").write_text("not a video")
        source = str(tmp_path / "film.mp4")
    result = run("live", source, mode, MIMIK_LANG="tr")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("hata: ")
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


def page(process: "subprocess.Popen[str]") -> str:
    """The address that a server says."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"http://\S+", line):
            return found[0]
    raise AssertionError("the server ended without an address")


@pytest.mark.parametrize("command", [["demo"], ["live", "demo"], ["serve"]])
def test_the_page_is_served_until_ctrl_c(command: list[str]) -> None:
    began = time.monotonic()
    arguments = [*command, "--port", "0"] + (["--no-browser"] if command != ["serve"] else [])
    process = start(*arguments)
    try:
        address = page(process)
        with urllib.request.urlopen(address + "healthz") as answer:
            assert json.load(answer)["status"] == "ok"
        assert time.monotonic() - began < 10
        with urllib.request.urlopen(address + "settings.json") as answer:
            assert json.load(answer)["mode"] == ("camera" if command == ["serve"] else "source")
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_recording_from_the_page_is_completed_however_it_ends(number: signal.Signals, tmp_path: Path) -> None:
    path = tmp_path / "demo.mp4"
    process = start("live", "demo", "--record", str(path), "--no-browser", "--port", "0")
    try:
        address = page(process).replace("http:", "ws:")
        with connect(f"{address}ws/source") as viewer:
            while not isinstance(viewer.recv(20), bytes):
                pass
            process.send_signal(number)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0
    recorded = re.search(r"Recorded (\d+) frames", said)
    assert recorded is not None, said
    with av.open(str(path)) as video:
        assert sum(1 for _ in video.decode(video=0)) == int(recorded[1])


def test_the_page_ends_after_its_seconds() -> None:
    result = run("demo", "--no-browser", "--port", "0", "--seconds", "1")
    assert result.returncode == 0, result.stderr
    assert "http://127.0.0.1:" in result.stderr


def test_strangers_cannot_be_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIMIK_KEYS", str(tmp_path / "keys.json"))
    result = run("serve", "--host", "0.0.0.0", "--port", "0")
    assert result.returncode == 2
    assert "mimik key create" in result.stderr


def test_analyze_reads_the_bundled_faces(tmp_path: Path) -> None:
    result = run("analyze", str(EILEEN_COLLINS), "-o", str(tmp_path), "--format", "json", "--annotate", "--json")
    assert result.returncode == 0, result.stderr
    (row,) = json.loads((tmp_path / "faces.json").read_text())
    assert (row["top"], row["state"]) == ("happy", "sure")
    assert [Path(name).name for name in json.loads(result.stdout)["files"]] == ["faces.json", "eileen-collins.jpg"]


def test_doctor_finds_this_machine_fit() -> None:
    result = run("doctor", "--json")
    report = json.loads(result.stdout)
    assert result.returncode == 0, result.stdout
    assert report["works"]
    assert result.stderr == ""
    statuses = {check["check"]: check["status"] for check in report["checks"]}
    assert all(statuses[name] == "ok" for name in ("models", "detector", "demo", "video", "font"))


def test_without_a_screen_a_window_is_an_error_and_no_abort() -> None:
    result = run("live", "demo", "--window", DISPLAY="")
    assert result.returncode == 2
    assert "no screen" in result.stderr


@pytest.fixture
def display() -> Iterator[str]:
    """A virtual screen."""
    if shutil.which("Xvfb") is None or shutil.which("xdotool") is None:
        pytest.skip("needs Xvfb and xdotool")
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=(writer,),
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    with os.fdopen(reader) as answer:
        number = answer.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait(10)


@pytest.mark.parametrize("key", ["q", "Escape"])
def test_a_window_shows_the_faces_until_a_key_is_pressed(key: str, display: str, tmp_path: Path) -> None:
    path = tmp_path / "window.mp4"
    process = start("live", "demo", "--window", "--record", str(path), DISPLAY=display)
    environment = {**os.environ, "DISPLAY": display}
    try:
        found = subprocess.run(
            ["xdotool", "search", "--sync", "--onlyvisible", "--name", "Mimik"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        time.sleep(2)
        window = found.stdout.split()[0]
        subprocess.run(["xdotool", "windowfocus", window, "key", key], env=environment, check=True, timeout=20)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0, said
    with av.open(str(path)) as video:
        assert sum(1 for _ in video.decode(video=0)) > 20
