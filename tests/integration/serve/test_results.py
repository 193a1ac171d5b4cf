"""What became of a video, in every format; and what keeps the queue in bounds."""

import csv
import io
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mimik.serve import create_app
from mimik.serve.limits import Limits
from mimik.serve.results import FACES, write_faces
from mimik.sinks.rows import COLUMNS, Row, failed_row
from mimik.sinks.tables import TABLE_SINKS, JsonLinesSink
from mimik.store import Store
from mimik.store.values import JobState
from tests.fakes import FakeClassifier, fake_pipeline
from tests.integration.serve.test_jobs import Held, _over, _send, _until
from tests.media import numbered_frames, truncate, write_video
from tests.serving import Served, served

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("results") / "sessions.db") as store:
        yield store


@pytest.fixture(scope="module")
def server(store: Store) -> Iterator[Served]:
    with served(create_app(fake_pipeline(), store=store)) as server:
        yield server


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_video(tmp_path_factory.mktemp("film") / "a.mp4", numbered_frames(30, 160, 96), 25).read_bytes()


@pytest.fixture(scope="module")
def job(server: Served, film: bytes) -> str:
    done = _over(server, _send(server, film, title="The film").json()["id"])
    assert (done["state"], done["frames"], done["frame_count"]) == ("done", 30, 30)
    return str(done["id"])


def test_the_table_of_faces_is_that_of_the_schema(server: Served, store: Store, job: str) -> None:
    """Its columns and values in every format; what a session does not keep is empty."""
    text = server.http.get(f"/v1/jobs/{job}/result.csv")
    assert text.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="The-film.csv"' in text.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(text.text)))
    assert list(lines[0]) == [column.name for column in COLUMNS]
    rows = server.http.get(f"/v1/jobs/{job}/result.json").json()
    assert [json.loads(line) for line in server.http.get(f"/v1/jobs/{job}/result.jsonl").text.splitlines()] == rows
    parquet = pq.read_table(io.BytesIO(server.http.get(f"/v1/jobs/{job}/result.parquet").content))
    assert parquet.to_pylist() == rows
    for line, row in zip(lines, rows, strict=True):
        assert {name: "" if value is None else str(value) for name, value in row.items()} == line
    assert len(rows) == 30
    assert [row["time_s"] for row in rows] == pytest.approx([number / 25 for number in range(30)])
    assert {row["source"] for row in rows} == {"A film.mp4"}
    assert {(row["frame"], row["score"], row["error"]) for row in rows} == {(None, None, None)}
    for row in rows:
        shown = {emotion: row[emotion] for emotion in ("angry", "happy", "neutral", row["top"])}
        assert max(shown.values()) == row[row["top"]]


@pytest.mark.parametrize("kind", FACES)
@pytest.mark.parametrize("count", [0, 3])
def test_results_are_written_as_mimik_analyze_writes_them(tmp_path: Path, kind: str, count: int) -> None:
    rows = [Row(source="ş.mp4", time_s=0.1 * number, state="withheld") for number in range(count)]
    rows += [failed_row("ş.mp4", 'broken, "so" to speak')] * bool(count)
    path = tmp_path / "table"
    with JsonLinesSink(path) if kind == "jsonl" else TABLE_SINKS[kind](path) as sink:
        sink.write_rows(rows)
    file = io.BytesIO()
    write_faces(file, kind, iter([rows[:2], rows[2:]] if rows else []))
    if kind == "parquet":
        assert pq.read_table(io.BytesIO(file.getvalue())).equals(pq.read_table(path))
    else:
        assert file.getvalue() == path.read_bytes()


