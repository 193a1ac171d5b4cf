"""`deploy/nginx.conf` in a real nginx, before a real `mimik serve`."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.faces import hopper
from tests.media import encoded

pytestmark = pytest.mark.integration

_REPOSITORY = Path(__file__).parents[3]
_NAME = "mimik.example.org"
_MAIN = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/mimik.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Site:
    """Mimik behind nginx.

    Attributes:
        port: nginx's, of TLS.
        plain: nginx's, without.
        behind: Mimik's own.
        key: a key's token.
        trust: knows the site's certificate.
    """

    port: int
    plain: int
    behind: int
    key: str
    trust: ssl.SSLContext

    @property
    def host(self) -> str:
        """What a browser would send as Host."""
        return f"{_NAME}:{self.port}"

    def client(self, own_address: str = "127.0.0.1", key: str | None = None) -> httpx.Client:
        """A client of nginx, from an address of this machine."""
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.port}",
            headers={"Host": self.host, "Authorization": f"Bearer {self.key if key is None else key}"},
            transport=_Named(httpx.HTTPTransport(verify=self.trust, local_address=own_address)),
            timeout=60,
        )

    def websocket(self, path: str, origin: str | None) -> ClientConnection:
        """A WebSocket through nginx."""
        return connect(
            f"wss://{self.host}{path}",
            sock=socket.create_connection(("127.0.0.1", self.port)),
            ssl=self.trust,
            server_hostname=_NAME,
            origin=origin,  # type: ignore[arg-type]
            additional_headers={"Authorization": f"Bearer {self.key}"},
            open_timeout=20,
        )


class _Named(httpx.BaseTransport):
    """Asks for the site's name in TLS, while it connects to an address."""

    def __init__(self, inner: httpx.HTTPTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = _NAME
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Mimik with keys and a name behind nginx."""
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if nginx is None or shutil.which("openssl") is None:
        pytest.skip("nginx or openssl is not installed")
    folder = tmp_path_factory.mktemp("site")
    certificate = _certificate(folder)
    port, plain, behind = _free_ports(3)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MIMIK_")},
        "MIMIK_KEYS": str(folder / "keys.json"),
        "MIMIK_DATABASE_URL": str(folder / "sessions.db"),
        "MIMIK_AUDIT": str(folder / "audit.jsonl"),
        "MIMIK_LIMIT_REFUSALS": "2",
    }
    mimik = [str(Path(sys.executable).with_name("mimik"))]
    made = subprocess.run(
        [*mimik, "key", "create", "--name", "probe", "--json"], env=environment, capture_output=True, check=True
    )
    text = (_REPOSITORY / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    for old, new in (
        ("/etc/ssl/mimik/certificate.pem", str(certificate)),
        ("/etc/ssl/mimik/key.pem", str(certificate)),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("server 127.0.0.1:8420;", f"server 127.0.0.1:{behind};"),
    ):
        assert old in text
        text = text.replace(old, new)
    (folder / "mimik.conf").write_text(text, encoding="utf-8")
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder), encoding="utf-8")
    options = ["--behind-proxy", "127.0.0.1", "--allow-host", _NAME, "--require-keys", "--port", str(behind)]
    with (
        _running([*mimik, "serve", *options], folder / "mimik.log", environment),
        _running([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")], folder / "nginx.log", environment),
    ):
        _wait_until_ready(behind, folder)
        yield Site(
            port, plain, behind, json.loads(made.stdout)["token"], ssl.create_default_context(cafile=certificate)
        )
    assert "Traceback" not in (folder / "mimik.log").read_text(encoding="utf-8")


def _certificate(folder: Path) -> Path:
    file = folder / "certificate.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={_NAME}"]
    words += ["-addext", f"subjectAltName=DNS:{_NAME}", "-keyout", str(file), "-out", str(folder / "public.pem")]
    subprocess.run(words, check=True, capture_output=True)
    file.write_text(file.read_text() + (folder / "public.pem").read_text())
    return file


def _free_ports(count: int) -> list[int]:
    """Of those below what systems give to connections of their own accord: nobody gets one before it is listened on."""
    ports: list[int] = []
    for port in random.sample(range(12_000, 32_000), 1000):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        ports.append(port)
        if len(ports) == count:
            return ports
    pytest.fail("no free ports")


@contextmanager
def _running(command: list[str], log: Path, environment: dict[str, str]) -> Iterator[None]:
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment) as process,
    ):
        try:
            yield
            assert process.poll() is None, log.read_text(encoding="utf-8")
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_ready(port: int, folder: Path) -> None:
    deadline_s = time.monotonic() + 90
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        while time.monotonic() < deadline_s:
            try:
                if client.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)
    pytest.fail(f"Mimik does not answer: {(folder / 'mimik.log').read_text(encoding='utf-8')}")


def test_the_page_loads_through_it(site: Site) -> None:
    with site.client(key="none") as client:
        page = client.get("/", headers={"Authorization": ""})
        script = client.get("/page/main.js", headers={"Authorization": ""})
    assert page.status_code == script.status_code == 200
    assert "<title" in page.text
    assert page.headers["strict-transport-security"].startswith("max-age=")
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["server"] == "nginx"


def test_a_picture_is_read_through_it(site: Site) -> None:
    with site.client() as client:
        answer = client.post("/v1/analyze", content=encoded(hopper()), headers={"Content-Type": "image/jpeg"})
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["pictures"][0]["faces"]) == 1


def test_a_key_is_needed_though_everybody_seems_to_come_from_this_machine(site: Site) -> None:
    with site.client() as client:
        answer = client.post("/v1/analyze", content=b"", headers={"Authorization": "", "Content-Type": "image/jpeg"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(site: Site) -> None:
    head = f"POST /v1/analyze HTTP/1.1\r\nHost: {site.host}\r\nContent-Length: {34 * 1024**2}\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", site.port), 30) as raw,
        site.trust.wrap_socket(raw, server_hostname=_NAME) as connection,
    ):
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("path", ["/v1/stream", "/ws/camera"])
def test_frames_are_read_through_a_websocket(site: Site, path: str) -> None:
    picture = encoded(hopper())
    with site.websocket(path, f"https://{site.host}") as stream:
        hello = json.loads(stream.recv(timeout=30))
        stream.send(picture if path == "/v1/stream" else struct.pack("<Id", 1, 0.5) + picture)
        answer = json.loads(stream.recv(timeout=30))
    assert hello["type"] == "hello"
    assert answer["type"] == "result"
    assert len(answer["faces"]) == 1


@pytest.mark.parametrize(
    "origin", ["https://elsewhere.example", "http://mimik.example.org", "https://mimik.example.org:1"]
)
def test_another_sites_page_opens_no_websocket_through_it(site: Site, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, site.websocket("/ws/camera", origin):
        pass
    assert refused.value.response.status_code == 403


def test_another_sites_page_asks_nothing_through_it(site: Site) -> None:
    with site.client() as client:
        own = client.get("/v1/models", headers={"Origin": f"https://{site.host}"})
        other = client.get("/v1/models", headers={"Origin": "https://elsewhere.example"})
        downgraded = client.get("/v1/models", headers={"Origin": f"http://{site.host}"})
    assert [own.status_code, other.status_code, downgraded.status_code] == [200, 403, 403]


def test_another_name_is_not_shown_the_certificate(site: Site) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", site.port)) as raw, pytest.raises(ssl.SSLError):
        context.wrap_socket(raw, server_hostname="elsewhere.example")


def test_another_name_within_the_right_connection_gets_no_answer(site: Site) -> None:
    with site.client() as client, pytest.raises(httpx.RemoteProtocolError):
        client.get("/v1/models", headers={"Host": "elsewhere.example"})


def test_plain_http_leads_to_tls(site: Site) -> None:
    answer = httpx.get(f"http://127.0.0.1:{site.plain}/v1/models", headers={"Host": _NAME}, trust_env=False)
    assert (answer.status_code, answer.headers["location"]) == (301, f"https://{_NAME}/v1/models")


def test_wrong_keys_are_counted_by_the_address_behind_the_proxy_and_by_no_claim(site: Site) -> None:
    def tries(client: httpx.Client, **headers: str) -> list[int]:
        return [client.get("/v1/models", headers=headers).status_code for _ in range(3)]

    with site.client("127.0.0.2", key="mimik_wrong") as one, site.client("127.0.0.3", key="mimik_wrong") as other:
        assert tries(one) == [401, 401, 429]
        claimed = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
        assert tries(one, **claimed) == [429, 429, 429]
        assert other.get("/v1/models").status_code == 401
    # Past nginx, from an address that is no proxy, a claim counts for nothing: 127.0.0.2 is locked out, 127.0.0.4 not.
    direct = httpx.HTTPTransport(local_address="127.0.0.4")
    headers = {"Authorization": "Bearer mimik_wrong", "X-Forwarded-For": "127.0.0.2"}
    with httpx.Client(base_url=f"http://127.0.0.1:{site.behind}", transport=direct, headers=headers) as client:
        assert client.get("/v1/models").status_code == 401


def test_the_audit_log_tells_the_clients_address(site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    with site.client("127.0.0.5") as client:
        assert client.get("/v1/models").status_code == 200
    log = next(tmp_path_factory.getbasetemp().glob("site*/audit.jsonl"))
    deadline_s = time.monotonic() + 20
    while '"127.0.0.5"' not in log.read_text(encoding="utf-8"):  # written once the answer is on its way
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
