"""``mimik session`` on small sessions, in both languages, right and wrong."""

from __future__ import annotations

import io
import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.main import get_command

from mimik.cli import main
from mimik.cli.app import app
from mimik.cli.language import translated
from mimik.cli.session import changing, comparing, showing
from mimik.cli.session.app import session_app
from mimik.store import Draft, Marker, Purpose, SessionState, Store
from mimik.store.columns import TABLES
from mimik.store.gathering import Reading, gather
from mimik.types import (
    Box,
    Detection,
    Emotion,
    EmotionScores,
    Face,
    Quality,
    State,
)
from mimik.words import LANGUAGES, catalogue, translate

COMMANDS = tuple(get_command(session_app).commands)  # type: ignore[attr-defined]
BEGAN = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


def readings(top: Emotion, seconds: int) -> list[Reading]:
    """Two people, two frames a second; each is at rest for the first quarter."""
    found = []
    for number in range(2 * seconds):
        faces = []
        for person in (1, 2):
            shown = Emotion.NEUTRAL if number < seconds / 2 or (number + person) % 4 == 0 else top
            scores = np.full(7, 0.05, np.float32)
            scores[tuple(Emotion).index(shown)] = 0.7
            faces.append(
                Face(
                    Detection(Box(10, 10, 60, 60), 0.9),
                    Quality(0.8),
                    EmotionScores(scores),
                    State.SURE,
                    None,
                    shown,
                    person,
                )
            )
        found.append(Reading(number / 2, tuple(faces), 0))
    return found


def keep(store: Store, title: str, top: Emotion = Emotion.HAPPY, seconds: int = 60, **values: Any) -> str:
    draft = replace(Draft(title, started_at=BEGAN), **values)
    session = store.begin(draft)
    samples, aggregates = gather(readings(top, seconds))
    store.append(session.id, samples, aggregates, float(seconds))
    store.set_state(session.id, SessionState.DONE)
    return session.id


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sessions: Spot A (happy), Spot B (surprise) and, newest, a shop's day."""
    url = tmp_path_factory.mktemp("kept") / "sessions.db"
    with Store.open(url) as store:
        keep(store, "Spot A", tags=("cinema",), purpose=Purpose.ADVERTISEMENT)
        keep(
            store,
            "Spot B",
            Emotion.SURPRISE,
            started_at=BEGAN + timedelta(hours=1),
            purpose=Purpose.ADVERTISEMENT,
            tags=("cinema", "late"),
        )
        keep(
            store,
            "=Tezgâh",
            started_at=BEGAN + timedelta(days=1),
            purpose=Purpose.SHOP,
            consent="sign at the door",
            aggregate_only=True,
            raw_days=0,
        )
    return url


