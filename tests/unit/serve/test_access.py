"""Who is let in: keys, scopes, logins, limits. Each test names the threat that it closes out."""

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount, WebSocketRoute
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from mimik.errors import ConfigError
from mimik.keys import SCOPES, Keyring
from mimik.serve import create_app
from mimik.serve.access import _PUBLIC_PATHS, COOKIE, OWN_DOOR, PUBLIC, Access, demanded
from mimik.serve.limits import Limits
from mimik.serve.rates import Rates, network_of
from tests.fakes import FakeSource, detection, fake_pipeline
from tests.serving import Served, served
from tests.unit.serve.test_analyze import JPEG as PICTURE

JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring(tmp_path_factory.mktemp("keys") / "keys.json")


@pytest.fixture(scope="module")
def server(ring: Keyring) -> Iterator[Served]:
    """A server that demands keys."""
    ring.create("Somebody", ["all"])
    with served(create_app(fake_pipeline(detection()), access=Access(ring, frozenset({"mimik.example"})))) as server:
        yield server


def bearer(ring: Keyring, *scopes: str, days: float | None = None) -> dict[str, str]:
    return {"Authorization": f"Bearer {ring.create('Anna', scopes or ['all'], days)[1]}"}


def stream(server: Served, path: str = "/ws/camera", **headers: str) -> ClientConnection:
    return connect(server.address.replace("http", "ws") + path, additional_headers=headers)


# Keys


def test_no_key_is_refused_and_told_how_to_come_in(server: Served) -> None:
    answer = server.http.get("/v1/models")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Authorization: Bearer" in answer.json()["detail"]


@pytest.mark.parametrize("form", ["Bearer", "bearer", "X-API-Key"])
def test_a_right_key_comes_in(server: Served, ring: Keyring, form: str) -> None:
    token = ring.create("Anna", ["analyze"])[1]
    headers = {"X-API-Key": token} if form == "X-API-Key" else {"Authorization": f"{form} {token}"}
    assert server.http.get("/v1/models", headers=headers).status_code == 200


@pytest.mark.parametrize("token", ["x", "mimik_aaaaaaaa_" + "a" * 64, "\x80", "Basic QTpC"])
def test_a_wrong_key_is_refused(server: Served, token: str) -> None:
    answer = server.http.get("/v1/models", headers=[(b"Authorization", f"Bearer {token}".encode("latin-1"))])
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_key_in_the_address_opens_nothing(server: Served, ring: Keyring) -> None:
    """Addresses end in logs and histories."""
    token = ring.create("Anna", ["all"])[1]
    for name in ("key", "api_key", "access_token", "token"):
        assert server.http.get("/v1/models", params={name: token}).status_code == 401


def test_a_key_revoked_while_the_server_runs_is_refused_at_once(server: Served, ring: Keyring) -> None:
    key, token = ring.create("Anna", ["analyze"])
    headers = {"X-API-Key": token}
    assert server.http.get("/v1/models", headers=headers).status_code == 200
    Keyring(ring.path).revoke(key.id)
    assert server.http.get("/v1/models", headers=headers).status_code == 401


