"""Pictures over HTTP: what is answered, and what is refused before it does harm."""

import base64
import io
import json
import struct
import threading
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as Pillow

from mimik.serve import create_app
from mimik.serve.analyze import FACE_COLUMNS
from mimik.serve.limits import Limits
from mimik.serve.messages import PICTURE_HEADER
from mimik.serve.pictures import parse_form
from mimik.serve.problems import ProblemError
from mimik.types import EmotionScores
from mimik.weights import records
from tests.fakes import FakeClassifier, detection, fake_pipeline
from tests.serving import Served, served


def picture(kind: str = "JPEG", size: tuple[int, int] = (160, 90), **options: Any) -> bytes:
    """A gray picture as a file."""
    file = io.BytesIO()
    Pillow.new("RGB", size, "gray").save(file, kind, **options)
    return file.getvalue()


CLASSIFIER = FakeClassifier()
LIMITS = Limits()


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """Finds two faces in every picture, the left one too small to read."""
    found = detection(x=60), detection(x=5, side=12)
    with served(create_app(fake_pipeline(*found, classifier=CLASSIFIER))) as server:
        yield server


def refused(answer: httpx.Response, status: int, words: str = "") -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert words in problem["detail"]
    return problem


def post(server: Served, content: bytes, kind: str = "image/jpeg") -> httpx.Response:
    return server.http.post("/v1/analyze", content=content, headers={"Content-Type": kind})


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF"])
def test_raw_bytes(server: Served, kind: str) -> None:
    answer = post(server, picture(kind), f"image/{kind.lower()}")
    assert answer.status_code == 200, answer.text
    (read,) = answer.json()["pictures"]
    assert (read["source"], read["width"], read["height"]) == ("picture 1", 160, 90)
    small, good = read["faces"]
    assert (small["state"], small["reason"], small["happy"], small["top"]) == ("withheld", "too_small", None, None)
    assert (good["state"], good["top"], good["happy"], good["x1"]) == ("sure", "happy", 0.88, 60.0)
    assert good["landmarks"] is None


def test_a_face_has_the_columns_of_the_table(server: Served) -> None:
    """As `docs/schema.md` has them, and landmarks."""
    face = post(server, picture()).json()["pictures"][0]["faces"][1]
    assert list(face) == [*(column.name for column in FACE_COLUMNS), "landmarks"]


def test_many_pictures_share_batches(server: Served) -> None:
    CLASSIFIER.batches.clear()
    files = [("pictures", (f"{n}.png", picture("PNG", (100 + n, 50)), "image/png")) for n in range(5)]
    read = server.http.post("/v1/analyze", files=files).json()["pictures"]
    assert [(each["source"], each["width"]) for each in read] == [(f"{n}.png", 100 + n) for n in range(5)]
    assert sorted(CLASSIFIER.batches) == [5 - LIMITS.together, LIMITS.together]


def test_base64(server: Served) -> None:
    data = base64.b64encode(picture()).decode()
    body = {"pictures": [{"data": data, "name": "a/b/me.jpg"}, {"data": f"data:image/jpeg;base64,{data}"}]}
    read = server.http.post("/v1/analyze", json=body).json()["pictures"]
    assert [each["source"] for each in read] == ["me.jpg", "picture 2"]
    assert all(len(each["faces"]) == 2 for each in read)


def test_upright_by_exif(server: Served) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    read = post(server, picture(exif=exif)).json()["pictures"][0]
    assert (read["width"], read["height"]) == (90, 160)


def test_models(server: Served) -> None:
    answer = server.http.get("/v1/models").json()
    assert [model["name"] for model in answer["models"]] == [record.name for record in records()]
    assert answer["attributes"] is False


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that says it is huge."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("Main.class", b"x" * 500)
    return file.getvalue()


