"""The server open to others: TLS, proxies, refusals to start, and the audit log."""

import json
import logging
import socket
import ssl
import stat
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from mimik.cli import main
from mimik.client import Client
from mimik.errors import ConfigError, ServerError
from mimik.keys import Keyring
from mimik.serve import Access, Transport, create_app, serve
from mimik.serve.audit import Audit, audit_path
from mimik.serve.limits import Limits
from tests.fakes import detection, fake_pipeline
from tests.serving import Served, served
from tests.unit.serve.test_analyze import JPEG

pytestmark = pytest.mark.integration

CERTIFICATES = Path(__file__).parents[2] / "certificates"
TLS = Transport(CERTIFICATES / "certificate.pem", CERTIFICATES / "key.pem")
"""Made for these tests, for localhost alone, by a key that everybody has."""


@pytest.fixture(scope="module")
def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(CERTIFICATES / "certificate.pem"))


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    ring = Keyring(tmp_path / "keys.json")
    ring.create("Somebody", ["metrics"])
    return ring


def bearer(ring: Keyring, *scopes: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {ring.create('Anna', scopes or ['all'])[1]}"}


# Starting


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_without_keys_only_this_machine_is_served(host: str) -> None:
    with pytest.raises(ConfigError, match="mimik key create"):
        serve(create_app(fake_pipeline()), host)


def test_a_keyring_without_a_usable_key_opens_to_nobody(tmp_path: Path) -> None:
    ring = Keyring(tmp_path / "keys.json")
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"no usable key.*mimik key create.*--certificate"):
            serve(create_app(fake_pipeline(), access=Access(ring)), "0.0.0.0")
        ring.create("Expired", ["all"], days=1e-9)


def test_a_proxy_without_keys_opens_to_nobody() -> None:
    with pytest.raises(ConfigError, match="keys must be demanded"):
        serve(create_app(fake_pipeline()), transport=Transport(proxies=("127.0.0.1",)))


@pytest.mark.parametrize("proxy", ["*", "proxy.example", "127.0.0.1:80", ""])
def test_proxies_are_named_by_address(proxy: str) -> None:
    """``*`` would let everybody say where they come from."""
    with pytest.raises(ConfigError, match="no address or network"):
        Transport(proxies=(proxy,)).check()


def test_mimik_serve_refuses_another_address_without_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MIMIK_KEYS", str(tmp_path / "keys.json"))
    monkeypatch.setenv("MIMIK_AUDIT", str(tmp_path / "audit.jsonl"))
    for options in (["--host", "0.0.0.0"], ["--require-keys"], ["--allow-host", "a.example"]):
        assert main(["serve", *options]) == 2
        said = capsys.readouterr().err
        assert "mimik key create" in said
        assert "--certificate FILE" in said
    assert main(["live", "demo", "--host", "0.0.0.0"]) == 2
    assert "only this machine" in capsys.readouterr().err


def test_all_addresses_are_served_with_keys_and_a_warning_without_tls(ring: Keyring) -> None:
    told: list[str] = []
    app = create_app(fake_pipeline(), access=Access(ring))
    with served(app, "0.0.0.0", notice=lambda text, values: told.append(text)) as server:
        assert server.http.get("/v1/models").status_code == 401
        assert server.http.get("/v1/models", headers=bearer(ring)).status_code == 200
    assert [text for text in told if text.startswith("Without TLS")] == told
    assert told


# TLS


def test_tls_with_a_private_certificate(ring: Keyring, trusting: ssl.SSLContext) -> None:
    app = create_app(fake_pipeline(detection()), access=Access(ring))
    with served(app, transport=TLS, verify=trusting) as server:
        assert server.address.startswith("https://")
        assert server.http.get("/v1/models", headers=bearer(ring)).status_code == 200
        with pytest.raises(httpx.ConnectError, match=r"(?i)certificate"), httpx.Client(trust_env=False) as strict:
            strict.get(f"{server.address}/healthz")
        with pytest.raises(ServerError, match="not trusted here"), Client(server.address) as own:
            own.models()
        with pytest.raises(httpx.RemoteProtocolError), httpx.Client(trust_env=False) as plain:
            plain.get(server.address.replace("https", "http") + "/healthz")


