"""Mimik: `mimik analyze` for a file, `mimik live` for a camera, as they are when nobody sets an option."""

import argparse
import csv
import statistics
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path

from protocol import Adapter, memory_mb, serve, timed


class Mimik(Adapter):
    def __init__(self, threads):
        self.threads = threads

    def load(self, live=False):
        from mimik import Pipeline
        from mimik.cli.models import settings
        from mimik.track import prepare_tracking

        prepare_tracking()  # as the commands do
        self.settings = settings
        self.pipeline = Pipeline.load(settings(threads=self.threads, live=live))
        return {"versions": {name: version(name) for name in ("mimik", "onnxruntime", "opencv-python", "av", "numpy")}}

    def clip(self, path):
        from mimik.analysis import analyse

        with tempfile.TemporaryDirectory() as scratch:
            summary = analyse(self.pipeline, [Path(path)], Path(scratch))
            with (Path(scratch) / "faces.csv").open(newline="") as file:
                rows = [row for row in csv.DictReader(file) if row["state"] not in ("no_face", "failed")]
        return summary.frames, len({row["frame"] for row in rows}), len(rows)

    def read(self, image):
        return len(self.pipeline.read(image))

    def network(self, batch, repeats):
        import numpy as np

        from mimik.classify import OnnxClassifier

        classifier = OnnxClassifier.load(self.settings().classifier, threads=1)
        faces = list(np.random.default_rng(0).integers(0, 256, (batch, 48, 48), dtype=np.uint8))
        return timed(lambda: classifier.classify(faces), repeats)

    def live(self, path, seconds):
        from mimik.realtime import Realtime
        from mimik.sources import VideoFile
        from mimik.sources.pacing import Paced
        from mimik.types import SourceKind

        source = Paced(VideoFile(path))  # its line was loaded for a live camera
        latencies, dropped, last = [], 0, 0
        shown, waits = [], []
        end = time.perf_counter() + seconds
        with Realtime(source, self.pipeline.stream(SourceKind.LIVE)) as realtime:

            def show():  # as a window does: the newest frame, with what is known by then
                for frame, _ in realtime.frames():
                    waits.append((time.perf_counter() - frame.captured_s) * 1000)
                    shown.append(frame.index)

            screen = threading.Thread(target=show)
            screen.start()
            for result in realtime.results():
                latencies.append(result.latency_ms)
                dropped += result.dropped
                last = result.frame.index
                if time.perf_counter() > end:
                    break
        screen.join()
        return latencies, last + 1, dropped, {"shown": shown, "shown_after_ms": waits}

    def memory(self, path, from_s, each_s):
        """Resident megabytes while a long video is analysed, by the time in the video: medians of so many seconds."""
        from mimik.analysis import analyse
        from mimik.analysis.inputs import open_input

        at = [0.0]
        over = threading.Event()
        seen = {}

        def watch():
            while not over.wait(0.1):
                seen.setdefault(int(at[0] // each_s), []).append(memory_mb()[0])

        watcher = threading.Thread(target=watch)
        watcher.start()
        start = time.perf_counter()
        try:
            with tempfile.TemporaryDirectory() as scratch:
                summary = analyse(
                    self.pipeline,
                    [Path(path)],
                    Path(scratch),
                    opener=lambda path, start: _Followed(open_input(path, start), at),
                )
        finally:
            over.set()
            watcher.join()
        times = sorted(seen)
        mb = [statistics.median(seen[time_]) for time_ in times]
        first = next((number for number, time_ in enumerate(times) if time_ * each_s >= from_s), -1)
        return {
            "seconds": time.perf_counter() - start,
            "video_s": at[0],
            "frames": summary.frames,
            "times_s": [time_ * each_s for time_ in times],
            "mb": mb,
            "growth_mb": mb[-1] - mb[first],
            "peak_mb": memory_mb()[1],
        }

    def stages(self, path, repeats=1):
        """What an analysis computes, by stage: seconds of processor time, waiting not counted."""
        from mimik.analysis import analyse
        from mimik.analysis.inputs import open_input
        from mimik.cli.stages import StageClock
        from mimik.load import load
        from mimik.sources import VideoFile

        clock = StageClock(time.thread_time)
        pipeline = load(self.settings(threads=1), clock.around)  # each network in the thread that calls it
        total = wall = frames = 0
        for number in range(repeats + 1):
            if number == 1:
                clock.clear()
                total = wall = frames = 0
            with tempfile.TemporaryDirectory() as scratch:
                start, began = time.process_time(), time.perf_counter()
                summary = analyse(
                    pipeline, [Path(path)], Path(scratch), opener=lambda path, start: open_input(path, start)
                )
                total += time.process_time() - start
                wall += time.perf_counter() - began
            frames += summary.frames
        # FFmpeg decodes in threads of its own, which no clock of a thread sees: decoding alone, all of the process.
        start = time.process_time()
        decoded = sum(1 for frame in VideoFile(path) if frame.pixels.size)
        decode = (time.process_time() - start) * frames / decoded
        stages = {"decode": decode, **{name: taken for name, (taken, _) in clock.table().items()}}
        return {"frames": frames, "seconds": wall, "processor_s": total, "stages": stages}


class _Followed:
    """A source that tells how far it is."""

    def __init__(self, source, at):
        self._source = source
        self._at = at

    def __getattr__(self, name):
        return getattr(self._source, name)

    def __iter__(self):
        for frame in self._source:
            self._at[0] = frame.time_s
            yield frame


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=0)
    serve(Mimik(parser.parse_args().threads))