def test_an_expired_key_is_refused(server: Served, ring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    key, token = ring.create("Anna", ["analyze"], days=1)
    assert server.http.get("/v1/models", headers={"X-API-Key": token}).status_code == 200
    assert key.expires_s is not None
    monkeypatch.setattr("mimik.keys.time", SimpleNamespace(time=lambda: key.expires_s))
    assert server.http.get("/v1/models", headers={"X-API-Key": token}).status_code == 401


def test_a_revoked_keys_open_websocket_is_closed(server: Served, ring: Keyring) -> None:
    key, token = ring.create("Anna", ["live"])
    with stream(server, Authorization=f"Bearer {token}") as socket:
        ring.revoke(key.id)
        with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012
            socket.send('{"type": "hello"}')
            while True:
                socket.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_keys_that_cannot_be_read_let_nobody_in(tmp_path: Path) -> None:
    ring = Keyring(tmp_path / "keys.json")
    token = ring.create("Anna", ["all"])[1]
    with served(create_app(fake_pipeline(), access=Access(ring))) as server:
        ring.path.write_text("{", encoding="utf-8")
        answer = server.http.get("/v1/models", headers={"X-API-Key": token})
        assert answer.status_code == 503
        assert str(tmp_path) not in answer.text
        assert server.http.get("/healthz").status_code == 200


# Scopes, route by route


def routes() -> list[tuple[str, str]]:
    """Every route of an application with all of them, as (method, pattern); ``WS`` for WebSockets."""
    app = create_app(fake_pipeline(), source=lambda notice: FakeSource(1))
    found = []
    for context in iter_route_contexts(app.routes):
        route: Any = getattr(context, "original_route", context)
        path = str(getattr(context, "path", None) or route.path)
        if isinstance(route, Mount):
            found.append(("GET", path + "/main.js"))
        elif isinstance(route, WebSocketRoute) or "websocket" in type(route).__name__.lower():
            found.append(("WS", path))
        else:
            found += [(method, path) for method in sorted(route.methods - {"HEAD"})]
    return sorted(set(found))


ROUTES = routes()


def test_the_walk_sees_every_kind_of_route() -> None:
    assert {("WS", "/ws/camera"), ("WS", "/ws/source"), ("GET", "/page/main.js"), ("DELETE", "/v1/sessions")} <= {
        *ROUTES
    }
    assert {("POST", "/rekognition/"), ("GET", "/metrics"), ("GET", "/openapi.json"), ("POST", "/v1/analyze")} <= {
        *ROUTES
    }


PUBLIC_ROUTES = {
    ("GET", "/"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/settings.json"),
    ("GET", "/plotly.min.js"),
    ("GET", "/openapi.json"),
    ("GET", "/words/{language}.json"),
    ("GET", "/page/main.js"),
    ("POST", "/v1/login"),
    ("POST", "/v1/logout"),
}
ADMIN_ROUTES = {("DELETE", "/v1/sessions"), ("GET", "/v1/store"), ("POST", "/v1/store/purge")}


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_is_public_by_name_or_demands_a_scope_by_rule(method: str, path: str) -> None:
    """A new route is refused to all but ``admin`` until a rule says who may use it; this test then asks for one."""
    wanted = demanded(method, path)
    if (method, path) in PUBLIC_ROUTES:
        assert wanted is PUBLIC
    elif wanted == {"admin"}:
        assert (method, path) in ADMIN_ROUTES, "say in mimik.serve.access who may use this route"
    else:
        assert wanted is OWN_DOOR or (wanted and wanted <= set(SCOPES))


def test_unknown_addresses_demand_the_most() -> None:
    for path in ("/v2/analyze", "/v1/analyzer", "/v1", "/admin", "/docs", "//v1/analyze", "/pages", "/v1/login/x"):
        assert demanded("GET", path) == {"admin"}, path
    assert all(demanded("DELETE", path) is PUBLIC for path in _PUBLIC_PATHS)


def ask(server: Served, method: str, path: str, headers: dict[str, str]) -> int:
    path = re.sub(r"\{\w+\}", "json", path)
    if method != "WS":
        return server.http.request(method, path, headers=headers).status_code
    try:
        with stream(server, path, **headers):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route not in PUBLIC_ROUTES])
def test_no_route_answers_without_a_key(server: Served, method: str, path: str) -> None:
    status = ask(server, method, path, {})
    if demanded(method, path) is OWN_DOOR:
        assert status in (400, 401, 403)
    else:
        assert status == 401


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route not in PUBLIC_ROUTES])
def test_no_route_answers_a_key_without_its_scope(server: Served, ring: Keyring, method: str, path: str) -> None:
    wanted = demanded(method, path)
    if wanted is OWN_DOOR:
        wanted = frozenset({"rekognition" if path.startswith("/rekognition") else "analyze"})
    others = bearer(ring, *(scope for scope in SCOPES if scope not in wanted))
    assert ask(server, method, path, others) in ((400, 403) if demanded(method, path) is OWN_DOOR else (403,))
    if not path.startswith("/ws/source"):  # this server has no source
        assert ask(server, method, path, bearer(ring, *wanted)) not in (401, 403)


def test_the_pages_own_files_need_no_key_and_tell_nothing_of_the_source(ring: Keyring) -> None:
    app = create_app(fake_pipeline(), source=lambda notice: FakeSource(1), access=Access(ring))
    with served(app) as server:
        settings = server.http.get("/settings.json").json()
        assert (settings["login_needed"], settings["logged_in"], settings["source"]) == (True, None, None)
        known = server.http.get("/settings.json", headers=bearer(ring, "live")).json()
        assert known["logged_in"]["scopes"] == ["live"]


