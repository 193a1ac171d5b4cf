"""The cloud APIs' clients, real where they exist, else by recorded shapes."""

import base64
import io
import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest

from mimik.errors import DetectorError
from mimik.serve import create_app
from mimik.serve.limits import Limits
from mimik.types import Attributes, Box, Detection, Emotion, EmotionScores, Face, Image
from tests.fakes import FakeClassifier, FakeDetector, detection, fake_pipeline
from tests.serving import Served, served
from tests.unit.serve.test_analyze import JPEG, PNG, bomb, zipped

WIDTH, HEIGHT = 300, 300  # of JPEG

READING = EmotionScores(np.array([0.05, 0.01, 0.04, 0.6, 0.1, 0.12, 0.08], np.float32))
POINTS = np.array([[100, 110], [140, 120], [118, 140], [105, 160], [135, 165]], np.float32)
LARGE = Detection(Box(80, 75, 170, 195), 0.97, POINTS)
SMALL = detection(x=10, y=30, side=12, score=0.5)  # withheld


class Looks:
    """Every face that can be read looks 24 to 32 years old and female."""

    def look(self, image: Image, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        known = Attributes(28.0, (24, 32), 0.9)
        return tuple(replace(face, attributes=known) if face.quality.reason is None else face for face in faces)


def served_faces(attributes: bool) -> Any:
    pipeline = fake_pipeline(SMALL, LARGE, classifier=FakeClassifier(READING))
    if attributes:
        pipeline._estimator = Looks()
    return served(create_app(pipeline))


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served_faces(attributes=False) as server:
        yield server


@pytest.fixture(scope="module")
def attributed() -> Iterator[Served]:
    """With age and gender switched on."""
    with served_faces(attributes=True) as server:
        yield server


@pytest.fixture(scope="module")
def broken() -> Iterator[Served]:
    """Its networks cannot be run."""

    class Broken(FakeDetector):
        def detect(self, image: Image) -> tuple[Detection, ...]:
            raise DetectorError("no such layer")

    pipeline = fake_pipeline()
    pipeline._detector = Broken()
    with served(create_app(pipeline)) as server:
        yield server


# Amazon Rekognition, by boto3


def rekognition(server: Served) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "rekognition",
        endpoint_url=f"{server.address}/rekognition",
        region_name="eu-central-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"max_attempts": 0}, proxies={}),
    )


def test_boto3_gets_face_details(server: Served) -> None:
    answer = rekognition(server).detect_faces(Image={"Bytes": JPEG}, Attributes=["ALL"])
    large, small = answer["FaceDetails"]
    assert large["BoundingBox"] == pytest.approx(
        {"Left": 80 / WIDTH, "Top": 75 / HEIGHT, "Width": 90 / WIDTH, "Height": 120 / HEIGHT}
    )
    assert large["Confidence"] == pytest.approx(97)
    assert [emotion["Type"] for emotion in large["Emotions"]] == [
        "HAPPY",
        "SURPRISED",
        "SAD",
        "CALM",
        "ANGRY",
        "FEAR",
        "DISGUSTED",
    ]
    assert [emotion["Confidence"] for emotion in large["Emotions"]] == pytest.approx([60, 12, 10, 8, 5, 4, 1], abs=1e-3)
    assert {point["Type"]: (point["X"] * WIDTH, point["Y"] * HEIGHT) for point in large["Landmarks"]} == {
        name: pytest.approx(tuple(place))
        for name, place in zip(["eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight"], POINTS, strict=True)
    }
    assert large["Pose"] == {"Roll": pytest.approx(14.04, abs=0.01)}
    assert large["Quality"] == {"Brightness": pytest.approx(50, abs=1), "Sharpness": pytest.approx(90)}
    assert not {"AgeRange", "Gender"} & large.keys(), "nobody switched that on"
    assert small["Emotions"] == [{"Type": "UNKNOWN", "Confidence": 100.0}]
    assert not {"Landmarks", "Pose"} & small.keys()
    assert answer["ResponseMetadata"]["RequestId"]


def test_rekognition_gives_what_was_asked_for(server: Served) -> None:
    client = rekognition(server)
    default = client.detect_faces(Image={"Bytes": PNG})["FaceDetails"][0]
    assert default.keys() == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
    emotions = client.detect_faces(Image={"Bytes": PNG}, Attributes=["DEFAULT", "EMOTIONS"])["FaceDetails"][0]
    assert "Emotions" in emotions


