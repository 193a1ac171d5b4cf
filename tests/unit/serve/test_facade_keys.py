"""Keys in the forms that the cloud APIs' clients know; real clients where they exist."""

import hashlib
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from starlette.requests import Request

from mimik.keys import Keyring, parse_token
from mimik.serve import create_app
from mimik.serve.access import Access
from mimik.serve.facades.sigv4 import SignatureError, read_signature
from mimik.serve.limits import Limits
from tests.fakes import detection, fake_pipeline
from tests.serving import Served, served
from tests.unit.serve.test_analyze import JPEG

TARGET = "RekognitionService.DetectFaces"


def usable(path: Path) -> Keyring:
    """A keyring with a key, without which no server starts."""
    ring = Keyring(path)
    ring.create("Anybody", ["metrics"])
    return ring


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return usable(tmp_path_factory.mktemp("keys") / "keys.json")


@pytest.fixture(scope="module")
def server(ring: Keyring) -> Iterator[Served]:
    limits = Limits(refusals=10_000)
    with served(create_app(fake_pipeline(detection()), access=Access(ring), limits=limits)) as server:
        yield server


def pair(ring: Keyring, *scopes: str) -> tuple[str, str]:
    parsed = parse_token(ring.create("Somebody", scopes)[1])
    assert parsed is not None
    return parsed


# Amazon: signatures