def test_this_machine_alone_needs_no_key() -> None:
    with served(create_app(fake_pipeline(detection()))) as server:
        assert server.http.get("/v1/models", headers={"X-API-Key": "nonsense"}).status_code == 200
        settings = server.http.get("/settings.json").json()
        assert (settings["login_needed"], settings["logged_in"]) == (False, None)
        assert server.http.post("/v1/login", json={"key": "nonsense"}).json()["id"] == "local"


# The page's login


@pytest.fixture
def page(server: Served) -> Iterator[httpx.Client]:
    """A browser's tab, as far as headers go."""
    headers = {"Origin": server.address, "Sec-Fetch-Site": "same-origin"}
    with httpx.Client(base_url=server.address, trust_env=False, headers=headers) as client:
        yield client


def test_a_login_lasts_until_logout(page: httpx.Client, ring: Keyring) -> None:
    key, token = ring.create("Anna", ["live", "sessions"])
    answer = page.post("/v1/login", json={"key": f" {token}\n"})
    assert answer.json() == {"id": key.id, "name": "Anna", "scopes": ["sessions", "live"]}
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "domain" not in cookie
    assert token.lower() not in cookie
    assert key.id not in cookie
    assert page.get("/v1/models").status_code == 200
    assert page.get("/settings.json").json()["logged_in"]["name"] == "Anna"
    old = dict(page.cookies)
    assert page.post("/v1/logout").status_code == 204
    assert page.get("/v1/models").status_code == 401
    page.cookies.update(old)
    assert page.get("/v1/models").status_code == 401, "the value itself is worth nothing any more"


def test_a_login_ends_with_its_key(page: httpx.Client, ring: Keyring) -> None:
    key, token = ring.create("Anna", ["live"])
    page.post("/v1/login", json={"key": token})
    assert page.get("/v1/models").status_code == 200
    ring.revoke(key.id)
    assert page.get("/v1/models").status_code == 401


