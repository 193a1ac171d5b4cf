"""Within a cell: takes the steps of the container file, runs what they made as an engine would, and reports."""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.integration.deploy.cell import SCRATCH, Root, ask, enter, mount
from tests.integration.deploy.containerfile import Instruction, Stage, command_of, parse, variables

__all__ = ["context_files"]

_REPOSITORY = Path(__file__).parents[3]
_SECONDS_TO_START = 90
_SECONDS_TO_STOP = 30
# What the machine's own packages stand in for: see docs/deployment.md, "What was tested".
_APT = '#!/bin/sh\n[ "$1" = update ] && exit 0\nshift\nfor each; do case $each in -*) ;; *) dpkg -s "$each" >/dev/null || exit 1;; esac; done\n'  # noqa: E501
_PIP = {"PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "false", "PIP_NO_INDEX": "1"}


def context_files() -> tuple[str, ...]:
    """What `.dockerignore` leaves of the repository, as git knows it."""
    rules = [
        line.rstrip("/")
        for line in (_REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=_REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(name for name in listed.stdout.splitlines() if not _left_out(name, rules))


def _left_out(name: str, rules: Sequence[str]) -> bool:
    """The last rule that matches a path, or a folder above it, decides."""
    paths = [name, *(str(folder) for folder in Path(name).parents if str(folder) != ".")]
    out = False
    for rule in rules:
        pattern = rule.removeprefix("!")
        patterns = {pattern, pattern.removeprefix("**/"), "*/" + pattern.removeprefix("**/")}
        if any(fnmatch.fnmatchcase(path, each) for path in paths for each in patterns):
            out = not rule.startswith("!")
    return out


class _Build:
    """The stages so far."""

    def __init__(self, work: Path, installed: str) -> None:
        self._work = work
        self._installed = installed
        self.roots: dict[str, Root] = {}
        self.ran: list[str] = []
        self.folder = "/"

    def take(self, stage: Stage) -> Root:
        root = Root.over_this(self._work / f"stage-{len(self.roots)}", {"/installed": self._installed})
        root.show_python()
        apt = root.at("/usr/local/sbin/apt-get")
        apt.write_text(_APT, encoding="utf-8")
        apt.chmod(0o755)
        self.folder = "/"
        for step in stage.steps:
            self._step(root, step)
        apt.unlink()
        self.roots[stage.name] = root
        return root

    def _step(self, root: Root, step: Instruction) -> None:
        if step.name in ("ENV", "ARG"):
            root.environment |= variables(step.text, root.environment)
        elif step.name == "WORKDIR":
            self.folder = step.text
            root.at(step.text).mkdir(parents=True, exist_ok=True)
        elif step.name == "COPY":
            self._copy(root, step.text.split())
        elif step.name == "RUN":
            plain = root.environment
            root.environment = plain | _PIP
            began = time.time()
            code, said = root.run(["/bin/sh", "-c", step.text], folder=self.folder, timeout_s=120)
            root.environment = plain
            if code:
                raise SystemExit(f"RUN {step.text}\n{said}")
            print(round(time.time() - began, 1), step.text[:40])
            self.ran.append(step.text)
            if step.text.startswith("python -m venv"):
                packages = next(root.at("/opt/mimik/lib").glob("python3*/site-packages"))
                (packages / "installed.pth").write_text("import sys; sys.path.insert(0, '/installed')\n", "utf-8")

    def _copy(self, root: Root, words: list[str]) -> None:
        *sources, target = [word for word in words if not word.startswith("--")]
        stage = next((word.partition("=")[2] for word in words if word.startswith("--from=")), None)
        place = root.at(os.path.join(self.folder, target))
        for source in sources:
            if stage is not None:
                shutil.copytree(self.roots[stage].at(source), place, symlinks=True)
                continue
            for name in context_files():
                if name == source:
                    shutil.copy2(_REPOSITORY / name, place / name)
                elif name.startswith(f"{source}/"):
                    to = place / name.removeprefix(f"{source}/")
                    to.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(_REPOSITORY / name, to)


def main() -> None:
    """Read the order, and print the report."""
    order = enter()
    picture = SCRATCH / "picture.jpg"
    picture.write_bytes(bytes.fromhex(order["picture"]))
    stages = parse(_REPOSITORY / "deploy" / "Containerfile")
    build = _Build(SCRATCH, order["installed"])
    for stage in stages:
        root = build.take(stage)
    report: dict[str, Any] = {"ran": build.ran}
    last, user = stages[-1], int(stages[-1].last("USER").partition(":")[0])
    for volume in command_of(last.last("VOLUME")):
        owner = root.at(volume).stat()
        options = f"mode={owner.st_mode & 0o7777:o},uid={owner.st_uid},gid={owner.st_gid}"
        mount("tmpfs", root.at(volume), kind="tmpfs", options=options)
    root.read_only()
    folder = last.last("WORKDIR")

    def run(*command: str) -> tuple[int, str]:
        return root.run(command, user, folder)

    entry, arguments = command_of(last.last("ENTRYPOINT")), command_of(last.last("CMD"))
    check = command_of(last.last("HEALTHCHECK").partition("CMD ")[2])
    report["imported"] = run("python", "-c", "import mimik; print(mimik.__file__)")
    report["identity"] = run("python", "-c", "import os; print(os.getuid(), os.getgid(), os.getgroups())")
    report["written"] = {
        place: run("python", "-c", f"open({place + '/probe'!r}, 'w')")[1]
        for place in ("/", "/opt/mimik", "/etc", "/usr/local/bin", "/var/tmp", "/data", "/tmp")
    }
    report["unhealthy"] = run(*check)
    report["without key"] = run(*entry, *arguments)
    report["key"] = run(*entry, "key", "create", "--name", "probe", "--json")
    if report["key"][0] == 0:
        report |= _served(root, [*entry, *arguments], check, user, folder, last, report["key"][1], str(picture))
    print(json.dumps(report))


def _served(
    root: Root, command: list[str], check: list[str], user: int, folder: str, last: Stage, made: str, picture: str
) -> dict[str, Any]:
    report: dict[str, Any] = {}
    key = json.loads(made)["token"]
    server = root.start(command, user, folder)
    deadline_s = time.monotonic() + _SECONDS_TO_START
    while (healthy := root.run(check, user, folder))[0] and time.monotonic() < deadline_s and server.poll() is None:
        time.sleep(0.5)
    report["healthy"] = healthy
    if server.poll() is None:
        bearer, kind = {"Authorization": f"Bearer {key}"}, {"Content-Type": "image/jpeg"}
        report["refused"] = ask("POST", "/v1/analyze", kind, picture)
        report["answered"] = ask("POST", "/v1/analyze", kind | bearer, picture)
        report["kept"] = ask("GET", "/v1/store", bearer)
        server.send_signal(getattr(signal, last.last("STOPSIGNAL")))
    try:
        said, _ = server.communicate(timeout=_SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        server.kill()
        said, _ = server.communicate()
    report["stopped"] = [server.returncode, said]
    report["data"] = sorted(str(path.relative_to(root.at("/data"))) for path in root.at("/data").rglob("*"))
    return report


if __name__ == "__main__":
    main()