def test_old_tls_is_not_spoken(ring: Keyring) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with served(create_app(fake_pipeline(), access=Access(ring)), transport=TLS, verify=False) as server:
        port = int(server.address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as raw, pytest.raises(ssl.SSLError):
            old.wrap_socket(raw)


def test_under_tls_the_cookie_is_secure_and_the_origin_https(ring: Keyring, trusting: ssl.SSLContext) -> None:
    app = create_app(fake_pipeline(), access=Access(ring))
    with served(app, transport=TLS, verify=trusting) as server:
        key = bearer(ring, "live")["Authorization"].removeprefix("Bearer ")
        answer = server.http.post("/v1/login", json={"key": key}, headers={"Origin": server.address})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-")
        assert "Secure" in cookie
        plain = server.address.replace("https", "http")
        assert server.http.get("/healthz", headers={"Origin": plain}).status_code == 403
        address = server.address.replace("https", "wss") + "/ws/camera"
        headers = {"Cookie": cookie.partition(";")[0], "Origin": server.address}
        with connect(address, ssl=trusting, additional_headers=headers) as stream:
            stream.ping().wait(5)


@pytest.mark.parametrize(
    ("certificate", "key", "told"),
    [
        ("key.pem", "key.pem", r"key\.pem: there is no certificate"),
        ("certificate.pem", None, r"certificate\.pem: there is no private key .* --certificate-key"),
        ("none.pem", "key.pem", r"none\.pem: cannot be read \(No such file"),
        ("certificate.pem", "none.pem", r"none\.pem: cannot be read"),
        ("certificate.pem", "locked.pem", "has a password.*openssl pkey"),
        ("certificate.pem", "broken.pem", "no certificate and key that belong together"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_told_before_the_start(
    tmp_path: Path, certificate: str, key: str | None, told: str
) -> None:
    for name in ("certificate.pem", "key.pem"):
        (tmp_path / name).write_bytes((CERTIFICATES / name).read_bytes())
    for name, kind in (("locked.pem", "ENCRYPTED PRIVATE KEY"), ("broken.pem", "PRIVATE KEY")):
        (tmp_path / name).write_text(f"-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n", encoding="ascii")
    with pytest.raises(ConfigError, match=told):
        Transport(tmp_path / certificate, None if key is None else tmp_path / key).check()
    with pytest.raises(ConfigError, match="needs --certificate"):
        Transport(certificate_key=CERTIFICATES / "key.pem").check()


# Behind a proxy


def test_a_proxys_word_is_taken_for_addresses_and_tls(ring: Keyring, tmp_path: Path) -> None:
    access = Access(ring, frozenset({"mimik.example"}), tmp_path / "audit.jsonl")
    told = {"Host": "mimik.example", "X-Forwarded-For": "6.6.6.6, 203.0.113.9", "X-Forwarded-Proto": "https"}
    with served(create_app(fake_pipeline(), access=access), transport=Transport(proxies=("127.0.0.1",))) as server:
        key = bearer(ring)
        good = server.http.get("/v1/models", headers=key | told | {"Origin": "https://mimik.example"})
        assert good.status_code == 200
        assert server.http.get("/v1/models", headers=key | told | {"Origin": "http://mimik.example"}).status_code == 403
        login = server.http.post(
            "/v1/login", json={"key": key["Authorization"][7:]}, headers=told | {"Origin": "https://mimik.example"}
        )
        assert "Secure" in login.headers["set-cookie"]
    addresses = {line["address"] for line in lines(tmp_path / "audit.jsonl")}
    assert addresses == {"203.0.113.9"}, "the last one, which the proxy saw; the first anybody may write"


def test_another_machines_word_is_not_taken(ring: Keyring, tmp_path: Path) -> None:
    access = Access(ring, frozenset(), tmp_path / "audit.jsonl")
    with served(create_app(fake_pipeline(), access=access), transport=Transport(proxies=("192.0.2.1",))) as server:
        server.http.get("/v1/models", headers={"X-Forwarded-For": "203.0.113.9"})
    assert {line["address"] for line in lines(tmp_path / "audit.jsonl")} == {"127.0.0.1"}


# The audit log


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def audited(ring: Keyring, tmp_path: Path) -> Iterator[Served]:
    access = Access(ring, audit=tmp_path / "logs" / "audit.jsonl")
    with served(create_app(fake_pipeline(detection(), detection(x=100)), access=access)) as server:
        yield server


def test_the_audit_log_says_who_asked_how_much(audited: Served, ring: Keyring, tmp_path: Path) -> None:
    key, token = ring.create("Anna", ["analyze"])
    headers = {"X-API-Key": token}
    files = [("pictures", ("secret-name.jpg", JPEG)), ("pictures", ("other.jpg", JPEG))]
    assert audited.http.post("/v1/analyze", files=files, headers=headers).status_code == 200
    audited.http.get("/v1/sessions/private-id", headers=headers)
    audited.http.get("/v1/models")
    path = tmp_path / "logs" / "audit.jsonl"
    read, refused, stranger = _until(lambda: lines(path) if len(lines(path)) == 3 else None)
    assert (read["key"], read["way"], read["status"]) == (key.id, "/v1/analyze", 200)
    assert (read["pictures"], read["faces"], read["address"]) == (2, 4, "127.0.0.1")
    assert read["bytes"] > 2 * len(JPEG)
    assert read["ms"] >= 0
    assert (refused["key"], refused["status"]) == (key.id, 403)
    assert (stranger["key"], stranger["status"]) == (None, 401)


def test_the_audit_log_counts_streams(audited: Served, ring: Keyring, tmp_path: Path) -> None:
    key, token = ring.create("Anna", ["analyze"])
    address = audited.address.replace("http", "ws") + "/v1/stream"
    with connect(address, additional_headers={"X-API-Key": token}) as stream:
        for _ in range(3):
            stream.send(JPEG)
            while json.loads(stream.recv(10))["type"] != "result":
                pass
    path = tmp_path / "logs" / "audit.jsonl"
    (line,) = _until(lambda: lines(path))
    assert (line["key"], line["method"], line["way"], line["status"]) == (key.id, "WS", "/v1/stream", 101)
    assert (line["pictures"], line["faces"], line["bytes"]) == (3, 6, 3 * len(JPEG))


def _until(found: Any) -> Any:
    import time

    for _ in range(1500):
        if value := found():
            return value
        time.sleep(0.02)
    raise AssertionError("never came")


def test_keys_are_in_no_log_no_audit_and_no_metrics(
    audited: Served, ring: Keyring, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nor are file names, addresses asked for, or logins."""
    caplog.set_level(logging.DEBUG)
    id, secret = ring.create("Anna", ["all"])[1].split("_")[1:]  # noqa: A001
    token = f"mimik_{id}_{secret}"
    http = audited.http
    for headers in ({"Authorization": f"Bearer {token}"}, {"X-API-Key": token}, {"X-API-Key": token[:-1]}):
        http.post("/v1/analyze", files={"pictures": ("secret-name.jpg", JPEG)}, headers=headers)
        http.post("/v1/analyze", content=b"nonsense", headers=headers)
    http.post("/v1/login", json={"key": token})
    http.post("/v1/login", json={"key": token[:-1] + "!", "more": 1})
    cookie = next(iter(http.cookies.values()))
    http.get("/v1/models")
    http.post("/facepp/v3/detect", data={"api_key": id, "api_secret": secret}, files={"image_file": JPEG})
    http.post("/skybiometry/fc/faces/detect.json", params={"api_key": id, "api_secret": secret}, files={"f": JPEG})
    http.post("/azure/face/v1.0/detect", content=JPEG, headers={"Ocp-Apim-Subscription-Key": token})
    metrics = http.get("/metrics", headers={"X-API-Key": token}).text
    assert "mimik_requests_total" in metrics
    output = capfd.readouterr()
    # The client's own, and one that only pytest listens to: the test of the program sees that nobody else does.
    foreign = ("httpx", "httpcore", "uvicorn.access")
    own = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith(foreign))
    written = (tmp_path / "logs" / "audit.jsonl").read_text(encoding="utf-8")
    assert id in written
    places = {"log": own, "audit": written, "metrics": metrics, "output": output.out, "errors": output.err}
    for name, text in places.items():
        for private in (secret, secret[:-1], cookie, "secret-name", "api_secret"):
            assert private not in text, name


@pytest.mark.skipif("sys.platform == 'win32'")
def test_the_audit_log_is_its_owners_alone_and_turns_over(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "logs" / "audit.jsonl", 1000, 2)
    for number in range(300):
        audit.write({"number": number})
    audit.close()
    files = sorted((tmp_path / "logs").iterdir())
    assert [file.name for file in files] == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert all(file.stat().st_size <= 1000 for file in files)
    assert lines(files[0])[-1] == {"number": 299}


def test_an_audit_log_that_cannot_be_written_is_told_before_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="--audit"):
        Audit(tmp_path / "file" / "audit.jsonl", 1000, 2)


def test_where_the_audit_log_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIMIK_AUDIT", raising=False)
    assert audit_path(None, demanded=False) is None
    default = audit_path(None, demanded=True)
    assert default is not None
    assert default.name == "audit.jsonl"
    monkeypatch.setenv("MIMIK_AUDIT", str(tmp_path / "a"))
    assert audit_path(None, demanded=False) == tmp_path / "a"
    assert audit_path(tmp_path / "b", demanded=True) == tmp_path / "b"


# As a program


def test_mimik_serve_with_keys_tls_and_audit(tmp_path: Path, trusting: ssl.SSLContext) -> None:
    """The whole way: a key by the command, a server in a process of its own, revoked from here."""
    ring = Keyring(tmp_path / "keys.json")
    key, token = ring.create("Anna", ["analyze"])
    program = [
        str(Path(sys.executable).with_name("mimik")),
        "serve",
        "--host",
        "0.0.0.0",
        "--port",
        "0",
        "--keys",
        str(ring.path),
    ]
    program += ["--certificate", str(TLS.certificate), "--certificate-key", str(TLS.certificate_key)]
    program += ["--verbose", "--audit", str(tmp_path / "audit.jsonl"), "--db", str(tmp_path / "mimik.db")]
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            at = next(line for line in process.stderr if "https://127.0.0.1:" in line)
            port = at.partition("127.0.0.1:")[2].partition("/")[0]
            headers = {"Authorization": f"Bearer {token}"}
            address = f"https://127.0.0.1:{port}"
            with httpx.Client(base_url=address, verify=trusting, trust_env=False, timeout=60) as http:
                assert http.get("/v1/models").status_code == 401
                assert http.get("/v1/models", headers=headers).status_code == 200
                secret = token.rpartition("_")[2]
                pair = {"api_key": key.id, "api_secret": secret}
                read = http.post("/skybiometry/fc/faces/detect.json", params=pair, files={"file": JPEG})
                assert read.status_code == 200
                ring.revoke(key.id)
                assert http.get("/v1/models", headers=headers).status_code == 401
        finally:
            process.terminate()
            said = process.communicate(timeout=20)[1]
    assert secret not in said, "a key in an address is in no log, even one that says everything"
    assert [line["status"] for line in lines(tmp_path / "audit.jsonl")] == [401, 200, 200, 401]


def test_limits_of_the_audit_log_are_configurable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIMIK_LIMIT_AUDIT_BYTES", "2048")
    assert Limits.read().audit_bytes == 2048
