"""Runs steps in a file system of their own over this machine's, which nothing outside sees; for root on Linux.

Where there is no container engine this stands in for one. An overlay over ``/`` takes what steps write; a network of
its own has nothing but loopback, so that port 8420 is free; everything ends with the process.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["SCRATCH", "Root", "ask", "enter", "in_cell", "loopback_up", "mount", "permitted"]

SCRATCH = Path("/mnt")
"""Where a cell has room of its own; not /tmp, in which the project may lie."""

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_UNSHARED = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


def permitted() -> bool:
    """Whether this process may make file systems and networks of its own."""
    if sys.platform != "linux" or os.geteuid() or shutil.which("unshare") is None:
        return False
    return subprocess.run([*_UNSHARED, "true"], capture_output=True, check=False, timeout=20).returncode == 0


def in_cell(module: str, order: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
    """Run a module of the tests in a cell; it is given an order and gives a report, both as JSON."""
    done = subprocess.run(
        [*_UNSHARED, sys.executable, "-m", module],
        input=json.dumps(order),
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def enter() -> dict[str, Any]:
    """Begin within a cell: the order."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    mount("tmpfs", SCRATCH, kind="tmpfs")
    loopback_up()
    order: dict[str, Any] = json.load(sys.stdin)
    return order


def loopback_up() -> None:
    """Let 127.0.0.1 answer in a new network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        asked = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(link, _SIOCGIFFLAGS, asked), 16)
        fcntl.ioctl(link, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


@dataclass(slots=True)
class Root:
    """A root file system.

    Attributes:
        path: where it lies.
        environment: of what runs in it, and nothing else.
    """

    path: Path
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def over_this(cls, at: Path, shown: Mapping[str, str]) -> Root:
        """One that begins as this machine's, with folders of it also shown at other places."""
        at.mkdir()
        mount("tmpfs", at, kind="tmpfs")
        for name in ("upper", "work", "root"):
            (at / name).mkdir()
        root = at / "root"
        mount("overlay", root, kind="overlay", options=f"lowerdir=/,upperdir={at}/upper,workdir={at}/work")
        mount("/proc", root / "proc", "--rbind")
        mount("/dev", root / "dev", "--rbind")
        mount("tmpfs", root / "tmp", kind="tmpfs", options="mode=1777")
        for place, folder in shown.items():
            (root / place.lstrip("/")).mkdir(parents=True, exist_ok=True)
            mount(folder, root / place.lstrip("/"), "--bind")
        return cls(root, {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"})

    def at(self, path: str) -> Path:
        """Where a path of its own lies."""
        return self.path / path.lstrip("/")

    def show_python(self) -> None:
        """This machine's Python where an image has its own, for every user."""
        base = Path(os.path.realpath(sys.executable))
        place = self.at("/usr/local/bin/python")
        place.unlink(missing_ok=True)
        place.write_text(f'#!/bin/sh\nexec {base} "$@"\n', encoding="utf-8")  # a link would hide where its library is
        place.chmod(0o755)
        for folder in base.parents[:-1]:
            inside = self.at(str(folder))
            inside.chmod(inside.stat().st_mode | 0o011)

    def read_only(self) -> None:
        """Let nothing more be written, but to what is mounted in it from now on, and /tmp."""
        subprocess.run(["mount", "-o", "remount,bind,ro", str(self.path)], check=True)

    def start(self, command: Sequence[str], user: int = 0, folder: str = "/") -> subprocess.Popen[str]:
        """Start a command in it; another user than root also has no privilege left, nor a way to any."""
        if user:
            drop = ("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--clear-groups")
            command = ["setpriv", f"--reuid={user}", f"--regid={user}", *drop, "--", *command]

        def change() -> None:
            os.chroot(self.path)
            os.chdir(folder)

        return subprocess.Popen(
            command,
            env=self.environment,
            preexec_fn=change,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: Sequence[str], user: int = 0, folder: str = "/", timeout_s: float = 60) -> tuple[int, str]:
        """Run a command in it: its exit code and what it said."""
        process = self.start(command, user, folder)
        try:
            said, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            said, _ = process.communicate()
            said += "\n(killed)"
        return process.returncode, said


def mount(what: str, where: Path, *how: str, kind: str = "", options: str = "") -> None:
    """Mount something."""
    arguments = [*how, *(("-t", kind) if kind else ()), *(("-o", options) if options else ()), what, str(where)]
    subprocess.run(["mount", *arguments], check=True)


_ASK = """
import json, sys, urllib.error, urllib.request
method, address, headers, body = json.load(open(sys.argv[1]))
data = None if body is None else open(body, "rb").read()
request = urllib.request.Request("http://127.0.0.1:8420" + address, data, headers, method=method)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    answer = opener.open(request, timeout=60)
except urllib.error.HTTPError as error:
    answer = error
print(json.dumps([answer.status, answer.read().decode("utf-8", "replace")[:20000]]))
"""


def ask(method: str, address: str, headers: dict[str, str], body: str | None = None) -> list[Any]:
    """An HTTP request from this process's side, which shares the network: status and text."""
    order = SCRATCH / "order.json"
    order.write_text(json.dumps([method, address, headers, body]), encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", _ASK, str(order)], capture_output=True, text=True, check=True)
    answer: list[Any] = json.loads(done.stdout)
    return answer
