"""Time as tracking needs it."""

__all__ = ["Clock"]

# Stamps that step back by less are out of order, as streams have them at times; by more, the source began anew.
_DISORDER_S = 0.5
# No two frames are taken at one moment, whatever their stamps say.
_LEAST_STEP_S = 1e-3


class Clock:
    """Seconds that always pass, made from a source's time stamps, which may stand still or step back.

    Attributes:
        now_s: seconds since the first frame, or since the source began anew.
    """

    __slots__ = ("_stamp_s", "now_s")

    def __init__(self) -> None:
        self.now_s = 0.0
        self._stamp_s: float | None = None

    def advance(self, time_s: float) -> bool:
        """Move on to a frame's time stamp; True where the source began anew, as a looped file does."""
        step_s = 0.0 if self._stamp_s is None else time_s - self._stamp_s
        first, self._stamp_s = self._stamp_s is None, time_s
        if step_s < -_DISORDER_S:
            self.now_s = 0.0
            return True
        if not first:
            self.now_s += max(step_s, _LEAST_STEP_S)
        return False