def test_rekognition_with_age_and_gender(attributed: Served) -> None:
    large, small = rekognition(attributed).detect_faces(Image={"Bytes": JPEG}, Attributes=["ALL"])["FaceDetails"]
    assert large["AgeRange"] == {"Low": 24, "High": 32}
    assert large["Gender"] == {"Value": "Female", "Confidence": pytest.approx(90)}
    assert not {"AgeRange", "Gender"} & small.keys()


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ({"Bytes": b"no picture"}, "InvalidImageFormatException"),
        ({"Bytes": JPEG[:2000]}, "InvalidImageFormatException"),
        ({"Bytes": JPEG + zipped()}, "InvalidImageFormatException"),
        ({"Bytes": bomb(100_000, 100_000)}, "ImageTooLargeException"),
        ({"Bytes": bytes(Limits().body)}, "ImageTooLargeException"),
        ({}, "InvalidParameterException"),
        ({"S3Object": {"Bucket": "bucket", "Name": "name"}}, "InvalidS3ObjectException"),
    ],
)
def test_rekognitions_errors_are_boto3s_exceptions(server: Served, image: dict[str, Any], name: str) -> None:
    client = rekognition(server)
    with pytest.raises(getattr(client.exceptions, name)) as caught:
        client.detect_faces(Image=image)
    assert caught.value.response["Error"]["Message"]


def test_rekognitions_other_errors(server: Served, broken: Served) -> None:
    import botocore.exceptions

    client = rekognition(server)
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.detect_faces(Image={"Bytes": PNG}, Attributes=["SHOE_SIZE"])
    with pytest.raises(botocore.exceptions.ClientError, match="UnknownOperationException"):
        client.list_collections()
    client = rekognition(broken)
    with pytest.raises(client.exceptions.InternalServerError, match="no such layer"):
        client.detect_faces(Image={"Bytes": PNG})


# Azure Face, by azure-cognitiveservices-vision-face


def azure(server: Served) -> Any:
    with warnings.catch_warnings():  # a client that Microsoft no longer keeps up
        warnings.simplefilter("ignore")
        from azure.cognitiveservices.vision.face import FaceClient
        from msrest.authentication import CognitiveServicesCredentials

        client: Any = FaceClient
        return client(f"{server.address}/azure", CognitiveServicesCredentials("any"))


def detect(server: Served, picture: bytes, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return azure(server).face.detect_with_stream(io.BytesIO(picture), **options)


def test_azures_client_gets_emotions_again(server: Served) -> None:
    large, small = detect(
        server, JPEG, return_face_landmarks=True, return_face_attributes=["emotion", "headPose", "age", "smile"]
    )
    box = large.face_rectangle
    assert (box.left, box.top, box.width, box.height) == (80, 75, 90, 120)
    emotion = large.face_attributes.emotion
    assert (emotion.happiness, emotion.surprise, emotion.neutral) == pytest.approx((0.6, 0.12, 0.08), abs=1e-5)
    assert (emotion.anger, emotion.disgust, emotion.fear, emotion.sadness) == pytest.approx(
        (0.05, 0.01, 0.04, 0.1), abs=1e-5
    )
    assert emotion.contempt is None
    points = large.face_landmarks
    assert (points.pupil_left.x, points.pupil_right.y, points.nose_tip.x) == (100, 120, 118)
    assert (points.mouth_left.y, points.mouth_right.x, points.upper_lip_top) == (160, 135, None)
    assert (large.face_attributes.head_pose.roll, large.face_attributes.head_pose.yaw) == (14.0, None)
    assert (large.face_attributes.age, large.face_attributes.smile, large.face_id) == (None, None, None)
    assert (small.face_attributes.emotion, small.face_landmarks) == (None, None)


def test_azure_gives_what_was_asked_for(server: Served) -> None:
    plain = detect(server, PNG)[0]
    assert (plain.face_landmarks, plain.face_attributes) == (None, None)


def test_azure_with_age_and_gender(attributed: Served) -> None:
    large, _ = detect(attributed, JPEG, return_face_attributes=["age", "gender"])
    assert (large.face_attributes.age, large.face_attributes.gender) == (28.0, "female")


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (b"no", "InvalidImage"),
        (b"", "InvalidImage"),
        (JPEG[:2000], "InvalidImage"),
        (bomb(9999, 9999), "InvalidImageSize"),
    ],
)
def test_azures_errors_are_its_clients_exceptions(server: Served, picture: bytes, code: str) -> None:
    from azure.cognitiveservices.vision.face.models import APIErrorException

    with pytest.raises(APIErrorException) as caught:
        detect(server, picture)
    error: Any = caught.value.error
    assert error.error.code == code


