"""Anonymous ids for the people of a source, by how their faces move; nobody's features are compared or kept."""

from __future__ import annotations

import importlib
import threading
from dataclasses import replace

import numpy as np

from mimik.track.clock import Clock
from mimik.types import Face, Frame

__all__ = ["PersonTracker", "prepare_tracking"]

# A person unseen for longer comes back under a new id.
_LOST_S = 2.0
# The library counts its buffer in frames at this rate, and times its motion model by it.
_RATE = 30
# Boxes are widened by this share on every side before their overlap is taken: at few frames a second a head moves by
# more than its own width.
_WIDENED = 0.3
_LEAST_OVERLAP = 0.1
_NEW = -1


def prepare_tracking() -> None:
    """Begin to import what a `PersonTracker` needs, in a thread of its own: half a second that nobody waits for."""
    threading.Thread(target=importlib.import_module, args=("trackers",), name="mimik-import", daemon=True).start()


class PersonTracker:
    """Follows faces with OC-SORT (Cao et al. 2023, "Observation-Centric SORT"), timed in seconds.

    Each face has an id from its first frame on: 1, 2, 3 … in order of appearance, left to right within a frame. Whoever
    is unseen for two seconds comes back under a new id. A source that begins anew loses sight of everybody, and its ids
    go on counting. The same frames give the same ids.
    """

    def __init__(self) -> None:
        # Imported here: it costs 0.5 s and 60 MB (SciPy, for the most part), which pictures need not pay.
        from trackers import BIoU, OCSORTTracker
        from trackers.utils.state_representations import XYXYStateEstimator

        self._tracker = OCSORTTracker(
            lost_track_buffer=round(_LOST_S * _RATE),
            frame_rate=_RATE,
            minimum_consecutive_frames=1,
            minimum_iou_threshold=_LEAST_OVERLAP,
            direction_consistency_weight=0.0,  # of a face at rest, the direction is noise
            # Corners stay finite however a prediction strays; with area and ratio it may not, and the library raises.
            state_estimator_class=XYXYStateEstimator,
            iou=BIoU(_WIDENED),
        )
        self._clock = Clock()
        self._people = 0

    def track(self, frame: Frame, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        """The same faces in the same order, each with its `Face.track_id`; no id twice in a frame."""
        from supervision import Detections

        if self._clock.advance(frame.time_s):
            self._tracker.reset()
        # Without scores: the detector has chosen its faces, and each of them is to have an id.
        seen = Detections(
            xyxy=np.array([face.detection.box for face in faces], dtype=np.float64).reshape(-1, 4),
            data={"place": np.arange(len(faces))},
        )
        followed = self._tracker.update(seen, timestamp=self._clock.now_s)
        if not faces:
            return ()
        assert followed.tracker_id is not None
        places = np.asarray(followed.data["place"]).tolist()
        ids: dict[int, int] = dict(zip(places, followed.tracker_id.tolist(), strict=True))
        # The library numbers a face when it sees it again; those new in this frame are numbered here, at once.
        new = sorted(place for place, track_id in ids.items() if track_id == _NEW)
        tracks = [track for track in self._tracker.tracks if track.tracker_id == _NEW]
        for place, track in zip(new, tracks, strict=True):
            self._people += 1
            ids[place] = track.tracker_id = self._people
        return tuple(replace(face, track_id=ids[place]) for place, face in enumerate(faces))