def test_other_tables_and_reports_are_those_of_the_session(server: Served, store: Store, job: str) -> None:
    session = store.job(job).session
    for kind, query in (("csv", "?table=seconds"), ("json", "?table=people"), ("parquet", "?table=samples")):
        result = server.http.get(f"/v1/jobs/{job}/result.{kind}{query}")
        assert result.content == server.http.get(f"/v1/sessions/{session}/export.{kind}{query}").content
    for kind in ("imotions.csv", "affdex.csv"):
        result = server.http.get(f"/v1/jobs/{job}/result.{kind}")
        assert result.content == server.http.get(f"/v1/sessions/{session}/export.{kind}").content
        assert len(list(csv.DictReader(io.StringIO(result.text)))) == 30
    report = server.http.get(f"/v1/jobs/{job}/result.html?lang=tr")
    assert '<html lang="tr"' in report.text
    assert server.http.get(f"/v1/jobs/{job}/result.pdf").content.startswith(b"%PDF")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("result.imotions.csv?table=samples", 422),
        ("result.html?table=seconds", 422),
        ("result.xlsx", 422),
        ("result.csv?table=jobs", 422),
    ],
)
def test_what_there_is_not_is_refused(server: Served, job: str, path: str, status: int) -> None:
    assert server.http.get(f"/v1/jobs/{job}/{path}").status_code == status
    assert server.http.get("/v1/jobs/unknown/result.csv").status_code == 404


def test_there_is_no_result_before_the_end_nor_after_a_failure(tmp_path: Path, film: bytes) -> None:
    held = Held()
    with (
        Store.open(tmp_path / "sessions.db") as store,
        served(create_app(fake_pipeline(classifier=held), store=store)) as server,
    ):
        running, waiting = (_send(server, film, title=title).json()["id"] for title in "ab")
        assert held.held.wait(20)
        for job in (running, waiting):
            assert server.http.get(f"/v1/jobs/{job}/result.csv").status_code == 409
        server.http.delete(f"/v1/jobs/{waiting}")
        held.let_go.set()
        assert server.http.get(f"/v1/jobs/{waiting}/result.csv").status_code == 409
        failed = _over(server, _send(server, b"no film", title="c").json()["id"])
        assert server.http.get(f"/v1/jobs/{failed['id']}/result.json").status_code == 409
        assert _over(server, running)["state"] == "done"
        assert server.http.get(f"/v1/jobs/{running}/result.csv").status_code == 200


def test_a_damaged_film_says_so_in_its_last_row(server: Served, tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "a.mp4", numbered_frames(100, 160, 96), 25, container_options={"movflags": "frag_keyframe"}
    )
    done = _over(server, _send(server, truncate(path, 0.7).read_bytes(), title="cut").json()["id"])
    assert (done["state"], done["error"]["values"]["source"]) == ("done", "A film.mp4")
    rows = server.http.get(f"/v1/jobs/{done['id']}/result.json").json()
    assert rows[-1]["state"] == "failed"
    assert rows[-1]["error"].startswith("A film.mp4: damaged")