def test_azure_opens_no_address(server: Served) -> None:
    from azure.cognitiveservices.vision.face.models import APIErrorException

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(APIErrorException, match="opens no addresses") as caught:
            azure(server).face.detect_with_url("http://169.254.169.254/")
    error: Any = caught.value.error
    assert error.error.code == "InvalidURL"


@pytest.mark.parametrize(
    ("query", "kind", "status", "code"),
    [
        ("returnFaceAttributes=shoeSize", "application/octet-stream", 400, "BadArgument"),
        ("", "text/plain", 415, "UnsupportedMediaType"),
    ],
)
def test_azures_other_errors(server: Served, query: str, kind: str, status: int, code: str) -> None:
    answer = server.http.post(f"/azure/face/v1.0/detect?{query}", content=PNG, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


# Face++, by its public reference


def facepp(server: Served, path: str = "/facepp/v3/detect", **fields: Any) -> httpx.Response:
    keys = {"api_key": (None, "any"), "api_secret": (None, "any")}
    return server.http.post(path, files={**keys, **fields})


def form(value: str) -> tuple[None, str]:
    return None, value


EMOTION = {
    "anger": 5.0,
    "disgust": 1.0,
    "fear": 4.0,
    "happiness": 60.0,
    "neutral": 8.0,
    "sadness": 10.0,
    "surprise": 12.0,
}


@pytest.mark.parametrize("path", ["/facepp/v3/detect", "/facepp/facepp/v3/detect"])
def test_facepp(server: Served, path: str) -> None:
    """Both for those who change the host and for those who put the address of this façade before theirs."""
    answer = facepp(
        server,
        path,
        image_file=("me.jpg", JPEG),
        return_landmark=form("1"),
        return_attributes=form("emotion,headpose,gender,age,smiling"),
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body.keys() == {"request_id", "time_used", "faces", "face_num"}
    assert body["face_num"] == 2
    large, small = body["faces"]
    assert large["face_rectangle"] == {"top": 75, "left": 80, "width": 90, "height": 120}
    assert large["attributes"]["emotion"] == pytest.approx(EMOTION, abs=1e-3)
    assert large["attributes"]["headpose"] == {"roll_angle": 14.036}
    assert large["attributes"].keys() == {"emotion", "headpose"}
    assert large["landmark"]["left_eye_center"] == {"x": 100, "y": 110}
    assert large["landmark"]["mouth_right_corner"] == {"x": 135, "y": 165}
    assert small == {"face_rectangle": {"top": 30, "left": 10, "width": 12, "height": 12}, "attributes": {}}


def test_facepp_by_base64_in_a_plain_form(attributed: Served) -> None:
    fields = {"image_base64": base64.b64encode(JPEG).decode(), "return_attributes": "gender,age"}
    large, _ = attributed.http.post("/facepp/v3/detect", data=fields).json()["faces"]
    assert large["attributes"] == {"gender": {"value": "Female"}, "age": {"value": 28}}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "MISSING_ARGUMENTS: image_url, image_file, image_base64"),
        ({"image_url": form("http://169.254.169.254/")}, "INVALID_IMAGE_URL"),
        ({"image_file": ("x.jpg", b"no")}, "IMAGE_ERROR_UNSUPPORTED_FORMAT: image_file"),
        ({"image_base64": form("*")}, "BAD_ARGUMENTS: image_base64"),
        ({"image_base64": form("aaaa")}, "IMAGE_ERROR_UNSUPPORTED_FORMAT: image_base64"),
        ({"image_file": ("x.png", bomb(9999, 9999))}, "INVALID_IMAGE_SIZE: image_file"),
        ({"image_file": ("x.png", PNG), "return_landmark": form("7")}, "BAD_ARGUMENTS: return_landmark"),
        ({"image_file": ("x.png", PNG), "return_attributes": form("shoes")}, "BAD_ARGUMENTS: return_attributes"),
    ],
)
def test_facepps_errors(server: Served, fields: dict[str, Any], message: str) -> None:
    answer = facepp(server, **fields)
    assert answer.status_code == 400
    assert answer.json()["error_message"].startswith(message)
    assert answer.json().keys() == {"request_id", "time_used", "error_message"}


