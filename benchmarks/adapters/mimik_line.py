"""Mimik: `mimik analyze` for a file, `mimik live` for a camera, as they are when nobody sets an option."""

import argparse
import csv
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from protocol import Adapter, serve, timed


class Mimik(Adapter):
    def __init__(self, threads):
        self.threads = threads

    def load(self, live=False):
        from mimik import Pipeline
        from mimik.cli.models import settings

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
        end = time.perf_counter() + seconds
        with Realtime(source, self.pipeline.stream(SourceKind.LIVE)) as realtime:
            for result in realtime.results():
                latencies.append(result.latency_ms)
                dropped += result.dropped
                last = result.frame.index
                if time.perf_counter() > end:
                    break
        return latencies, last + 1, dropped

    def stages(self, path, repeats=1):
        """Where the time of an analysis goes."""
        from mimik.analysis import analyse
        from mimik.analysis.inputs import open_input
        from mimik.cli.stages import StageClock
        from mimik.load import load

        clock = StageClock()
        pipeline = load(self.settings(threads=self.threads), clock.around)
        total = frames = 0
        for number in range(repeats + 1):
            if number == 1:
                clock.clear()
                total = frames = 0
            with tempfile.TemporaryDirectory() as scratch:
                start = time.perf_counter()
                summary = analyse(
                    pipeline,
                    [Path(path)],
                    Path(scratch),
                    opener=lambda path, start: clock.source(open_input(path, start)),
                )
                total += time.perf_counter() - start
            frames += summary.frames
        return {"frames": frames, "seconds": total, "stages": clock.table()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=0)
    serve(Mimik(parser.parse_args().threads))
