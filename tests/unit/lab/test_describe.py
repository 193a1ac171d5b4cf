"""What is said of a set of faces: repeats, conflicts, twins, blanks, agreement."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mimik.lab.data import Faces, join, make_faces
from mimik.lab.describe import describe, write_description
from mimik.lab.duplicates import BITS, NEAR, fingerprints, groups, near_pairs, twins_across
from mimik.lab.page import Page, mosaic
from mimik.words import LANGUAGES, translate
from tests.unit.lab.pictures import faces


def smooth(number: int) -> np.ndarray:
    """A picture of low frequencies, as faces are."""
    small = np.random.default_rng(number).integers(0, 255, (9, 9), dtype=np.uint8)
    return np.asarray(cv2.resize(small, (48, 48), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.fixture
def repeated() -> Faces:
    """0–27 plain; 28 repeats 0 in PublicTest; 29 repeats 1 under another label; 30, 31 blank; 32 without a face."""
    plain = faces()
    blank = np.full((48, 48), 9, np.uint8)
    images = np.stack([plain.images[0], plain.images[1], blank, blank, smooth(1)])
    counts = np.zeros((5, 10), np.int64)
    counts[:, 0] = 10
    counts[4] = [3, 0, 0, 0, 0, 0, 0, 0, 0, 7]
    more = make_faces(images, np.array([0, 2, 3, 4, 5]), ["PublicTest", "Training", "Training", "Test", "Test"], counts)
    return join([plain, more])


def test_the_figures_of_a_set(repeated: Faces) -> None:
    values = describe(repeated).values
    assert values["faces"] == 33
    assert values["splits"]["Test"] == dict.fromkeys(values["splits"]["Test"], 0) | {"sad": 1, "surprise": 1}
    same = values["duplicates"]
    assert (same["groups"], same["rows"], same["conflicting_groups"]) == (2, 4, 1)
    assert same["conflicts"] == [{"rows": [1, 29], "labels": ["disgust", "fear"]}]
    assert same["twins_across_splits"] == [
        {"split": "PublicTest", "twin_in": "Training", "rows": 1},
        {"split": "Training", "twin_in": "PublicTest", "rows": 1},
    ]
    assert values["blank"]["rows"] == [30, 31]
    votes = values["ferplus"]
    assert (votes["rows"], votes["no_face"]) == (32, [32])
    assert votes["agreement"] == pytest.approx(28 / 32)
    assert votes["label_without_vote"] == pytest.approx(4 / 32)
    json.dumps(values)


def test_a_set_without_votes_or_repeats() -> None:
    values = describe(faces(7, votes=False)).values
    assert values["ferplus"] is None
    assert values["duplicates"]["groups"] == values["near_duplicates"]["pairs"] == 0


def test_a_recompressed_picture_is_near_and_another_is_not() -> None:
    images = [smooth(number) for number in range(40)]
    data = cv2.imencode(".jpg", images[7], [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
    images.append(np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8))
    images.append(np.clip(images[9] * 0.8 + 20, 0, 255).astype(np.uint8))
    images.append(images[3])  # an identical one is no near one
    labels = np.zeros(len(images), np.int64)
    found = near_pairs(make_faces(np.stack(images), labels, ["Training"] * len(images)))
    assert {(pair.first, pair.second) for pair in found} == {(7, 40), (9, 41)}
    assert all(0 <= pair.distance <= NEAR for pair in found)
    assert [pair.distance for pair in found] == sorted(pair.distance for pair in found)


def test_near_pairs_are_the_same_in_blocks_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    import mimik.lab.duplicates as module

    images = np.stack(
        [smooth(number // 2) if number % 2 else np.roll(smooth(number // 2), 1, 1) for number in range(30)]
    )
    values = make_faces(images, np.zeros(30, np.int64), ["Training"] * 30)
    whole = near_pairs(values, 60)
    assert len(whole) >= 5
    close = module._close
    monkeypatch.setattr(module, "_close", lambda prints, limit, tell: close(prints, limit, tell, block=7))
    assert near_pairs(values, 60) == whole


def test_fingerprints_are_signs() -> None:
    prints = fingerprints(np.stack([smooth(0), smooth(1)]))
    assert prints.shape == (2, BITS)
    assert set(np.unique(prints)) == {-1, 1}


def test_twins_and_groups_of_few_faces() -> None:
    one = faces(7)
    assert groups(one) == []
    assert twins_across(one) == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_holds_everything_itself(repeated: Faces, tmp_path: Path, language: str) -> None:
    page, values = write_description(describe(repeated), tmp_path / "new" / "out", "my <faces>", language)
    text = page.read_text()
    assert f'<html lang="{language}">' in text
    assert "my &lt;faces&gt;" in text
    assert translate("Agreement with FER+", language) in text
    assert text.count('class="plot"') == 2
    assert text.count("data:image/png;base64,") >= 3
    body = text[: text.index("</main>")]
    assert "http" not in body
    assert json.loads(values.read_text())["faces"] == 33


def test_a_page_without_figures_is_small(tmp_path: Path) -> None:
    page = Page("x", "en")
    page.paragraph("a < b")
    page.write(tmp_path / "x.html")
    text = (tmp_path / "x.html").read_text()
    assert "a &lt; b" in text
    assert "plotly" not in text.lower().replace("plotly.react", "")
    assert len(text) < 10_000


def test_a_mosaic_fills_short_rows_with_white() -> None:
    black = np.zeros((4, 4), np.uint8)
    wall = mosaic([[black, black], [black]], gap=1)
    assert wall.shape == (9, 9)
    assert not wall[:4, :4].any()
    assert (wall[5:, 5:] == 255).all()