JPEG, PNG = picture(size=(300, 300), quality=95), picture("PNG")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 422, "empty"),
        (b"hello", 415, "not a picture"),
        (SVG, 415, "not a picture"),
        (b'<?xml version="1.0"?>' + SVG, 415, "not a picture"),
        (b"%PDF-1.7", 415, "not a picture"),
        (zipped(), 415, "not a picture"),
        (b"II*\x00" + bytes(100), 415, "not a picture"),
        (b"\x00\x00\x00\x20ftypavif" + bytes(100), 415, "not a picture"),
        (b"\xff\xd8\xff", 415, "not a picture"),
        (b"RIFF\xff\xff\xff\xffWEBP" + bytes(20), 415, "not a picture"),
        (JPEG + zipped(), 415, "also a file of another kind"),
        (PNG + zipped(), 415, "also a file of another kind"),
        (b"GIF89a" + b"/*" + SVG, 415, "also a file of another kind"),
        (b"BM" + b"<script>alert(1)</script>", 415, "also a file of another kind"),
        (JPEG[:4] + b"%PDF-1.4" + JPEG[4:], 415, "also a file of another kind"),
        (JPEG[: len(JPEG) // 2], 422, "damaged or cut short"),
        (PNG[:-30], 422, "damaged or cut short"),
        (bomb(100_000, 100_000), 413, "megapixels"),
        (bomb(2**31 - 1, 2**31 - 1), 413, "megapixels"),
        (bomb(int(LIMITS.megapixels * 1000) + 1, 1000), 413, "megapixels"),
        (bomb(0, 0), 415, "not a picture"),
    ],
)
def test_refused_pictures(server: Served, content: bytes, status: int, words: str) -> None:
    """By every way in."""
    refused(post(server, content, "image/jpeg"), status, words)
    refused(server.http.post("/v1/analyze", files={"pictures": ("x.jpg", content)}), status, words)
    if content:
        body = {"pictures": [{"data": base64.b64encode(content).decode()}]}
        refused(server.http.post("/v1/analyze", json=body), status, words)


def test_phones_append_films_to_pictures(server: Served) -> None:
    """Motion photos are no polyglots."""
    assert post(server, JPEG + b"\x00\x00\x00\x18ftypmp42" + bytes(1000)).status_code == 200


def test_one_bad_picture_refuses_the_request_and_is_named(server: Served) -> None:
    files = [("pictures", ("good.jpg", JPEG)), ("pictures", ("bad.jpg", b"no"))]
    assert refused(server.http.post("/v1/analyze", files=files), 415)["values"]["path"] == "bad.jpg"


