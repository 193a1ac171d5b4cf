"""Faces moved on by optical flow, in the real line and on real recordings, beside searching every frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from benchmarks.clips import FIVE, ONE, Scene, make_clip

from mimik.analysis.reading import read_turns
from mimik.config import Settings
from mimik.load import load
from mimik.sources import VideoFile
from mimik.sources.decoding import DecodedPicture
from mimik.types import Face, FrameResult, SourceKind
from tests.faces import overlap

pytestmark = pytest.mark.integration

FRAMES = 60
"""Two seconds, in which the camera sways once: four turns."""


@dataclass(frozen=True)
class Watched:
    """What the same clip gives when every frame is searched, and when faces are moved on."""

    scene: Scene
    clip: Path
    searched: list[FrameResult]
    moved: list[FrameResult]


@pytest.fixture(scope="module", params=[ONE, FIVE], ids=lambda scene: scene.name)
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    scene: Scene = request.param
    clip = make_clip(scene, FRAMES, tmp_path_factory.mktemp("clips"))
    searched, moved = (list(load(Settings(search_s=search_s)).run(VideoFile(clip))) for search_s in (0, 0.5))
    return Watched(scene, clip, searched, moved)


def pairs(watched: Watched) -> list[tuple[Face, Face]]:
    """Each face that searching every frame finds, and the one in its place."""
    together = []
    for searched, moved in zip(watched.searched, watched.moved, strict=True):
        for face in searched.faces:
            box = face.detection.box
            together.append((face, max(moved.faces, key=lambda other: overlap(other.detection.box, box))))
    return together


def test_every_frame_has_its_faces(watched: Watched) -> None:
    assert len(watched.searched) == len(watched.moved) == FRAMES
    for results in (watched.searched, watched.moved):
        assert [len(result.faces) for result in results] == [watched.scene.faces] * FRAMES


def test_boxes_lie_where_searching_finds_them(watched: Watched) -> None:
    overlaps = [overlap(searched.detection.box, moved.detection.box) for searched, moved in pairs(watched)]
    assert min(overlaps) > 0.75
    assert np.mean(overlaps) > 0.9


def test_landmarks_lie_where_searching_finds_them(watched: Watched) -> None:
    """Faces are turned upright by them."""
    for searched, moved in pairs(watched):
        assert searched.detection.landmarks is not None
        assert moved.detection.landmarks is not None
        off = np.linalg.norm(searched.detection.landmarks - moved.detection.landmarks, axis=1)
        assert off.max() < 0.12 * searched.detection.box.height


def test_people_and_what_is_shown_of_them_are_the_same(watched: Watched) -> None:
    together = pairs(watched)
    ids = {(searched.track_id, moved.track_id) for searched, moved in together}
    assert len(ids) == watched.scene.faces, "nobody is taken for another"
    alike = [searched.label == moved.label for searched, moved in together]
    assert np.mean(alike) >= 0.95


def test_a_recording_read_on_every_core_reads_as_a_stream(watched: Watched) -> None:
    """Turn by turn as frame by frame, to the last digit but for the network's batches."""
    pipeline = load(Settings(search_s=0.5))
    assert pipeline.workers >= 1
    stream = pipeline.stream(SourceKind.VIDEO)
    followed = [stream.follow(frame, faces) for frame, faces in read_turns(pipeline, VideoFile(watched.clip))]
    for together, alone in zip(followed, watched.moved, strict=True):
        assert (together.frame.index, together.frame.time_s) == (alone.frame.index, alone.frame.time_s)
        for face, same in zip(together.faces, alone.faces, strict=True):
            assert tuple(face.detection.box) == pytest.approx(tuple(same.detection.box), abs=1e-3)
            assert (face.track_id, face.label, face.state) == (same.track_id, same.label, same.state)
            assert face.emotions.confidence == pytest.approx(same.emotions.confidence, abs=1e-4)


def test_colours_are_made_at_turns_alone(watched: Watched) -> None:
    """On these clips nobody is lost for long: four frames of sixty are searched whole."""
    pictures = [result.frame.picture for result in watched.moved]
    assert all(isinstance(picture, DecodedPicture) for picture in pictures)
    made = [
        n for n, picture in enumerate(pictures) if isinstance(picture, DecodedPicture) and picture._image is not None
    ]
    assert made == [0, 15, 30, 45]
