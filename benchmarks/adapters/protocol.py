"""How the runner talks to a peer: a line of JSON in, a line of JSON out. Standard library only, for any environment."""

import json
import os
import statistics
import sys
import threading
import time
from pathlib import Path


class Adapter:
    """What a peer can do. Each peer overrides what it has; what it has not is told to the runner as ``unsupported``."""

    def load(self, live=False):
        """Import and load, for a live camera where asked so; a dict with the versions."""
        return {}

    def clip(self, path):
        """Read every frame of a video, file to rows, the documented way: (frames, frames with a face, faces)."""
        raise NotImplementedError

    def read(self, image):
        """Find and read the faces of one BGR picture; how many."""
        raise NotImplementedError

    def network(self, batch, repeats):
        """Milliseconds of each of so many runs of the network alone, one thread, on faces ready cut."""
        raise NotImplementedError

    def live(self, path, seconds):
        """Latencies of a fake camera that plays a video; here, a loop that takes the newest frame as it is free."""
        import cv2

        latest = {"number": 0, "frame": None, "at": 0.0}
        news = threading.Condition()
        over = threading.Event()

        def play():
            capture = cv2.VideoCapture(path)
            fps = capture.get(cv2.CAP_PROP_FPS) or 30.0
            start, number = time.perf_counter(), 0
            while not over.is_set():
                good, frame = capture.read()
                if not good:
                    capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
                    continue
                if over.wait(max(0.0, start + number / fps - time.perf_counter())):
                    return
                number += 1
                with news:
                    latest.update(number=number, frame=frame, at=time.perf_counter())
                    news.notify_all()

        camera = threading.Thread(target=play, daemon=True)
        camera.start()
        latencies, seen, dropped = [], 0, 0
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            with news:
                news.wait_for(lambda: latest["number"] > seen)
                dropped += latest["number"] - seen - 1
                seen, frame, at = latest["number"], latest["frame"], latest["at"]
            self.read(frame)
            latencies.append((time.perf_counter() - at) * 1000)
        over.set()
        camera.join()
        return latencies, seen, dropped


def memory_mb():
    """Resident now and at its peak, megabytes; None where the system does not say."""
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return None, None
    values = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return tuple(int(values[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))


def timed(run, repeats):
    """Milliseconds of each of so many runs, after warm-up."""
    for _ in range(max(1, repeats // 6)):
        run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1000)
    return times


def _answer(adapter, asked):
    kind = asked["do"]
    if kind == "load":
        start = time.perf_counter()
        told = adapter.load(asked.get("live", False))
        return {"load_s": time.perf_counter() - start, **told}
    if kind == "clip":
        start = time.perf_counter()
        frames, hits, faces = adapter.clip(asked["path"])
        return {"seconds": time.perf_counter() - start, "frames": frames, "hits": hits, "faces": faces}
    if kind == "network":
        times = adapter.network(asked["batch"], asked["repeats"])
        return {"ms": statistics.median(times), "times_ms": times}
    if kind == "live":
        before, _ = memory_mb()
        latencies, captured, dropped, *more = adapter.live(asked["path"], asked["seconds"])
        after, peak = memory_mb()
        found = {"latencies_ms": latencies, "captured": captured, "dropped": dropped, "peak_mb": peak}
        return {**found, "before_mb": before, "after_mb": after, **(more[0] if more else {})}
    return getattr(adapter, kind)(**{name: value for name, value in asked.items() if name != "do"})


def serve(adapter):
    """Answer until the input ends. What libraries print goes to standard error."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            said = _answer(adapter, asked)
        except NotImplementedError:
            said = {"unsupported": True}
        except Exception as error:  # whatever a peer raises is told, never hidden
            said = {"error": f"{type(error).__name__}: {error}"}
        out.write(json.dumps(said) + "\n")
