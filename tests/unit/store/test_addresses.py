"""Which database is meant."""

import subprocess
import sys
from pathlib import Path

import pytest

from mimik.errors import StoreError
from mimik.store.engine import find
from mimik.store.finding import _plain


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="the XDG data folder is Linux's")
def test_without_an_address_it_lies_in_the_data_folder(home: Path) -> None:
    address = find()
    assert address.file == home / "data" / "mimik" / "sessions.db"
    assert address.clips == home / "data" / "mimik" / "sessions-clips"


def test_the_environment_names_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MIMIK_DATABASE_URL", f"sqlite:///{tmp_path}/else.db")
    assert find().file == tmp_path / "else.db"
    assert find(tmp_path / "third.db").file == tmp_path / "third.db"


def test_a_path_an_address_and_home_mean_files(home: Path) -> None:
    for given in (home / "a.db", str(home / "a.db"), f"sqlite:///{home}/a.db", "~/a.db"):
        assert find(given).file == home / "a.db", given
    assert find("~/a.db").shown == f"sqlite:///{home}/a.db"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_postgresql_is_spoken_to_by_psycopg_and_shown_without_its_password(home: Path, scheme: str) -> None:
    address = find(f"{scheme}://ayşe:p%40ss@db.example:5433/lab?sslmode=require&sslpassword=hush")
    assert address.url.drivername == "postgresql+psycopg"
    assert address.secret == "p@ss"
    assert address.shown == address.place == "postgresql://ay%C5%9Fe@db.example:5433/lab?sslmode=require"
    assert address.clips.parent == home / "data" / "mimik"


def test_two_postgresql_databases_have_folders_of_their_own(home: Path) -> None:
    first, second = find("postgresql://h/one"), find("postgresql://h/two")
    assert first.clips != second.clips
    assert find("postgresql://u:new@h/one").clips == find("postgresql://u:old@h/one").clips  # a password may change


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:hush@host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://u:hush@host:port/db",
        "nonsense://u:hush/with@slash@host",
        "postgresql+psycopg://u:hush@h:1:2/x?password=hush",
        "://",
    ],
)
def test_other_addresses_are_refused_without_repeating_the_password(url: str) -> None:
    with pytest.raises(StoreError, match="not an address of a session database") as caught:
        find(url)
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_importing_the_room_loads_no_database() -> None:
    program = (
        "import sys, mimik.store; assert 'numpy' not in sys.modules; from mimik.store import Draft; Draft('x'); "
        "assert not {'sqlalchemy', 'alembic', 'psycopg'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_room_exports_what_it_names() -> None:
    import mimik.store

    for name in mimik.store.__all__:
        assert getattr(mimik.store, name).__class__ is not None
    assert dir(mimik.store) == sorted(mimik.store.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        mimik.store.nothing  # noqa: B018


@pytest.mark.parametrize("text", ["İSTANBUL", "istanbul", "Istanbul", "ıstanbul", "ISTANBUL", "İstanbul"])
def test_the_turkish_i_is_found_however_it_is_typed(text: str) -> None:
    assert _plain(text) == "istanbul"