# SkyBiometry, by its public reference

DETECT = "/skybiometry/fc/faces/detect.json"


def test_skybiometry(server: Served) -> None:
    files = [("file", ("a.jpg", JPEG)), ("file", ("b.jpg", JPEG))]
    fields = {"api_key": "any", "api_secret": "any", "attributes": "all"}
    body = server.http.post(DETECT, files=files, data=fields).json()
    assert body["status"] == "success"
    assert [(photo["url"], photo["width"], len(photo["tags"])) for photo in body["photos"]] == [
        ("a.jpg", WIDTH, 2),
        ("b.jpg", WIDTH, 2),
    ]
    large, small = body["photos"][0]["tags"]
    assert (large["center"], large["width"], large["height"]) == ({"x": 41.67, "y": 45.0}, 30.0, 40.0)
    assert (large["eye_left"]["x"], large["eye_right"]["x"]) == (46.67, 33.33), "its left is the person's"
    assert (large["mouth_center"], large["roll"]) == ({"x": 40.0, "y": 54.17, "id": 615}, 14)
    attributes = large["attributes"]
    assert attributes["face"] == {"value": "true", "confidence": 97}
    assert attributes["mood"] == {"value": "happy", "confidence": 60}
    assert attributes["happiness"] == {"value": "true", "confidence": 60}
    assert attributes["neutral_mood"] == {"value": "false", "confidence": 8}
    assert {"anger", "disgust", "fear", "sadness", "surprise"} <= attributes.keys()
    assert small["attributes"].keys() == {"face"}


def test_skybiometry_with_age_and_gender(attributed: Served) -> None:
    answer = attributed.http.post(f"{DETECT}?attributes=gender,age", files={"file": ("a.jpg", JPEG)}).json()
    attributes = answer["photos"][0]["tags"][0]["attributes"]
    assert (attributes["gender"]["value"], attributes["gender"]["confidence"]) == ("female", 90)
    assert attributes["age_est"] == {"value": "28"}
    assert "mood" not in attributes


@pytest.mark.parametrize(
    ("method", "query", "files", "code"),
    [
        ("POST", "", {"file": ("x.jpg", b"no")}, 20),
        ("POST", "", {"file": ("x.png", bomb(9999, 9999))}, 410),
        ("POST", "", {"api_key": (None, "any")}, 402),
        ("POST", "", {"urls": (None, "http://169.254.169.254/")}, 406),
        ("GET", "?urls=http://169.254.169.254/", None, 406),
        ("GET", "", None, 402),
    ],
)
def test_skybiometrys_errors(server: Served, method: str, query: str, files: Any, code: int) -> None:
    answer = server.http.request(method, DETECT + query, files=files)
    assert answer.status_code >= 400
    assert (answer.json()["status"], answer.json()["error_code"]) == ("failure", code)


# All of them


def test_expressions_are_mapped_one_to_one() -> None:
    from mimik.serve.facades import faces, rekognition, skybiometry

    for names in (faces.NOUNS, rekognition._NAMES, skybiometry._MOODS):
        assert set(names) == set(Emotion)
        assert len(set(names.values())) == len(Emotion)


@pytest.mark.parametrize(
    "path", ["/rekognition/", "/azure/face/v1.0/detect", "/facepp/v3/detect", "/skybiometry/fc/faces/detect.json"]
)
def test_other_sites_may_not_ask_by_any_door(server: Served, path: str) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        assert server.http.post(path, content=PNG, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        (
            "/rekognition/",
            {"X-Amz-Target": "RekognitionService.DetectFaces"},
            json.dumps({"Image": {"Bytes": base64.b64encode(PNG).decode()}}).encode(),
        ),
        ("/azure/face/v1.0/detect", {"Content-Type": "application/octet-stream"}, PNG),
    ],
)
def test_defects_are_told_in_the_clouds_own_words(
    broken: Served, path: str, headers: dict[str, str], body: bytes
) -> None:
    answer = broken.http.post(path, content=body, headers=headers)
    assert answer.status_code == 500
    assert answer.headers["content-type"] != "application/problem+json"
    assert "no such layer" in answer.text
