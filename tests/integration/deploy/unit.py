"""Within a cell: runs what the systemd unit starts, with the surroundings that the unit asks for, and reports."""

from __future__ import annotations

import configparser
import errno
import json
import os
import shlex
import signal
import subprocess
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.integration.deploy.cell import SCRATCH, Root, ask, enter, mount

__all__ = ["UNIT", "allowed_calls", "settings"]

UNIT = Path(__file__).parents[3] / "deploy" / "mimik.service"
_USER = 61_200
_SECONDS_TO_START = 90


class _Many(dict[str, Any]):
    """A section in which a name may stand several times."""

    def __setitem__(self, name: str, value: Any) -> None:
        if isinstance(value, list) and isinstance(self.get(name), list):
            value = self[name] + value
        super().__setitem__(name, value)


def settings() -> dict[str, list[str]]:
    """The settings of the unit's service, each with its values in order."""
    parser = configparser.RawConfigParser(dict_type=_Many, strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment]
    parser.read(UNIT, encoding="utf-8")
    return {name: text.split("\n") for name, text in parser.items("Service")}


def allowed_calls(filters: Sequence[str]) -> list[str]:
    """The system calls that the values of ``SystemCallFilter=`` leave, by this machine's systemd."""
    listed = subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True, check=True)
    sets: dict[str, list[str]] = {}
    for line in listed.stdout.splitlines():
        word = line.strip()
        if word.startswith("@") and line == word:
            sets[(last := word)] = []
        elif word and not word.startswith("#") and line != word:
            sets[last].append(word)

    def expand(name: str) -> set[str]:
        return set[str]().union(*map(expand, sets[name])) if name.startswith("@") else {name}

    allowed: set[str] = expand("@default")
    for text in filters:
        names = set[str]().union(*map(expand, text.removeprefix("~").split()))
        allowed = allowed - names if text.startswith("~") else allowed | names
    return sorted(allowed)


def main() -> None:
    """Read the order, and print the report."""
    order = enter()
    picture = SCRATCH / "picture.jpg"
    picture.write_bytes(bytes.fromhex(order["picture"]))
    unit = settings()
    root = Root.over_this(
        SCRATCH / "root", {"/installed": sysconfig.get_path("purelib"), "/tests": str(UNIT.parents[1])}
    )
    root.show_python()
    command = root.at("/opt/mimik/bin/mimik")
    command.parent.mkdir(parents=True, exist_ok=True)
    start = "import sys; sys.path[:0] = ['/tests/src', '/installed']; from mimik.cli import main; sys.exit(main())"
    command.write_text(f'#!/bin/sh\nexec /usr/local/bin/python -c "{start}" "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    for folder in ("/var/lib/mimik", "/var/cache/mimik", "/run/credentials/mimik.service"):
        root.at(folder).mkdir(parents=True, mode=0o700, exist_ok=True)
        mount("tmpfs", root.at(folder), kind="tmpfs", options=f"mode=700,uid={_USER},gid={_USER}")
    specifiers = {"%S": "/var/lib", "%C": "/var/cache", "%d": "/run/credentials/mimik.service", "%%": "%"}

    def told(text: str) -> str:
        for name, value in specifiers.items():
            text = text.replace(name, value)
        return text

    for text in unit["Environment"]:
        root.environment |= dict(word.split("=", 1) for word in shlex.split(told(text)))
    root.environment["CREDENTIALS_DIRECTORY"] = specifiers["%d"]
    words = shlex.split(told(unit["ExecStart"][0]))
    made = root.run([words[0], "key", "create", "--name", "probe", "--json"], _USER)
    mount("tmpfs", root.at(specifiers["%d"]), "-o", "remount,ro")
    root.read_only()
    filtered = [
        "python",
        "/tests/tests/integration/deploy/filtered.py",
        str(getattr(errno, unit["SystemCallErrorNumber"][0])),
    ]
    filtered.append(",".join(allowed_calls(unit["SystemCallFilter"])))
    report: dict[str, Any] = {
        "key": made,
        "refused calls": root.run([*filtered, "python", "-c", _FORBIDDEN], _USER),
    }
    server = root.start([*filtered, *words], _USER, told(unit["WorkingDirectory"][0]))
    deadline_s = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline_s and server.poll() is None:
        try:
            if ask("GET", "/readyz", {})[0] == 200:
                break
        except subprocess.CalledProcessError:
            time.sleep(0.3)
    if server.poll() is None:
        key = {"Authorization": f"Bearer {json.loads(made[1])['token']}"}
        report["refused"] = ask("GET", "/v1/models", {})
        report["answered"] = ask("POST", "/v1/analyze", {"Content-Type": "image/jpeg", **key}, str(picture))
        report["kept"] = ask("GET", "/v1/store", key)
        server.send_signal(getattr(signal, unit["KillSignal"][0]))
    try:
        said, _ = server.communicate(timeout=int(unit["TimeoutStopSec"][0]))
    except subprocess.TimeoutExpired:
        server.kill()
        said, _ = server.communicate()
    report["stopped"] = [server.returncode, said]
    report["data"] = sorted(os.listdir(root.at("/var/lib/mimik")))
    print(json.dumps(report))


_FORBIDDEN = """
import mmap, os
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except OSError as error:
    print('code', error.errno)
try:
    os.nice(1)
except OSError as error:
    print('nice', error.errno)
"""


if __name__ == "__main__":
    main()
