"""People across the frames of a source: who is who (`PersonTracker`), and steady readings (`EmotionSmoother`)."""

from mimik.track.people import PersonTracker, prepare_tracking
from mimik.track.smoothing import EmotionSmoother

__all__ = ["EmotionSmoother", "PersonTracker", "prepare_tracking"]
