"""``mimik session`` as people run it, on a session recorded from the demo by the real line."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pypdf import PdfReader

from mimik.cli import main
from mimik.store import Draft, SessionWriter, Store
from mimik.store.columns import TABLES
from tests.unit.store.readings import face, result

pytestmark = pytest.mark.integration

MIMIK = [sys.executable, "-c", "import sys; from mimik.cli import main; sys.exit(main())"]


def run(url: str, *arguments: str, code: int = 0) -> str:
    """What a command printed; it must end with the code and print its complaints on standard error alone."""
    result = subprocess.run(
        [*MIMIK, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "MIMIK_DATABASE_URL": url},
    )
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    assert (code == 2) == result.stderr.startswith("error: "), result.stderr
    return result.stdout


def run_json(url: str, *arguments: str) -> Any:
    return json.loads(run(url, "session", *arguments, "--json"))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of the demo, recorded by the real line."""
    path = tmp_path_factory.mktemp("recorded") / "sessions.db"
    run(str(path), "demo", "--headless", "--seconds", "4", "--session", "Spot A")
    return path


@pytest.fixture
def url(recorded: Path, tmp_path: Path) -> str:
    """A database of one's own with that session."""
    return str(shutil.copy(recorded, tmp_path))


def keep(url: str, title: str, seconds: int = 5) -> str:
    """A session of nobody's real face, and its id."""
    with Store.open(url) as store, SessionWriter(store, Draft(title), wall_clock=False) as writer:
        for number in range(10 * seconds):
            writer.write(result(number / 10, [face(1), face(2)], number))
    return writer.session.id


def test_a_recorded_session_from_the_list_to_its_deletion(url: str, tmp_path: Path) -> None:
    """As a newcomer goes; every command with all its options is tested in one process, in tests/unit/cli."""
    older = run_json(url, "list")[0]["id"]
    newer = keep(url, "Spot B")
    found = run_json(url, "list")
    assert [(session["id"], session["title"]) for session in found] == [(newer, "Spot B"), (older, "Spot A")]
    assert all(session["state"] == "done" and session["duration_s"] > 1 for session in found)

    for at, label in (("0:01", "topic 1"), ("0:02", "topic 2")):
        markers = run_json(url, "marker", older, "--at", at, "--label", label)
    assert [marker["label"] for marker in markers] == ["topic 1", "topic 2"]
    page = tmp_path / "report.html"
    run(url, "session", "report", older[:5], "-o", str(page))
    assert "topic 2" in page.read_text(encoding="utf-8")
    compared = run_json(url, "compare", older, "--with", newer, "-o", str(tmp_path / "ab.pdf"))
    assert [group["name"] for group in compared["groups"]] == ["Spot A", "Spot B"]
    assert (tmp_path / "ab.pdf").read_bytes().startswith(b"%PDF")

    run(url, "session", "delete", older, code=2)
    assert run_json(url, "delete", older, "--yes") == {"deleted": [older]}
    assert b"Spot A" not in Path(url).read_bytes()
    run(url, "session", "show", older, code=2)


def test_what_is_exported_is_what_was_read(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tables of a real session agree with each other, in every format, and with its analysis."""
    with Store.open(url) as store:
        (session,) = store.sessions()
    assert main(["session", "show", session.id, "--json", "--db", url]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert len(shown["people"]) == 2, "Collins and Hopper"
    assert shown["analysis"]["coverage"]["faces"] > 0

    folder = tmp_path / "out"
    export = ["session", "export", session.id, "--db", url]
    assert main([*export, "-o", str(folder), "--format", "csv,json,parquet"]) == 0
    document = json.loads((folder / "session.json").read_text(encoding="utf-8"))
    assert document["session"]["id"] == session.id
    for table in TABLES:
        rows = document[table] if table != "session" else [document[table]]
        assert pq.read_table(folder / f"{table}.parquet").to_pylist() == rows
        with (folder / f"{table}.csv").open(newline="", encoding="utf-8") as file:
            assert len(list(csv.DictReader(file))) == len(rows)
    everybody = [row for row in document["seconds"] if row["person"] == 0]
    assert sum(row["faces"] for row in everybody) == shown["analysis"]["coverage"]["faces"]
    known = sum(row["faces"] for row in document["seconds"]) - sum(row["faces"] for row in everybody)
    assert len(document["samples"]) == known

    for name, options in (("a.imotions.csv", ()), ("b.csv", ("--format", "imotions")), ("c.affdex.csv", ())):
        assert main([*export, "-o", str(tmp_path / name), *options]) == 0
    with (tmp_path / "a.imotions.csv").open(newline="", encoding="utf-8") as file:
        affdex = list(csv.DictReader(file))
    assert (tmp_path / "b.csv").read_bytes() == (tmp_path / "a.imotions.csv").read_bytes()
    assert (tmp_path / "c.affdex.csv").read_text(encoding="utf-8").startswith("TimeStamp,faceId,")
    assert [row["FaceID"] for row in affdex] == [str(row["person"]) for row in document["samples"]]
    assert [row["Joy"] == "" for row in affdex] == [row["happy"] is None for row in document["samples"]]
    assert main([*export, "-o", str(tmp_path / "x.csv"), "--format", "imotions", "--table", "seconds"]) == 2


def test_the_pdf_of_a_recorded_session_is_turkish_to_its_last_letter(url: str, tmp_path: Path) -> None:
    paper = tmp_path / "report.pdf"
    with Store.open(url) as store:
        (session,) = store.sessions()
    assert main(["session", "report", session.id, "-o", str(paper), "--db", url, "--lang", "tr"]) == 0
    text = "".join(sheet.extract_text() for sheet in PdfReader(paper).pages)
    assert "Spot A" in text
    assert "ğ" in text


def test_both_databases_list_export_and_delete(database_url: str) -> None:
    key = keep(database_url, "Şaşkın")
    assert [session["title"] for session in run_json(database_url, "list")] == ["Şaşkın"]
    document = json.loads(run(database_url, "session", "export", key, "-o", "-", "--format", "json"))
    assert len(document["samples"]) == 100
    assert len(document["seconds"]) == 15  # everybody and two people
    assert run_json(database_url, "delete", key, "--yes") == {"deleted": [key]}
    with Store.open(database_url) as store:
        assert store.sessions() == ()


def test_a_reader_that_leaves_ends_an_export_quietly(tmp_path: Path) -> None:
    url = str(tmp_path / "sessions.db")
    key = keep(url, "Pipe")
    process = subprocess.Popen(
        [*MIMIK, "session", "export", key, "-o", "-", "--table", "samples", "--db", url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == b""
    process.stderr.close()