def test_rows_that_retention_took_are_gone_and_said_to_be(server: Served, store: Store, film: bytes) -> None:
    """410, as long as the session is there; with the session the job goes, which repeats its title."""
    done = _over(server, _send(server, film, title="old", raw_days=1, keep_days=2).json()["id"])
    session, address = store.session(done["session"]), f"/v1/jobs/{done['id']}/result"
    assert session.raw_until is not None
    assert server.http.get(f"{address}.csv").status_code == 200
    store.purge(datetime.now(UTC) + timedelta(days=1, hours=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mimik.serve.results.datetime", _Tomorrow)
        for kind in ("csv", "jsonl", "imotions.csv", "csv?table=samples"):
            gone = server.http.get(f"{address}.{kind}")
            assert (gone.status_code, gone.headers["content-type"]) == (410, "application/problem+json")
        assert server.http.get(f"{address}.csv?table=seconds").status_code == 200
        assert server.http.get(f"{address}.html").status_code == 200
    store.purge(datetime.now(UTC) + timedelta(days=3))
    assert server.http.get(f"{address}.csv").status_code == 404


class _Tomorrow:
    @staticmethod
    def now(zone: Any) -> datetime:
        return datetime.now(zone) + timedelta(days=1, hours=2)


def test_sums_alone_have_no_rows(server: Served, film: bytes) -> None:
    done = _over(server, _send(server, film, title="sums", aggregate_only=True).json()["id"])
    assert server.http.get(f"/v1/jobs/{done['id']}/result.csv").status_code == 404
    assert server.http.get(f"/v1/jobs/{done['id']}/result.csv?table=seconds").text.count("\n") == 3


def test_a_full_queue_says_when_to_come_again(tmp_path: Path, film: bytes) -> None:
    """Before anything was sent, as far as the server can know."""
    held = Held()
    with (
        Store.open(tmp_path / "sessions.db") as store,
        served(create_app(fake_pipeline(classifier=held), store=store, limits=Limits(jobs=2))) as server,
    ):
        first = _send(server, film, title="1").json()["id"]
        assert held.held.wait(20)
        assert [_send(server, film, title=title).status_code for title in "23"] == [201, 201]
        full = _send(server, film, title="4")
        assert (full.status_code, full.headers["content-type"]) == (503, "application/problem+json")
        assert int(full.headers["retry-after"]) > 0
        assert len(store.jobs()) == 3
        copies = [path.name for path in (store.clips / "uploads").iterdir()]
        assert sum(len(name) == 16 for name in copies) == 3
        assert server.http.delete(f"/v1/jobs/{first}").json()["state"] == "cancelled"
        held.let_go.set()
        _until(lambda: _send(server, film, title="4").status_code == 201)


def test_a_job_that_takes_too_long_ends_and_keeps_what_it_read(tmp_path: Path, film: bytes) -> None:
    """As an interrupted session, which the next start leaves alone; the next job is read."""
    slow = FakeClassifier(pause_s=0.05)
    with Store.open(tmp_path / "sessions.db") as store:
        with served(create_app(fake_pipeline(classifier=slow), store=store, limits=Limits(job_s=0.3))) as server:
            failed = _over(server, _send(server, film, title="long").json()["id"])
            assert failed["state"] == "failed"
            assert "MIMIK_LIMIT_JOB_S" in failed["error"]["text"]
            assert failed["error"]["values"] == {"limit": "0.3"}
            rows = server.http.get(f"/v1/jobs/{failed['id']}/result.json").json()
            assert 0 < len(rows) - 1 < 30
            assert rows[-1]["state"] == "failed"
        with served(create_app(fake_pipeline(), store=store)) as server:
            assert _over(server, _send(server, film, title="next").json()["id"])["state"] == "done"
            kept = store.session(failed["session"])
            assert (kept.title, kept.state) == ("long", "interrupted")
            assert store.job(failed["id"]).state is JobState.FAILED


def test_progress_counts_frames_and_seconds(tmp_path: Path) -> None:
    path = write_video(tmp_path / "long.mp4", numbered_frames(150, 160, 96), 25)
    seen: list[dict[str, Any]] = []
    with (
        Store.open(tmp_path / "sessions.db") as store,
        served(create_app(fake_pipeline(classifier=FakeClassifier(pause_s=0.03)), store=store)) as server,
    ):
        job = _send(server, path.read_bytes(), title="long").json()["id"]
        end = time.monotonic() + 60
        while not seen or seen[-1]["state"] in ("queued", "running"):
            assert time.monotonic() < end
            seen.append(server.http.get(f"/v1/jobs/{job}").json())
            time.sleep(0.02)
    under_way = [now for now in seen if now["state"] == "running" and now["frames"] > 0]
    assert under_way
    assert [now["frames"] for now in seen] == sorted(now["frames"] for now in seen)
    for now in under_way:
        assert now["frame_count"] == 150
        assert now["left_s"] is None or now["left_s"] >= 0
    assert (seen[-1]["state"], seen[-1]["progress"], seen[-1]["frames"]) == ("done", 1.0, 150)