def boto(server: Served, id: str, secret: str) -> Any:  # noqa: A002
    return boto3.client(
        "rekognition",
        endpoint_url=f"{server.address}/rekognition",
        region_name="eu-central-1",
        aws_access_key_id=id,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def error_of(client: Any) -> str:
    with pytest.raises(ClientError) as caught:
        client.detect_faces(Image={"Bytes": JPEG})
    return str(caught.value.response["Error"]["Code"])


def test_boto3_comes_in_with_a_key_for_it(server: Served, ring: Keyring) -> None:
    answer = boto(server, *pair(ring, "rekognition")).detect_faces(Image={"Bytes": JPEG})
    assert len(answer["FaceDetails"]) == 1


def test_boto3_raises_what_amazon_would(server: Served, ring: Keyring) -> None:
    id, secret = pair(ring, "rekognition")  # noqa: A001
    wrong = secret[:-1] + ("a" if secret[-1] != "a" else "b")
    assert error_of(boto(server, id, wrong)) == "InvalidSignatureException"
    assert error_of(boto(server, "aaaaaaaa", secret)) == "UnrecognizedClientException"
    assert error_of(boto(server, *pair(ring, "analyze", "admin"))) == "AccessDeniedException"
    ring.revoke(id)
    assert error_of(boto(server, id, secret)) == "UnrecognizedClientException"


def signed(
    server: Served,
    access_key: str,
    secret: str,
    body: bytes = b'{"Image":{"Bytes":""}}',
    target: str = TARGET,
) -> httpx.Request:
    """A request that botocore signed."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    request = AWSRequest("POST", f"{server.address}/rekognition/", headers, body)
    SigV4Auth(Credentials(access_key, secret), "rekognition", "eu-central-1").add_auth(request)
    return server.http.build_request("POST", request.url, headers=dict(request.headers), content=body)


def name_of(answer: httpx.Response) -> str:
    return str(answer.json()["__type"])


def test_a_tampered_request_is_refused(server: Served, ring: Keyring) -> None:
    """Somebody on the way changed the body, the operation, the date or the server that it was meant for."""
    keys = pair(ring, "rekognition")
    good = signed(server, *keys)
    assert name_of(server.http.send(good)) == "InvalidParameterException", "signed well: only the picture is missing"
    other_body = server.http.build_request("POST", good.url, headers=good.headers, content=good.content + b" ")
    other_body.headers["Content-Length"] = str(len(good.content) + 1)
    assert name_of(server.http.send(other_body)) == "InvalidSignatureException"
    earlier = (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y%m%dT%H%M%SZ")
    for header, value in [("X-Amz-Date", earlier), ("Host", "localhost:1"), ("Content-Type", "text/plain")]:
        request = signed(server, *keys)
        request.headers[header] = value
        assert name_of(server.http.send(request)) == "InvalidSignatureException", header
    elsewhere = server.http.build_request("POST", f"{good.url}?a=b", headers=good.headers, content=good.content)
    assert name_of(server.http.send(elsewhere)) == "InvalidSignatureException"
    foreign = signed(server, *keys)
    foreign.headers["Authorization"] = foreign.headers["Authorization"].replace("eu-central-1", "eu-central-2")
    assert name_of(server.http.send(foreign)) == "InvalidSignatureException"


def test_headers_that_matter_must_be_signed(server: Served, ring: Keyring) -> None:
    """Else whoever overhears a request could turn it into another."""
    request = signed(server, *pair(ring, "rekognition"))
    for name in ("host;", "x-amz-date;", ";x-amz-target"):
        bare = httpx.Request("POST", request.url, headers=request.headers, content=request.content)
        bare.headers["Authorization"] = bare.headers["Authorization"].replace(name, "")
        assert name_of(server.http.send(bare)) == "IncompleteSignatureException", name


@pytest.mark.parametrize("minutes", [-16, 16, 60 * 24 * 365])
def test_an_old_request_replayed_is_refused(server: Served, ring: Keyring, minutes: int) -> None:
    """Whoever recorded a request may repeat it for a quarter of an hour, no longer."""
    request = signed(server, *pair(ring, "rekognition"))
    kept = Request(
        {
            "type": "http",
            "method": "POST",
            "path": "/rekognition/",
            "query_string": b"",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
        }
    )
    assert read_signature(kept).key
    with pytest.raises(SignatureError, match="Signature expired") as refused:
        read_signature(kept, datetime.now(UTC) + timedelta(minutes=minutes))
    assert refused.value.name == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("authorization", "name"),
    [
        (None, "MissingAuthenticationTokenException"),
        ("AWS4-HMAC-SHA256", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=0", "IncompleteSignatureException"),
        ("AWS AKIA:sig", "IncompleteSignatureException"),
        ("Basic QTpC", "IncompleteSignatureException"),
        ("Bearer mimik_aaaaaaaa_" + "a" * 64, "UnrecognizedClientException"),
    ],
)
def test_no_or_other_signatures_are_refused(server: Served, authorization: str | None, name: str) -> None:
    headers = {"X-Amz-Target": TARGET} | ({} if authorization is None else {"Authorization": authorization})
    answer = server.http.post("/rekognition/", content=b"{}", headers=headers)
    assert (answer.status_code, name_of(answer)) == (400, name)


def test_the_file_of_keys_alone_checks_signatures(ring: Keyring) -> None:
    """What is kept is the hash that HMAC itself makes of the secret, not the secret."""
    id, secret = pair(ring, "rekognition")  # noqa: A001
    key = ring.usable(id)
    assert key is not None
    assert key.signing_sha256 == hashlib.sha256(b"AWS4" + secret.encode()).hexdigest()
    assert secret not in ring.path.read_text(encoding="utf-8")


# Azure, Face++, SkyBiometry


def test_azures_own_client_comes_in_with_a_key(server: Served, ring: Keyring) -> None:
    import io

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from azure.cognitiveservices.vision.face import FaceClient
        from azure.cognitiveservices.vision.face.models import APIErrorException
        from msrest.authentication import CognitiveServicesCredentials

        def ask(token: str) -> Any:
            make: Any = FaceClient
            client = make(f"{server.address}/azure", CognitiveServicesCredentials(token))
            return client.face.detect_with_stream(io.BytesIO(JPEG), return_face_id=False)

        assert len(ask(ring.create("Azure", ["analyze"])[1])) == 1
        for token, status in [("0" * 32, 401), (ring.create("Other", ["sessions"])[1], 403)]:
            with pytest.raises(APIErrorException) as refused:
                ask(token)
            assert refused.value.response.status_code == status
            error: Any = refused.value.error
            assert error.error.code == str(status)


def facepp(server: Served, **fields: str) -> httpx.Response:
    return server.http.post("/facepp/v3/detect", data=fields, files={"image_file": JPEG})


def test_facepp_keys(server: Served, ring: Keyring) -> None:
    id, secret = pair(ring, "analyze")  # noqa: A001
    assert facepp(server, api_key=id, api_secret=secret).json()["face_num"] == 1
    refused = facepp(server, api_key=id, api_secret="0" * 64)
    assert (refused.status_code, refused.json()["error_message"]) == (401, "AUTHENTICATION_ERROR")
    assert facepp(server, api_key=id).json()["error_message"] == "MISSING_ARGUMENTS: api_secret"
    other, its_secret = pair(ring, "sessions")
    refused = facepp(server, api_key=other, api_secret=its_secret)
    assert refused.status_code == 403
    assert refused.json()["error_message"].startswith("AUTHORIZATION_ERROR")
    bearer = {"Authorization": f"Bearer mimik_{id}_{secret}"}
    assert server.http.post("/facepp/v3/detect", files={"image_file": JPEG}, headers=bearer).status_code == 200


@pytest.mark.parametrize("where", ["params", "data"])
def test_skybiometry_keys(server: Served, ring: Keyring, where: str) -> None:
    def ask(*keys: str) -> httpx.Response:
        given: Any = {where: dict(zip(("api_key", "api_secret"), keys, strict=False))}
        return server.http.post("/skybiometry/fc/faces/detect.json", files={"file": JPEG}, **given)

    id, secret = pair(ring, "analyze")  # noqa: A001
    assert ask(id, secret).json()["status"] == "success"
    refused = ask(id, "0" * 64)
    assert (refused.status_code, refused.json()["error_code"]) == (401, 204)
    assert ask(id).json()["error_code"] == 402
    refused = ask(*pair(ring, "sessions"))
    assert (refused.status_code, refused.json()["error_code"]) == (403, 304)


@pytest.mark.parametrize(
    "path", ["/rekognition/", "/azure/face/v1.0/detect", "/facepp/v3/detect", "/skybiometry/fc/faces/detect.json"]
)
def test_wrong_keys_at_a_facade_must_wait_too(tmp_path: Path, path: str) -> None:
    ring = usable(tmp_path / "keys.json")
    wrong = {"X-API-Key": "mimik_aaaaaaaa_" + "a" * 64, "X-Amz-Target": TARGET}
    with served(create_app(fake_pipeline(), access=Access(ring), limits=Limits(refusals=1))) as server:
        first, second = (server.http.post(path, headers=wrong) for _ in range(2))
        assert first.text != second.text
        assert server.http.get("/v1/models", headers=wrong).status_code == 429


def test_strangers_slow_bodies_leave_room_for_those_with_keys(tmp_path: Path) -> None:
    """A key that comes in the body cannot be asked for before the body is there."""
    ring = usable(tmp_path / "keys.json")
    key = {"X-API-Key": ring.create("Anna", ["analyze"])[1], "Content-Type": "image/jpeg"}
    app = create_app(fake_pipeline(detection()), access=Access(ring), limits=Limits(waiting=4))
    with served(app) as server:
        with httpx.Client(base_url=server.address, trust_env=False) as stranger:
            held = [_half_a_form(server) for _ in range(2)]
            until(lambda: app.state.door._places == 0)
            assert stranger.post("/facepp/v3/detect", files={"image_file": JPEG}).status_code == 403
            assert server.http.post("/v1/analyze", content=JPEG, headers=key).status_code == 200
            for connection in held:
                connection.close()
        until(lambda: app.state.door._places == 2)


def _half_a_form(server: Served) -> Any:
    import socket

    connection = socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2])))
    connection.sendall(
        b"POST /facepp/v3/detect HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x"
    )
    return connection


def until(condition: Any) -> None:
    import time

    for _ in range(1500):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("never came true")