def test_limits(server: Served) -> None:
    files = [("pictures", (f"{n}.jpg", PNG)) for n in range(LIMITS.pictures + 1)]
    refused(server.http.post("/v1/analyze", files=files), 413, f"At most {LIMITS.pictures}")
    side = int((LIMITS.megapixels * 1e6) ** 0.5)
    large = picture("PNG", (side, side))
    files = [("pictures", (f"{n}.jpg", large)) for n in range(int(LIMITS.megapixels_together // LIMITS.megapixels) + 1)]
    refused(server.http.post("/v1/analyze", files=files), 413, "together")


def test_bodies_that_are_too_long(server: Served) -> None:
    """Announced or not."""
    refused(post(server, bytes(LIMITS.body + 1)), 413)
    pieces = iter([bytes(LIMITS.body), b"x"])
    answer = server.http.post("/v1/analyze", content=pieces, headers={"Content-Type": "image/png"})
    refused(answer, 413)


@pytest.mark.parametrize(
    ("kind", "content", "status"),
    [
        ("", b"x", 415),
        ("text/html", b"x", 415),
        ("application/json", b"{", 422),
        ("application/json", b'{"pictures":[]}', 422),
        ("application/json", b'{"pictures":[{"data":"*"}]}', 422),
        ("application/json", b'{"pictures":[{"data":"aaaa","path":"/etc/passwd"}]}', 422),
        ("application/json", b"[" * 100_000, 422),
        ("application/json", json.dumps({"pictures": [{"data": "aaaa"}] * 17}).encode(), 413),
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=b", b"x", 400),
        ("multipart/form-data; boundary=b", b"--b\r\n", 400),
        ("multipart/form-data; boundary=b", b"--b--\r\n", 422),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--\r\n", 422),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n" * 100 + b"--b--\r\n", 400),
    ],
)
def test_requests_that_make_no_sense(server: Served, kind: str, content: bytes, status: int) -> None:
    refused(post(server, content, kind), status)


def test_addresses_are_not_opened(server: Served) -> None:
    """A client may not make the server open what the client cannot reach."""
    address = "http://169.254.169.254/latest/meta-data"
    for body in ({"pictures": [{"url": address}]}, {"url": address}):
        refused(server.http.post("/v1/analyze", json=body), 422, "opens no addresses")
    form = {"url": (None, address)}
    refused(server.http.post("/v1/analyze", files=form), 422, "opens no addresses")


@given(
    base=st.sampled_from([JPEG, PNG, picture("WEBP"), picture("GIF"), picture("BMP")]),
    at=st.floats(0, 1),
    noise=st.binary(min_size=1, max_size=60),
    cut=st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_pictures_are_read_or_refused(server: Served, base: bytes, at: float, noise: bytes, cut: bool) -> None:
    """Never a server's error."""
    place = int(at * len(base))
    content = base[:place] + noise + (b"" if cut else base[place + len(noise) :])
    answer = post(server, content)
    if answer.status_code != 200:
        refused(answer, answer.status_code)
        assert answer.status_code in (413, 415, 422)


def test_what_is_too_much_is_dropped_and_counted() -> None:
    """So many requests wait, no more; the rest is told to come again."""
    entered, may_go = threading.Semaphore(0), threading.Event()

    class Slow(FakeClassifier):
        def classify(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[EmotionScores, ...]:
            entered.release()
            may_go.wait(20)
            return super().classify(crops)

    pipeline = fake_pipeline(classifier=Slow())
    with served(create_app(pipeline)) as server:
        answers: list[httpx.Response] = []

        def send() -> None:
            answers.append(
                httpx.post(
                    f"{server.address}/v1/analyze", content=PNG, headers={"Content-Type": "image/png"}, timeout=30
                )
            )

        threads = [threading.Thread(target=send) for _ in range(LIMITS.waiting)]
        for thread in threads:
            thread.start()
        while 'mimik_queue{way="analyze"} 16.0' not in server.http.get("/metrics").text:
            assert server.http.get("/healthz").status_code == 200
        refused(post(server, PNG), 503, "Try again")
        may_go.set()
        for thread in threads:
            thread.join(20)
        assert [answer.status_code for answer in answers] == [200] * LIMITS.waiting
        counted = server.http.get("/metrics").text
        assert 'mimik_dropped_total{way="analyze"} 1.0' in counted
        assert 'mimik_queue{way="analyze"} 0.0' in counted


def _counted(server: Served, line: str) -> float:
    text = server.http.get("/metrics").text
    found = [each.rpartition(" ")[2] for each in text.splitlines() if each.startswith(line + " ")]
    return float(found[0]) if found else 0.0


def test_metrics(server: Served) -> None:
    counts = {
        'mimik_requests_total{method="POST",route="/v1/analyze",status="200"}': 1,
        'mimik_requests_total{method="POST",route="/v1/analyze",status="415"}': 1,
        'mimik_request_seconds_count{route="/v1/analyze"}': 2,
        'mimik_requests_total{method="",route="other",status="404"}': 1,
        'mimik_pictures_total{way="analyze"}': 1,
        'mimik_faces_total{way="analyze"}': 2,
    }
    before = {line: _counted(server, line) for line in counts}
    post(server, PNG)
    post(server, b"no")
    server.http.get("/there/is/nothing")
    assert {line: _counted(server, line) - before[line] for line in counts} == counts


def test_live_pictures_are_counted(server: Served) -> None:
    before = _counted(server, 'mimik_faces_total{way="live"}')
    with server.socket("/ws/camera") as socket:
        socket.recv(10)
        socket.send(PICTURE_HEADER.pack(1, 0.0) + JPEG)
        assert json.loads(socket.recv(10))["type"] == "result"
    assert _counted(server, 'mimik_faces_total{way="live"}') == before + 2


@given(fields=st.lists(st.tuples(st.text(min_size=1, max_size=9), st.text(max_size=30)), max_size=9))
def test_plain_forms(fields: list[tuple[str, str]]) -> None:
    """As browsers and programs encode them."""
    body = urlencode(fields, errors="replace").encode()
    found = parse_form("application/x-www-form-urlencoded", body)
    assert [(part.name, part.text) for part in found] == parse_qsl(body.decode(), keep_blank_values=True)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"a=" + b"%41" * 10_000_000),
        ("application/x-www-form-urlencoded", b"a&" * 10_000_000),
        ("multipart/form-data; boundary=b", b"--b\r\nX: " + b"a" * 30_000_000),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"X: y\r\n" * 5_000_000),
    ],
)
def test_forms_that_would_keep_python_busy(kind: str, body: bytes) -> None:
    """The live picture would freeze for as long."""
    began_s = time.process_time()
    with pytest.raises(ProblemError):
        parse_form(kind, body)
    assert time.process_time() - began_s < 3


def test_openapi_tells_of_pictures(server: Served) -> None:
    document = server.http.get("/openapi.json").json()
    operation = document["paths"]["/v1/analyze"]["post"]
    assert {"image/jpeg", "multipart/form-data", "application/json"} <= operation["requestBody"]["content"].keys()
    face = document["components"]["schemas"]["FaceOut"]
    assert {column.name for column in FACE_COLUMNS} | {"landmarks"} == set(face["required"])


def test_other_sites_may_not_ask(server: Served) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = server.http.post("/v1/analyze", content=PNG, headers={"Content-Type": "image/png", **headers})
        assert answer.status_code == 403