def test_a_wrong_key_logs_nobody_in(page: httpx.Client) -> None:
    answer = page.post("/v1/login", json={"key": "mimik_aaaaaaaa_" + "a" * 64})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_another_site_cannot_use_the_cookie(server: Served, page: httpx.Client, ring: Keyring) -> None:
    """Were SameSite not enough: a page on another port is of the same site."""
    page.post("/v1/login", json={"key": ring.create("Anna", ["all"])[1]})
    cookie = {"Cookie": f"{COOKIE}={page.cookies[COOKIE]}"}
    assert server.http.get("/v1/models", headers=cookie).status_code == 200
    for headers in (
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert server.http.get("/v1/models", headers=cookie | headers).status_code == 403
        assert server.http.post("/v1/store/purge", headers=cookie | headers).status_code == 403
    assert server.http.get("/metrics", headers=cookie | {"Sec-Fetch-Site": "cross-site"}).status_code == 401
    assert server.http.post("/v1/store/purge", headers=cookie).status_code == 401, "nothing says that the page asks"


def test_another_site_cannot_open_a_websocket_with_the_cookie(
    server: Served, page: httpx.Client, ring: Keyring
) -> None:
    """Cross-site WebSocket hijacking: browsers send cookies along and ask nobody."""
    page.post("/v1/login", json={"key": ring.create("Anna", ["live"])[1]})
    cookie = f"{COOKIE}={page.cookies[COOKIE]}"
    for origin in ("https://evil.example", "http://127.0.0.1:1", "null"):
        with pytest.raises(InvalidStatus, match="403"), stream(server, Cookie=cookie, Origin=origin):
            pass
    with pytest.raises(InvalidStatus, match="401"), stream(server, Cookie=cookie):
        pass
    with stream(server, Cookie=cookie, Origin=server.address) as socket:
        socket.ping().wait(5)


def test_another_site_cannot_log_a_visitor_in(server: Served, ring: Keyring) -> None:
    """Else it could let him record under its own key."""
    token = ring.create("Evil", ["all"])[1]
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = server.http.post("/v1/login", json={"key": token}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_an_idle_login_ends(ring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("mimik.serve.access.time", SimpleNamespace(monotonic=lambda: now))
    app = create_app(fake_pipeline(), access=Access(ring), limits=Limits(login_s=60))
    with served(app) as server:
        server.http.post("/v1/login", json={"key": ring.create("Anna", ["live"])[1]})
        for _ in range(3):
            now += 59
            assert server.http.get("/v1/models").status_code == 200
        now += 61
        assert server.http.get("/v1/models").status_code == 401


# Names, and what stands before the server


def test_other_names_are_turned_away_where_keys_are_demanded_too(server: Served, ring: Keyring) -> None:
    """DNS rebinding again: a key does not help a name that nobody allowed."""
    key = bearer(ring)
    for host, status in [
        ("mimik.example", 200),
        ("MIMIK.example.:8420", 200),
        ("127.0.0.1", 200),
        ("evil.example", 403),
        ("mimik.example.evil.example", 403),
        ("192.168.7.7", 403),
    ]:
        assert server.http.get("/v1/models", headers=key | {"Host": host}).status_code == status, host


def test_an_allowed_names_origin_must_be_its_own(server: Served) -> None:
    host = {"Host": "mimik.example"}
    assert server.http.get("/healthz", headers=host | {"Origin": "http://mimik.example"}).status_code == 200
    for origin in ("https://mimik.example", "http://mimik.example:8420", server.address, "http://localhost"):
        assert server.http.get("/healthz", headers=host | {"Origin": origin}).status_code == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
def test_a_proxy_that_nobody_told_of_gets_nothing(header: str) -> None:
    """It would make every stranger look like somebody at this machine."""
    with served(create_app(fake_pipeline())) as server:
        answer = server.http.get("/v1/models", headers={header: "203.0.113.9"})
        assert answer.status_code == 403
        assert "--behind-proxy" in answer.text


def test_a_client_cannot_pretend_to_come_from_elsewhere(server: Served, ring: Keyring) -> None:
    """Without --behind-proxy nobody's word is taken for an address or for TLS."""
    headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", **bearer(ring)}
    assert server.http.get("/v1/models", headers=headers | {"Origin": "https://127.0.0.1"}).status_code == 403
    assert server.http.get("/v1/models", headers=headers).status_code == 200


# Limits


def test_a_key_that_asks_too_often_must_wait(ring: Keyring) -> None:
    with served(create_app(fake_pipeline(), access=Access(ring), limits=Limits(requests=3))) as server:
        anna, berk = bearer(ring), bearer(ring)
        assert [server.http.get("/v1/models", headers=anna).status_code for _ in range(4)] == [200, 200, 200, 429]
        answer = server.http.get("/v1/models", headers=anna)
        assert 1 <= int(answer.headers["retry-after"]) <= 20
        assert str(answer.json()["values"]["seconds"]) == answer.headers["retry-after"]
        assert server.http.get("/v1/models", headers=berk).status_code == 200
        assert {server.http.get("/healthz").status_code for _ in range(9)} == {200}


def test_strangers_who_ask_too_often_must_wait(ring: Keyring) -> None:
    with served(create_app(fake_pipeline(), access=Access(ring), limits=Limits(requests=3))) as server:
        assert [server.http.get("/v1/models").status_code for _ in range(4)] == [401, 401, 401, 429]
        assert server.http.get("/settings.json").status_code == 429


def test_wrong_keys_must_wait_and_right_ones_need_not(ring: Keyring) -> None:
    with served(create_app(fake_pipeline(), access=Access(ring), limits=Limits(refusals=2))) as server:
        wrong = {"X-API-Key": "mimik_aaaaaaaa_" + "a" * 64}
        assert [server.http.get("/v1/models", headers=wrong).status_code for _ in range(3)] == [401, 401, 429]
        answer = server.http.post("/v1/login", json={"key": wrong["X-API-Key"]})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) <= 30
        assert server.http.get("/v1/models", headers=bearer(ring)).status_code == 200


def test_this_machine_alone_has_no_rate() -> None:
    with served(create_app(fake_pipeline(), limits=Limits(requests=1))) as server:
        assert {server.http.get("/v1/models").status_code for _ in range(3)} == {200}


def test_a_bucket_fills_again_and_forgets_whoever_is_long_gone() -> None:
    now = 0.0
    rates = Rates(6, lambda: now)
    assert [rates.take("a") for _ in range(7)] == [0] * 6 + [10]
    assert rates.take("b") == 0
    now = 9.9
    assert rates.take("a") == 1
    now = 10.1
    assert rates.take("a") == 0
    assert rates.take("a") > 0
    now = 1000
    assert [rates.take("a") for _ in range(7)][5:] == [0, 10]
    for number in range(20_000):
        rates.take(str(number))
    assert len(rates._buckets) <= 10_000


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_one_customers_addresses_are_one(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_host_must_be_a_name_and_a_port(server: Served, ring: Keyring) -> None:
    """What only looks like our name to a careless reader."""
    for host in ("a@mimik.example", "mimik.example#a", "mimik.example:123456", "mimik.example,a", "mimik.example/a"):
        answer = server.http.get("/v1/models", headers=bearer(ring) | {"Host": host})
        assert answer.status_code == 403, host


def test_nobody_ends_another_ones_logins(server: Served, ring: Keyring) -> None:
    """By logging in until the server forgets the oldest."""
    first, second = (ring.create(name, ["live"])[1] for name in ("Anna", "Ben"))
    values = []
    for token in (first, *[second] * 21):
        with httpx.Client(base_url=server.address, trust_env=False) as visitor:
            assert visitor.post("/v1/login", json={"key": token}).status_code == 200
            values.append(visitor.cookies[COOKIE])
    for value, status in ((values[0], 200), (values[1], 401), (values[-1], 200)):
        answer = server.http.get("/v1/models", headers={"Cookie": f"{COOKIE}={value}"})
        assert answer.status_code == status


def test_one_keys_slow_bodies_leave_room_for_others(tmp_path: Path) -> None:
    ring = Keyring(tmp_path / "keys.json")
    slow, other = bearer(ring, "analyze"), bearer(ring, "analyze")
    app = create_app(fake_pipeline(detection()), access=Access(ring), limits=Limits(waiting=4, waiting_each=1))
    with served(app) as server, socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2]))) as held:
        held.sendall(
            f"POST /v1/analyze HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {slow['Authorization']}\r\n"
            "Content-Type: image/jpeg\r\nContent-Length: 1000\r\n\r\n".encode()
        )
        while not app.state.analyzer._held:
            time.sleep(0.01)
        assert server.http.post("/v1/analyze", content=PICTURE, headers=slow | JPEG).status_code == 503
        assert server.http.post("/v1/analyze", content=PICTURE, headers=other | JPEG).status_code == 200


