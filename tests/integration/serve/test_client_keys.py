"""`mimik.Client` where keys are demanded."""

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from mimik import AsyncClient, Client
from mimik.errors import ConfigError, ServerError
from mimik.keys import Keyring
from mimik.serve import Access, create_app
from tests.fakes import detection, fake_pipeline
from tests.integration.serve.test_doors import TLS
from tests.serving import Served, served
from tests.unit.serve.test_analyze import JPEG

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    ring = Keyring(tmp_path_factory.mktemp("keys") / "keys.json")
    ring.create("Somebody", ["all"])
    return ring


@pytest.fixture(scope="module")
def server(ring: Keyring) -> Iterator[Served]:
    """Under TLS, with a certificate that nobody trusts of himself."""
    app = create_app(fake_pipeline(detection()), access=Access(ring))
    with served(app, transport=TLS, verify=False) as server:
        yield server


def test_a_client_brings_its_key(server: Served, ring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    token = ring.create("Anna", ["analyze"])[1]
    with Client(server.address, key=token, verify=TLS.certificate) as client:
        assert len(client.analyze(JPEG)[0].faces) == 1
        assert [len(result.faces) for result in client.stream([JPEG, JPEG])] == [1, 1]
    monkeypatch.setenv("MIMIK_KEY", token)
    with Client(server.address, verify=TLS.certificate) as client:
        assert len(client.analyze(JPEG)[0].faces) == 1


def test_an_async_client_brings_its_key(server: Served, ring: Keyring) -> None:
    token = ring.create("Anna", ["analyze"])[1]

    async def ask() -> int:
        async with AsyncClient(server.address, key=token, verify=TLS.certificate) as client:
            return len((await client.analyze(JPEG))[0].faces)

    assert anyio.run(ask) == 1


@pytest.mark.parametrize(("scope", "status"), [(None, 401), ("sessions", 403)])
def test_a_client_says_why_it_was_refused(server: Served, ring: Keyring, scope: str | None, status: int) -> None:
    key = None if scope is None else ring.create("Anna", [scope])[1]
    with Client(server.address, key=key, verify=TLS.certificate) as client, pytest.raises(ServerError) as refused:
        client.models()
    assert refused.value.status == status
    assert "key" in str(refused.value)


def test_a_client_sends_no_key_to_a_server_that_it_does_not_trust(server: Served, tmp_path: Path) -> None:
    with Client(server.address, key="mimik_x") as client, pytest.raises(ServerError, match=r"(?i)certificate"):
        client.models()
    (tmp_path / "no.pem").write_text("nothing")
    for path in (tmp_path / "no.pem", tmp_path / "missing.pem"):
        with pytest.raises(ConfigError, match="PEM"):
            Client(server.address, verify=path)


def test_a_key_that_cannot_be_sent_is_told_without_showing_it() -> None:
    for key in ("mimik_ş", "mimik_a\nb"):
        with pytest.raises(ConfigError) as refused:
            Client(key=key)
        assert key not in str(refused.value)
