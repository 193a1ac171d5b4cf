"""Who may talk to the server."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus

from mimik.serve import create_app
from mimik.serve.guard import is_loopback
from tests.fakes import fake_pipeline
from tests.serving import Served, served


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """A server for visitors' cameras."""
    with served(create_app(fake_pipeline())) as server:
        yield server


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]", "LOCALHOST"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "::", "192.168.1.2", "localhost.evil.example", "127.0.0.1.nip.io", "1"]
)
def test_other_machines(host: str) -> None:
    assert not is_loopback(host)


@given(st.text())
def test_any_text_is_judged_without_error(host: str) -> None:
    assert is_loopback(host) in (True, False)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8420", "127.0.0.1.evil.example", "192.168.0.3:8420", "[::1", ""]
)
def test_rebound_host_names_are_turned_away(server: Served, host: str) -> None:
    """DNS rebinding: another site's name that leads here."""
    assert server.http.get("/", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:8420", "127.0.0.1:8420", "[::1]:8420"])
def test_own_host_names_are_answered(server: Served, host: str) -> None:
    assert server.http.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1:9999", "http://localhost", "https://127.0.0.1", "null"]
)
def test_foreign_origins_get_neither_page_nor_socket(server: Served, origin: str) -> None:
    """Browsers let any page open a WebSocket to any host; only its Origin tells."""
    assert server.http.get("/healthz", headers={"Origin": origin}).status_code == 403
    with pytest.raises(InvalidStatus, match="403"), server.socket("/ws/camera", origin):
        pass


def test_own_origin_gets_a_socket(server: Served) -> None:
    with server.socket("/ws/camera", server.address) as socket:
        socket.ping().wait(5)


@pytest.mark.parametrize("path", ["/", "/healthz", "/page/main.js", "/nothing", "/plotly.min.js"])
def test_every_answer_carries_the_locks(server: Served, path: str) -> None:
    """Nothing inline, nothing from elsewhere, nobody's frame."""
    headers = server.http.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["permissions-policy"].startswith("camera=(self)")
    assert headers["referrer-policy"] == "no-referrer"
