"""The keyring: what is kept of a key, and what is not."""

import hashlib
import json
import stat
import threading
import time
from pathlib import Path

import pytest

from mimik.errors import ConfigError
from mimik.keys import SCOPES, Keyring, default_keys, parse_token


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "keys" / "keys.json")


def test_a_token_opens_with_its_own_scopes(ring: Keyring) -> None:
    key, token = ring.create("Anna", ["sessions", "analyze"])
    checked = ring.check(token)
    assert checked == key
    assert key.scopes == ("analyze", "sessions")
    assert ring.create("Everything", ["all"])[0].scopes == SCOPES


def test_the_keyring_holds_no_secret(ring: Keyring) -> None:
    _, token = ring.create("Anna", ["all"])
    parsed = parse_token(token)
    assert parsed is not None
    assert parsed[1] not in ring.path.read_text(encoding="utf-8")
    assert len("AWS4" + parsed[1]) > 64, "HMAC must hash it, or the file would have to hold it"


def test_only_keys_for_amazon_keep_what_signs(ring: Keyring) -> None:
    plain, _ = ring.create("Anna", ["analyze"])
    amazon, token = ring.create("Boto", ["rekognition"])
    secret = token.rpartition("_")[2]
    assert plain.signing_sha256 is None
    assert amazon.signing_sha256 == hashlib.sha256(f"AWS4{secret}".encode()).hexdigest() != amazon.secret_sha256


def test_the_keyring_file_is_its_owners_alone(ring: Keyring) -> None:
    for _ in range(2):  # the first makes it, the second replaces it
        ring.create("Anna", ["analyze"])
        assert stat.S_IMODE(ring.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(ring.path.parent.stat().st_mode) == 0o700
    assert [path.name for path in ring.path.parent.glob("*.new")] == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda token: "",
        lambda token: token[:-1],
        lambda token: token + "a",
        lambda token: token[:-1] + ("a" if token[-1] != "a" else "b"),
        lambda token: token.replace("mimik_", "mimic_"),
        lambda token: "mimik_aaaaaaaa_" + token.rpartition("_")[2],
        lambda token: token.replace(token[-1], "é"),
    ],
)
def test_a_wrong_key_opens_nothing(ring: Keyring, damage: object) -> None:
    _, token = ring.create("Anna", ["analyze"])
    assert ring.check(damage(token)) is None  # type: ignore[operator]


def test_a_revoked_key_opens_nothing_in_another_process_at_once(ring: Keyring) -> None:
    key, token = ring.create("Anna", ["analyze"])
    _, other = ring.create("Berk", ["analyze"])
    server = Keyring(ring.path)
    assert server.check(token) == key
    ring.revoke(key.id)
    assert server.check(token) is None
    assert server.check(other) is not None
    with pytest.raises(ConfigError, match="no key"):
        ring.revoke(key.id)


def test_an_expired_key_opens_nothing(ring: Keyring) -> None:
    key, token = ring.create("Anna", ["analyze"], days=1)
    assert ring.check(token) == key
    assert key.expires_s is not None
    assert not key.usable(key.expires_s)
    _, short = ring.create("Berk", ["analyze"], days=1e-9)
    time.sleep(0.01)
    assert ring.check(short) is None
    assert len(ring.entries()) == 2, "it is still listed"


def test_unknown_scopes_are_refused(ring: Keyring) -> None:
    with pytest.raises(ConfigError, match="'analyse'"):
        ring.create("Anna", ["analyze", "analyse"])
    with pytest.raises(ConfigError):
        ring.create("Anna", [])


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"version": 2, "keys": []}', '{"version": 1, "keys": [{"id": 3}]}', "\x00"]
)
def test_a_damaged_file_opens_nothing_and_is_not_overwritten(ring: Keyring, content: str) -> None:
    _, token = ring.create("Anna", ["analyze"])
    ring.path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"keys\.json"):
        ring.check(token)
    with pytest.raises(ConfigError):
        ring.create("Berk", ["analyze"])
    assert ring.path.read_text(encoding="utf-8") == content


def test_keys_made_side_by_side_are_all_kept(ring: Keyring) -> None:
    threads = [
        threading.Thread(target=lambda: [Keyring(ring.path).create("Anna", ["analyze"]) for _ in range(5)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ring.entries()) == 20
    assert len(json.loads(ring.path.read_text(encoding="utf-8"))["keys"]) == 20


def test_the_variable_says_where_keys_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIMIK_KEYS", str(tmp_path / "mine.json"))
    assert default_keys() == tmp_path / "mine.json"
    assert Keyring().path == tmp_path / "mine.json"
    monkeypatch.delenv("MIMIK_KEYS")
    assert default_keys().name == "keys.json"


def test_a_key_without_a_name_is_not_made(ring: Keyring) -> None:
    with pytest.raises(ConfigError, match="needs a name"):
        ring.create(" \n", ["analyze"])
    assert ring.entries() == ()


def test_a_file_of_another_version_is_not_called_damaged(ring: Keyring) -> None:
    ring.create("Anna", ["analyze"])
    ring.path.write_text('{"version": 2, "keys": []}', encoding="utf-8")
    with pytest.raises(ConfigError, match="another version of Mimik: 2 where this one reads 1"):
        ring.entries()
