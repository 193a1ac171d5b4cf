"""A private PostgreSQL for tests, and one database a test in SQLite or PostgreSQL."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

__all__ = ["PASSWORD", "Cluster", "database_url", "postgresql", "postgresql_url"]

PASSWORD = "correct-horse-battery"
"""The password of the cluster's user; nothing may ever repeat it."""


class Cluster:
    """A PostgreSQL cluster in a folder of its own; only a socket in that folder leads to it.

    Attributes:
        folder: where data, socket and log lie.
    """

    def __init__(self, binaries: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mimik-pg-"))
        self._binaries = binaries
        self._numbers = count(1)
        password = self.folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            for path in (self.folder, password):
                shutil.chown(path, "postgres", "postgres")
        self._run(
            "initdb",
            *("--pgdata", self._data, "--username", "mimik", "--pwfile", str(password), "--auth", "scram-sha-256"),
            *("--no-sync", "--encoding", "UTF8", "--locale", "C"),
        )

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _run(self, program: str, *arguments: str) -> None:
        as_whom: dict[str, Any] = {}
        if os.getuid() == 0:
            as_whom = {"user": "postgres", "group": "postgres", "extra_groups": cast(Sequence[str], [])}
        done = subprocess.run(
            [self._binaries / program, *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would stay open as long as the server runs
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
            **as_whom,
        )
        if done.returncode:
            log = self.folder / "log"
            told = log.read_text(encoding="utf-8", errors="replace")[-2000:] if log.exists() else ""
            raise RuntimeError(f"{program} {arguments}: exit status {done.returncode}\n{told}")

    def start(self) -> None:
        """Start the server; returns when it answers."""
        options = f"-c fsync=off -c listen_addresses='' -c max_connections=50 -c shared_buffers=32MB -k {self.folder}"
        self._run("pg_ctl", "--pgdata", self._data, "--wait", "--log", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Stop the server and cut its connections."""
        self._run("pg_ctl", "--pgdata", self._data, "--wait", "--mode", "fast", "stop")

    def url(self, database: str = "postgres", password: str = PASSWORD) -> str:
        """The address of a database."""
        return f"postgresql://mimik:{password}@/{database}?host={self.folder}"

    def create(self) -> str:
        """The address of a new, empty database."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop a database that `create` made."""
        self.execute(f"DROP DATABASE {self.name(url)} WITH (FORCE)")

    @staticmethod
    def name(url: str) -> str:
        """A database's name, from its address."""
        return url.partition("@/")[2].partition("?")[0]

    def execute(self, statement: str) -> None:
        """Run a statement in the cluster's own database."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def remove(self) -> None:
        """Stop the server and delete everything."""
        self._run("pg_ctl", "--pgdata", self._data, "--wait", "--mode", "immediate", "stop")
        shutil.rmtree(self.folder)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A running cluster; skips where PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        pytest.skip("PostgreSQL is not installed")
    cluster = Cluster(found[-1].parent if found else Path(str(on_path)).parent)
    cluster.start()
    yield cluster
    cluster.remove()


@pytest.fixture
def postgresql_url(postgresql: Cluster) -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    url = postgresql.create()
    yield url
    postgresql.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty database; a test that asks for it runs with SQLite and with PostgreSQL."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))  # clips of a PostgreSQL database lie there
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql_url"))
    return f"sqlite:///{tmp_path / 'sessions.db'}"
