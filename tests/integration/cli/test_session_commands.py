"""``mimik session`` as people run it: in processes of its own, on a session recorded from the demo by the real line."""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pypdf import PdfReader

from mimik import Pipeline
from mimik.sources import open_source
from mimik.store import Draft, Purpose, SessionWriter, Store
from mimik.store.columns import TABLES

pytestmark = pytest.mark.integration

MIMIK = [sys.executable, "-c", "import sys; from mimik.cli import main; sys.exit(main())"]
SECONDS = 4.0


def run(url: str, *arguments: str, code: int = 0, **environment: str) -> str:
    """What a command printed; it must end with the code and print its complaints on standard error alone."""
    result = subprocess.run(
        [*MIMIK, "session", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "MIMIK_DATABASE_URL": url, **environment},
    )
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    assert (code == 2) == result.stderr.startswith("error: "), result.stderr
    return result.stdout


def run_json(url: str, *arguments: str) -> Any:
    return json.loads(run(url, *arguments, "--json"))


def record(url: str, title: str, **values: Any) -> str:
    """A session of the demo, and its id."""
    with Store.open(url) as store, SessionWriter(store, Draft(title, source="demo", **values)) as writer:
        source = open_source("demo")
        end = time.monotonic() + SECONDS
        for result in Pipeline.load().run(source):
            writer.write(result)
            if time.monotonic() > end:
                break
        source.close()
    return writer.session.id


@pytest.mark.timeout(600)  # thirty processes, each of which imports everything
def test_a_recorded_session_through_every_command(tmp_path: Path) -> None:
    url = str(tmp_path / "sessions.db")
    older = record(url, "Spot A", purpose=Purpose.ADVERTISEMENT)
    command = ["live", "demo", "--headless", "--seconds", str(SECONDS), "--session", "Spot B", "--db", url]
    subprocess.run([*MIMIK, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, timeout=120)
    newer = run_json(url, "list")[0]["id"]

    found = run_json(url, "list")
    assert [(session["id"], session["title"]) for session in found] == [(newer, "Spot B"), (older, "Spot A")]
    assert all(session["state"] == "done" and session["duration_s"] > 1 for session in found)

    topics = tmp_path / "topics.csv"
    topics.write_text("time,label\n0:01,topic 1\n0:02,topic 2\n")
    assert [marker["label"] for marker in run_json(url, "marker", older, "--csv", str(topics))] == [
        "topic 1",
        "topic 2",
    ]
    topics.write_text("time,label\n0:03,topic 3\n9:99,topic 4\n")
    run(url, "marker", older, "--csv", str(topics), code=2)
    assert len(run_json(url, "marker", older)) == 2
    run(url, "baseline", older, "--from", "0", "--to", "0:01")

    shown = run_json(url, "show", older[:5])
    assert [marker["kind"] for marker in shown["markers"]] == ["baseline", "point", "point"]
    assert len(shown["people"]) == 2, "Collins and Hopper"
    assert shown["analysis"]["coverage"]["faces"] > 0
    text = run(url, "show", older, MIMIK_LANG="tr")
    assert "Spot A" in text
    assert "Mutlu" in text

    run(url, "export", older, "-o", str(tmp_path / "out"), "--format", "csv,json,parquet")
    document = json.loads((tmp_path / "out" / "session.json").read_text(encoding="utf-8"))
    assert document["session"]["id"] == older
    for table in TABLES:
        rows = document[table] if table != "session" else [document[table]]
        assert pq.read_table(tmp_path / "out" / f"{table}.parquet").to_pylist() == rows
        with (tmp_path / "out" / f"{table}.csv").open(newline="", encoding="utf-8") as file:
            assert len(list(csv.DictReader(file))) == len(rows)
    everybody = [row for row in document["seconds"] if row["person"] == 0]
    assert sum(row["faces"] for row in everybody) == shown["analysis"]["coverage"]["faces"]
    known = sum(row["faces"] for row in document["seconds"]) - sum(row["faces"] for row in everybody)
    assert len(document["samples"]) == known
    assert json.loads(run(url, "export", older, "-o", "-", "--format", "json")) == document

    page, paper = tmp_path / "report.html", tmp_path / "report.pdf"
    run(url, "report", older, "-o", str(page))
    assert "topic 2" in page.read_text(encoding="utf-8")
    run(url, "report", older, "-o", str(paper), "--lang", "tr")
    assert "Spot A" in "".join(sheet.extract_text() for sheet in PdfReader(paper).pages)

    compared = run_json(url, "compare", older, "--with", newer, "-o", str(tmp_path / "ab.html"))
    assert [group["name"] for group in compared["groups"]] == ["Spot A", "Spot B"]
    assert (tmp_path / "ab.html").stat().st_size > 10_000
    assert run_json(url, "hours")["sessions"] == 2

    assert run_json(url, "edit", older, "--title", "Spot A, cinema 2", "--raw-days", "0")["title"] == "Spot A, cinema 2"
    assert run_json(url, "purge") == {"sessions": [], "raw": [older]}
    assert json.loads(run(url, "export", older, "-o", "-", "--format", "json"))["samples"] == []

    run(url, "delete", older, code=2)
    assert run_json(url, "delete", older, "--yes") == {"deleted": [older]}
    assert b"Spot A" not in Path(url).read_bytes()
    run(url, "show", older, code=2)


def test_both_databases_list_show_export_and_delete(database_url: str, tmp_path: Path) -> None:
    key = record(database_url, "Şaşkın")
    with Store.open(database_url) as store:
        shown_url = store.url
    assert [session["id"] for session in run_json(database_url, "list")] == [key]
    assert run_json(database_url, "show", key)["session"]["title"] == "Şaşkın"
    document = json.loads(run(database_url, "export", key, "-o", "-", "--format", "json"))
    assert document["samples"]
    assert document["seconds"]
    assert "Deleted" not in run(database_url, "delete", key, "--yes")
    assert run_json(database_url, "list") == []
    assert "horse" not in shown_url


def test_a_reader_that_leaves_ends_an_export_quietly(tmp_path: Path) -> None:
    url = str(tmp_path / "sessions.db")
    key = record(url, "Pipe")
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