def test_strangers_cannot_make_the_audit_log_forget(tmp_path: Path) -> None:
    """Which has room for so many lines and then drops the oldest."""
    ring, log = Keyring(tmp_path / "keys.json"), tmp_path / "audit.jsonl"
    key = bearer(ring, "live")
    app = create_app(fake_pipeline(), access=Access(ring, audit=log), limits=Limits(audit_strangers=3))
    with served(app) as server:
        for _ in range(10):
            server.http.get("/v1/models")
        server.http.get("/v1/models", headers=key)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["key"] is None, line.get("left_out", 0)) for line in lines] == [(True, 0)] * 3 + [(False, 7)]


@pytest.mark.parametrize(
    "name", ["https://faces.example.org", "faces.example.org:8420", "faces.example.org/page", "*", "", ".", "a b"]
)
def test_a_name_that_no_browser_would_send_is_told(name: str) -> None:
    """It would only be found out when every request is turned away."""
    with pytest.raises(ConfigError, match="without https:// and without a port"):
        Access(hosts=frozenset({name}))


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("Faces.Example.Org.", "faces.example.org"),
        ("yüzler.example", "xn--yzler-kva.example"),
        ("[FD00::2]", "fd00::2"),
        ("my_host", "my_host"),
    ],
)
def test_a_name_is_kept_as_browsers_send_it(name: str, sent: str) -> None:
    assert Access(hosts=frozenset({name})).hosts == {sent}


def test_the_audit_log_tells_whose_key_lacked_the_scope(tmp_path: Path) -> None:
    ring = Keyring(tmp_path / "keys.json")
    key, token = ring.create("Anna", ["analyze"])
    with served(create_app(fake_pipeline(), access=Access(ring, audit=tmp_path / "audit.jsonl"))) as server:
        assert server.http.get("/v1/sessions", headers={"X-API-Key": token}).status_code == 403
        assert server.http.get("/v1/sessions").status_code == 401
    told = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sorted((line["status"], line["key"] or "") for line in told) == [(401, ""), (403, key.id)]
