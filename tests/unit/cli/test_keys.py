"""``mimik key``."""

import json
from pathlib import Path

import pytest

from mimik.cli import main
from mimik.keys import Keyring


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIMIK_KEYS", str(tmp_path / "keys.json"))
    return tmp_path / "keys.json"


def test_a_key_is_shown_once_and_opens(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "create", "--name", "Anna", "--scope", "analyze", "--scope", "rekognition"]) == 0
    shown = capsys.readouterr()
    token = shown.out.strip()
    key = Keyring(path).check(token)
    assert key is not None
    assert key.scopes == ("analyze", "rekognition")
    assert key.id in shown.err
    assert token not in shown.err
    assert main(["key", "list"]) == 0
    listed = capsys.readouterr().out
    assert "Anna" in listed
    assert key.id in listed
    assert token.rpartition("_")[2] not in listed


def test_the_list_as_json_tells_what_is_expired(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "create", "--name", "Anna", "--days", "30", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert main(["key", "list", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed == {name: value for name, value in made.items() if name != "token"}
    assert listed["usable"] is True
    assert listed["expires"] > listed["created"]


def test_a_key_is_revoked(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, token = Keyring(path).create("Anna", ["all"])
    assert main(["key", "revoke", key.id, "--lang", "tr"]) == 0
    assert "artık hiçbir şeyi açmıyor" in capsys.readouterr().err
    assert Keyring(path).check(token) is None
    assert main(["key", "revoke", key.id]) == 2
    assert main(["key", "list"]) == 0
    assert "There are no keys" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Anna [/x]", "Anna [web]"])
def test_a_name_is_listed_as_it_is(path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Keyring(path).create(name, ["all"])
    assert main(["key", "list"]) == 0
    assert name in capsys.readouterr().out


def test_a_file_of_choice_is_used(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.json"
    assert main(["key", "create", "--name", "Anna", "--keys", str(other)]) == 0
    assert Keyring(other).check(capsys.readouterr().out.strip()) is not None
    assert not path.exists()


def test_an_unknown_scope_is_named_and_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "create", "--name", "Anna", "--scope", "everything"]) == 2
    said = capsys.readouterr().err
    assert "'everything'" in said
    assert "rekognition" in said