@pytest.fixture
def db(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database of one's own with those sessions."""
    url = str(shutil.copy(kept, tmp_path))
    monkeypatch.setenv("MIMIK_DATABASE_URL", url)
    return url


def plain(text: str) -> str:
    """With spaces where lines must not break."""
    return text.replace("\u00a0", " ")


def ids(url: str) -> dict[str, str]:
    with Store.open(url) as store:
        return {session.title: session.id for session in store.sessions()}


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert main(["session", *arguments]) == code, capsys.readouterr().err
    said = capsys.readouterr()
    return said.out, said.err


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    out, err = run(capsys, *arguments, "--json")
    assert err == ""
    return json.loads(out)


# --- help ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_examples_in_both_languages(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = run(capsys, command, "--help")
    assert f"Usage: mimik session {command}" in out
    assert "Examples:" in out
    assert "--json" in out
    assert "--db" in out
    out, _ = run(capsys, command, "--help", "--lang", "tr")
    assert f"Kullanım: mimik session {command}" in out
    assert "Örnekler:" in out
    assert not re.search(r"Usage|Options|Examples|Arguments|Show this|default:|required|sessions?'s", out)


def test_every_text_has_its_turkish() -> None:
    tree = get_command(session_app)
    texts: set[str] = set()
    for command in (tree, *tree.commands.values()):  # type: ignore[attr-defined]
        things: list[tuple[object, tuple[str, ...]]] = [(command, ("help", "epilog"))]
        things += [(each, ("help", "metavar", "rich_help_panel", "show_default")) for each in command.params]
        texts |= {text for thing, names in things for name in names if isinstance(text := getattr(thing, name, 0), str)}
    for words in (showing.PURPOSES, showing.STATES, showing.KINDS, comparing.SCALES, comparing.EFFECTS):
        texts |= set(words.values())
    texts |= {*showing.HEADINGS, *comparing.HEADINGS, *comparing.DAYS}
    missing = texts - set(catalogue("tr"))
    assert not missing


def test_examples_fit_a_terminal_of_80_columns() -> None:
    for language in LANGUAGES:
        tree = translated(app, language).commands["session"]
        for command in (tree, *tree.commands.values()):
            assert all(len(line) <= 78 for line in (command.epilog or "").splitlines()), command.epilog


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = run(capsys)
    assert "mimik session list" in out


# --- list and show ---------------------------------------------------------------------------------------------------


def test_list_is_newest_first_and_can_be_searched(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = run_json(capsys, "list")
    assert [session["title"] for session in found] == ["=Tezgâh", "Spot B", "Spot A"]
    assert {"id", "title", "purpose", "tags", "started_at", "duration_s", "state"} <= found[0].keys()
    assert found[1]["started_at"].startswith("2026-03-02T15:00")
    assert [s["title"] for s in run_json(capsys, "list", "--search", "SPOT late")] == ["Spot B"]
    assert [s["title"] for s in run_json(capsys, "list", "--purpose", "shop")] == ["=Tezgâh"]
    assert [s["title"] for s in run_json(capsys, "list", "--tag", "late")] == ["Spot B"]
    out, _ = run(capsys, "list")
    assert out.index("Spot B") < out.index("Spot A")
    assert "advertisement" in out
    assert "reklam" in run(capsys, "list", "--lang", "tr")[0]


def test_an_empty_list_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert run(capsys, "list", "--db", url) == ("", "No sessions yet. Record one: mimik live --session TITLE\n")
    assert json.loads(run(capsys, "list", "--db", url, "--json")[0]) == []
    assert run(capsys, "list", "--db", url, "--tag", "x")[1].startswith("No session fits.")


def test_an_unknown_id_is_code_2_and_says_what_to_do(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (
        ["show"],
        ["export"],
        ["report", "-o", "x.html"],
        ["compare", "--with", "nope2"],
        ["hours"],
        ["marker"],
        ["baseline", "--from", "1", "--to", "2"],
        ["edit", "--title", "x"],
        ["delete", "--yes"],
    ):
        out, err = run(capsys, command[0], "nope", *command[1:], code=2)
        assert out == ""
        assert err.startswith("error: There is no session nope. `mimik session list` shows")


def test_a_database_that_is_none_is_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.db").write_text("no database at all, but text that is long enough")
    assert run(capsys, "list", "--db", str(tmp_path / "x.db"), code=2)[1].startswith("error: ")


def test_show_tells_findings_shares_and_markers(
    db: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    key = ids(db)["Spot A"]
    run(capsys, "marker", key, "--at", "0:30", "--label", "[bold]logo[/]")
    out, _ = run(capsys, "show", key[:5])
    assert out.startswith("Spot A\n")
    assert "•" in out
    assert re.search(r"Happy +│ +5\d % \(\d+–\d+ %\) │ █", plain(out))
    assert re.search(r"Sad +│ +not seen │", out)
    assert "[bold]logo[/]" in out
    assert "0:30" in out
    out, _ = run(capsys, "show", key, "--lang", "tr")
    assert re.search(r"Mutlu +│ +%5\d \(%\d+–\d+\) │ █", out)


def test_show_as_json_is_session_markers_people_and_analysis(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = run_json(capsys, "show", ids(db)["Spot A"])
    assert list(found) == ["session", "markers", "people", "analysis"]
    assert found["session"]["title"] == "Spot A"
    assert [person["number"] for person in found["people"]] == [1, 2]
    shares = found["analysis"]["overall"]["emotions"]
    assert sum(share["share"] for share in shares) == pytest.approx(1)
    assert "NaN" not in json.dumps(found)


def test_relative_to_rest(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    key = ids(db)["Spot A"]
    marker = run_json(capsys, "baseline", key, "--from", "0", "--to", "0:12")
    assert (marker["kind"], marker["time_s"], marker["end_s"]) == ("baseline", 0, 12)
    analysis = run_json(capsys, "show", key, "--relative")["analysis"]
    assert analysis["relative"] is True
    changes = {share["emotion"]: share["probability"] for share in analysis["overall"]["emotions"]}
    assert changes["happy"] > 0.3
    assert changes["neutral"] < -0.3
    out, _ = run(capsys, "show", key, "--relative")
    assert "Difference from rest" in out
    assert "−" in out


def test_colours_leave_when_they_are_not_wanted(
    db: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    coloured = re.compile(r"\x1b\[[0-9;]*3[0-9]")
    assert not coloured.search(run(capsys, "show", ids(db)["Spot A"])[0])
    monkeypatch.delenv("NO_COLOR")
    assert coloured.search(run(capsys, "show", ids(db)["Spot A"])[0])


# --- markers ---------------------------------------------------------------------------------------------------------


def test_markers_are_set_listed_and_deleted(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    key = ids(db)["Spot A"]
    assert "No markers yet" in run(capsys, "marker", key)[1]
    assert run_json(capsys, "marker", key) == []
    run_json(capsys, "marker", key, "--at", "0:40", "--label", "two")
    found = run_json(capsys, "marker", key, "--at", "20", "--label", "one")
    assert [(marker["time_s"], marker["label"], marker["kind"]) for marker in found] == [
        (20, "one", "point"),
        (40, "two", "point"),
    ]
    left = run_json(capsys, "marker", key, "--delete", str(found[0]["id"]))
    assert [marker["label"] for marker in left] == ["two"]
    assert run_json(capsys, "marker", key, "--list") == left
    assert "no marker 999" in run(capsys, "marker", key, "--delete", "999", code=2)[1]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--at", "soon", "--label", "x"], "'soon': not a time. Give seconds"),
        (["--at", "1:30", "--label", "x"], "1:30: after the session's end, which is at 1:00."),
        (["--at", "1"], "--at and --label belong together"),
        (["--label", "x"], "--at and --label belong together"),
        (["--at", "1", "--label", "x", "--delete", "1"], "Give one of --at, --csv and --delete."),
        (["--csv", "nowhere.csv"], "nowhere.csv: cannot be read (No such file or directory)"),
    ],
)
def test_wrong_markers_change_nothing(
    arguments: list[str], complaint: str, db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = ids(db)["Spot A"]
    out, err = run(capsys, "marker", key, *arguments, code=2)
    assert (out, complaint in err) == ("", True), err
    assert run_json(capsys, "marker", key) == []


def test_a_csv_of_markers_comes_in_once(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, path = ids(db)["Spot A"], tmp_path / "konular.csv"
    path.write_text("zaman;etiket\n0:20;konu 1\n40,5;konu 2\n", encoding="utf-8-sig")
    found = run_json(capsys, "marker", key, "--csv", str(path))
    assert [(marker["time_s"], marker["label"]) for marker in found] == [(20, "konu 1"), (40.5, "konu 2")]
    path.write_text("zaman;etiket\n0:20;konu 1\n50;konu 3\n")
    _, err = run(capsys, "marker", key, "--csv", str(path))
    assert err == "Markers that were there already: 1\n"
    assert len(run_json(capsys, "marker", key)) == 3


def test_a_csv_with_a_wrong_time_is_not_half_taken(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, path = ids(db)["Spot A"], tmp_path / "topics.csv"
    path.write_text("time,label\n0:20,topic 1\n0:95,topic 2\n")
    _, err = run(capsys, "marker", key, "--csv", str(path), code=2)
    assert " ".join(err.split()).startswith(f"error: {path}, line 3: '0:95': not a time. Give seconds (75.5)")
    path.write_text("time,label\n0:20,topic 1\n9:00,topic 2\n")
    _, err = run(capsys, "--lang", "tr", "marker", key, "--csv", str(path), code=2)
    assert f"{path}, satır 3: 9:00, oturumun sonundan (1:00) sonra." in err
    assert run_json(capsys, "marker", key) == []


def test_exported_markers_can_be_read_again(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys, path = ids(db), tmp_path / "markers.csv"
    run_json(capsys, "marker", keys["Spot A"], "--at", "20", "--label", "=1+1")
    run_json(capsys, "baseline", keys["Spot A"], "--from", "0", "--to", "10")
    run(capsys, "export", keys["Spot A"], "-o", str(path), "--table", "markers")
    assert "'=1+1" in path.read_text()
    first = run_json(capsys, "marker", keys["Spot A"])
    second = run_json(capsys, "marker", keys["Spot B"], "--csv", str(path))
    assert [m | {"id": 0} for m in first] == [m | {"id": 0} for m in second]


def test_a_rest_that_ends_before_it_begins(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = run(capsys, "baseline", ids(db)["Spot A"], "--from", "0:20", "--to", "0:10", code=2)
    assert "The rest ends at 0:10, which is not after its beginning, 0:20." in err


# --- edit, delete, purge ---------------------------------------------------------------------------------------------


def test_edit_changes_what_is_said_and_nothing_else(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    key = ids(db)["Spot A"]
    found = run_json(capsys, "edit", key, "--title", "Spot A1", "--tag", "x", "--tag", "y")
    assert (found["title"], found["tags"], found["purpose"]) == ("Spot A1", ["x", "y"], "advertisement")
    assert run_json(capsys, "edit", key, "--no-tags")["tags"] == []
    assert run_json(capsys, "edit", key, "--keep-days", "9")["keep_until"] is not None
    assert run_json(capsys, "edit", key, "--keep-days", "forever", "--raw-days", "forever")["raw_until"] is None
    assert "Changed: “Spot A1”" in run(capsys, "edit", key, "--purpose", "product")[1]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Nothing to change."),
        (["--purpose", "fun"], "--purpose fun: not a purpose. Give one of lesson, work"),
        (["--keep-days", "-1"], "--keep-days -1: give a number of days, or: forever"),
        (["--title", " "], "A session needs a title."),
        (["--tag", "x", "--no-tags"], "'--tag' / '--no-tags': choose one"),
    ],
)
def test_wrong_edits(arguments: list[str], complaint: str, db: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = run_json(capsys, "list")
    assert complaint in run(capsys, "edit", ids(db)["Spot A"], *arguments, code=2)[1]
    assert run_json(capsys, "list") == before


class _Screen(io.StringIO):
    """A terminal at which somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, 2), ("evet\n", 0, 2), ("\n", 1, 3), ("", 1, 3)])
def test_delete_asks_first(
    answer: str,
    code: int,
    left: int,
    db: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", _Screen(answer))
    _, err = run(capsys, "delete", ids(db)["Spot A"], code=code)
    assert "“Spot A”" in err
    assert "Delete for good? [y/N]" in err
    assert len(ids(db)) == left
    assert ("Nothing was deleted." in err) == (left == 3)


def test_delete_refuses_where_nobody_can_be_asked(
    db: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    out, err = run(capsys, "delete", ids(db)["Spot A"], code=2)
    assert (out, "Give --yes" in err) == ("", True)
    assert len(ids(db)) == 3


def test_delete_with_yes_asks_nothing_and_leaves_nothing(
    db: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    keys = ids(db)
    run(capsys, "delete", keys["Spot A"], "nope", "--yes", code=2)
    assert len(ids(db)) == 3, "all or none"
    assert run_json(capsys, "delete", keys["Spot A"], keys["Spot B"][:6], "--yes") == {
        "deleted": [keys["Spot A"], keys["Spot B"]]
    }
    assert list(ids(db)) == ["=Tezgâh"]
    assert b"Spot" not in Path(db).read_bytes()
    _, err = run(capsys, "delete", "--all", "--yes")
    assert "Deleted: “=Tezgâh”" in err
    assert run_json(capsys, "list") == []


def test_delete_needs_sessions_or_all(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "choose one" in run(capsys, "delete", "--yes", code=2)[1]
    assert "choose one" in run(capsys, "delete", "x", "--all", "--yes", code=2)[1]


def test_purge_deletes_what_is_over(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    key = ids(db)["Spot A"]
    run(capsys, "edit", key, "--raw-days", "0")
    assert run_json(capsys, "purge") == {"sessions": [], "raw": [key]}
    assert "Nothing is kept longer" in run(capsys, "purge")[1]
    run(capsys, "edit", key, "--keep-days", "0")
    assert "Deleted, for its days are over: “Spot A”" in run(capsys, "purge")[1]
    assert key not in ids(db).values()


@pytest.mark.parametrize("command", ["list", "hours"])
def test_what_is_over_is_deleted_before_anybody_reads_it(
    command: str, db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "edit", ids(db)["Spot A"], "--keep-days", "0")
    _, said = run(capsys, command, "--json")
    assert "Deleted, for its days are over: “Spot A”" in said
    assert "Spot A" not in ids(db)
    assert run(capsys, command, "--json")[1] == ""


# --- export ----------------------------------------------------------------------------------------------------------


def test_export_into_a_folder_in_every_format(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = ids(db)["Spot A"]
    files = run_json(capsys, "export", key[:5], "-o", f"{tmp_path}/out", "--format", "csv,json,parquet")["files"]
    assert len(files) == 2 * len(TABLES) + 1
    document = json.loads((tmp_path / "out" / "session.json").read_text())
    assert document["session"]["id"] == key
    assert len(document["samples"]) == 240
    assert len(document["seconds"]) == 180
    assert pq.read_table(tmp_path / "out" / "samples.parquet").to_pylist() == document["samples"]
    assert (tmp_path / "out" / "samples.csv").read_text().count("\n") == 241


def test_export_to_one_file_by_its_ending(
    db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ids(db)["Spot A"]
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "export", key, "-o", "a.csv")[0] == "Written: a.csv\n"
    assert Path("a.csv").read_text().startswith("schema_version,session,start_s,person,frames")
    run(capsys, "export", key, "-o", "a.parquet", "--table", "samples")
    assert pq.read_table("a.parquet").num_rows == 240
    run(capsys, "export", key, "-o", "a.json")
    assert set(TABLES) < json.loads(Path("a.json").read_text()).keys()
    run(capsys, "export", key, "-o", "a.txt", "--format", "csv", "--table", "session")
    assert "Spot A" in Path("a.txt").read_text()
    run(capsys, "export", key)
    assert {path.stem for path in Path(f"mimik-{key}").iterdir()} == set(TABLES)


def test_export_to_standard_output(db: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    key = ids(db)["=Tezgâh"]
    capsysbinary.readouterr()
    for arguments in (["--format", "json"], ["--format", "parquet"], ["--table", "session"]):
        assert main(["session", "export", key, "-o", "-", *arguments]) == 0
        out = capsysbinary.readouterr().out
        if arguments[1] == "json":
            document = json.loads(out)
            assert document["session"]["title"] == "=Tezgâh"
            assert document["samples"] == []
            assert {row["person"] for row in document["seconds"]} == {0}
        elif arguments[1] == "parquet":
            assert pq.read_table(io.BytesIO(out)).num_rows == 60
        else:
            assert ",'=Tezgâh,shop," in out.decode()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["-o", "x", "--format", "xml"], "--format xml: not a table format. Give csv, json, parquet"),
        (["-o", "x.csv", "--format", "json"], "x.csv: the name says csv, --format says json."),
        (["-o", "x.csv", "--format", "csv,json"], "x.csv: a file has one format. Give a folder for several."),
        (["-o", "-", "--format", "csv,json"], "Standard output takes one format."),
        (["-o", "x.csv", "--table", "faces"], "--table faces: not a table. Give one of session, people"),
        (["-o", "x", "--table", "samples"], "--table goes with a single file: -o x.csv"),
        (["-o", "none/x.csv"], "none/x.csv: cannot be written (No such file or directory)"),
    ],
)
def test_wrong_exports(
    arguments: list[str],
    complaint: str,
    db: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    out, err = run(capsys, "export", ids(db)["Spot A"], *arguments, code=2)
    assert out == ""
    assert complaint in err
    assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} == {"sessions.db"}


# --- report, compare, hours ------------------------------------------------------------------------------------------


def test_a_report_in_both_forms_and_languages(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = ids(db)["Spot A"]
    for language in LANGUAGES:
        page, paper = tmp_path / f"{language}.html", tmp_path / f"{language}.pdf"
        assert run_json(capsys, "report", key, "-o", str(page), "--lang", language) == {"files": [str(page)]}
        assert f'lang="{language}"' in page.read_text(encoding="utf-8")
        assert run(capsys, "report", key, "-o", str(paper), "--lang", language)[0].endswith(f"{paper}\n")
        assert paper.read_bytes().startswith(b"%PDF")


def test_wrong_reports(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = ids(db)["Spot A"]
    assert "Give a name that ends in .html or .pdf." in run(capsys, "report", key, "-o", "x.doc", code=2)[1]
    path = tmp_path / "none" / "x.html"
    assert "cannot be written" in run(capsys, "report", key, "-o", str(path), code=2)[1]
    assert "--output" in run(capsys, "report", key, code=2)[1]


@pytest.mark.parametrize("spelling", [["{b}", "{c}"], ["{b}", "--with", "{c}"], ["{b},{c}"], ["--with={b}", "{c}"]])
def test_with_takes_all_that_follow(spelling: list[str], db: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(db) as store:
        keys = {"a": ids(db)["Spot A"], "b": ids(db)["Spot B"], "c": keep(store, "Spot C")}
    others = [each.format(**keys) for each in spelling]
    first = [] if others[0].startswith("--with=") else ["--with"]
    found = run_json(capsys, "compare", keys["a"], *first, *others)
    assert [group["sessions"] for group in found["groups"]] == [[keys["a"]], [keys["b"], keys["c"]]]


def test_compare_names_the_groups_and_tells_the_difference(
    db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    keys = ids(db)
    found = run_json(capsys, "compare", keys["Spot A"], "--with", keys["Spot B"])
    assert [group["name"] for group in found["groups"]] == ["Spot A", "Spot B"]
    happy = next(contrast for contrast in found["contrasts"] if contrast["name"] == "happy")
    assert happy["difference"]["value"] < -0.4
    page = tmp_path / "ab.html"
    out, _ = run(
        capsys, "compare", keys["Spot A"], "--with", keys["Spot B"], "--names", "first,second", "-o", str(page)
    )
    assert "first" in out
    assert "second" in out
    assert re.search(r"Happy .* −5\d points", out)
    assert f"Written: {page}" in out
    assert "first" in page.read_text(encoding="utf-8")
    paper = tmp_path / "ab.pdf"
    run(capsys, "compare", keys["Spot A"], "--with", keys["Spot B"], "-o", str(paper))
    assert paper.read_bytes().startswith(b"%PDF")
    out, _ = run(capsys, "compare", keys["Spot A"], "--with", keys["Spot B"], "--lang", "tr")
    assert re.search(r"Mutlu .* −5\d puan", out)


def test_a_comparison_prints_the_grounds_of_its_sessions(
    db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ids(db)
    page = tmp_path / "ab.html"
    run(capsys, "compare", keys["Spot A"], "--with", keys["=Tezgâh"], "-o", str(page))
    assert "sign at the door" in page.read_text(encoding="utf-8")


def test_wrong_comparisons(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    keys = ids(db)
    a, b = keys["Spot A"], keys["Spot B"]
    assert f"{a} stands in both groups." in run(capsys, "compare", a, b, "--with", a, code=2)[1]
    assert "two names are wanted" in run(capsys, "compare", a, "--with", b, "--names", "x", code=2)[1]
    assert "'--with'" in run(capsys, "compare", a, code=2)[1]
    assert "ends in .html or .pdf" in run(capsys, "compare", a, "--with", b, "-o", "x.doc", code=2)[1]


def test_hours_over_several_sessions(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = run_json(capsys, "hours", "--tag", "cinema")
    assert [(cell["weekday"], cell["hour"]) for cell in found["cells"]] == [(0, 14), (0, 15)]
    assert found["sessions"] == 2
    out, _ = run(capsys, "hours", "--lang", "tr")
    assert "Pazartesi" in out
    assert "Salı" in out
    assert run_json(capsys, "hours", ids(db)["Spot A"])["sessions"] == 1
    assert "not both" in run(capsys, "hours", "x", "--tag", "y", code=2)[1]
    assert "Nothing was read" in run(capsys, "hours", "--tag", "nobody")[1]


@pytest.mark.parametrize(("name", "begins"), [("week.html", b"<!doctype html>"), ("week.pdf", b"%pdf")])
def test_hours_are_written_as_a_report_with_their_grounds(
    db: str, tmp_path: Path, name: str, begins: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    out, _ = run(capsys, "hours", "-o", str(path))
    assert "Over all hours, faces looked neutral most often" in out
    assert f"Written: {path}" in out
    assert path.read_bytes().lower().startswith(begins)
    if path.suffix == ".html":
        assert "sign at the door" in path.read_text(encoding="utf-8")
    assert "ends in .html or .pdf" in run(capsys, "hours", "-o", "week.doc", code=2)[1]


def test_answers_of_yes_are_known_in_both_languages() -> None:
    for language in LANGUAGES:
        question = translate("Delete for good? [y/N]", language)
        letter = re.search(r"\[(\w)/\w\]", question)
        assert letter is not None
        assert letter[1] in changing.YES


def test_a_marker_may_lie_beyond_what_is_saved_so_far_while_recording(
    db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = ids(db)["Spot A"]
    with Store.open(db) as store:
        store.set_state(key, SessionState.RECORDING)
    assert len(run_json(capsys, "marker", key, "--at", "1:30", "--label", "later")) == 1
    with Store.open(db) as store:
        assert store.markers(key)[0] == replace(Marker(90.0, "later"), id=store.markers(key)[0].id)
