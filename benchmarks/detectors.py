"""Recall, precision and time of a detector on 200 pictures of WIDER FACE's validation set.

    MIMIK_WIDER200=FOLDER python benchmarks/detectors.py [--detector NAME|FILE.onnx] [--threads N] [--sides 0,320,640]

FOLDER holds the pictures, ``boxes.json`` and ``score.py``, which counts. Prints a Markdown table: a row a long side to
which pictures are shrunk before detection (0: not at all), time a picture after warm-up.
"""

import argparse
import csv
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np

from mimik.detect import make_detector
from mimik.types import Image


def measure(folder: Path, pictures: dict[str, Image], detector: str, side: int, threads: int) -> list[str]:
    """One row of the table."""
    finder = make_detector(detector, side=side or None, threads=threads)
    for picture in list(pictures.values())[:3]:
        finder.detect(picture)
    times = []
    with tempfile.TemporaryDirectory() as scratch:
        faces = Path(scratch) / "faces.csv"
        with faces.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["source", "x1", "y1", "x2", "y2", "score"])
            for name, picture in pictures.items():
                start = time.perf_counter()
                found = finder.detect(picture)
                times.append((time.perf_counter() - start) * 1000)
                rows.writerows([name, *face.box, face.score] for face in found)
        report = subprocess.run(  # noqa: S603
            [sys.executable, str(folder / "score.py"), str(faces)], check=True, capture_output=True, text=True
        ).stdout
    figures = re.findall(r": (\d\.\d+)", report)
    return [str(side or "full"), *figures, f"{np.median(times):.0f}", f"{np.percentile(times, 95):.0f}"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", default="centerface")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--sides", default="0,320,480,640")
    options = parser.parse_args()
    if not os.environ.get("MIMIK_WIDER200"):
        parser.error("MIMIK_WIDER200 is not set")
    folder = Path(os.environ["MIMIK_WIDER200"])
    names = json.loads((folder / "boxes.json").read_text())
    pictures = {name: np.asarray(cv2.imread(str(folder / name)), dtype=np.uint8) for name in names}
    sizes = np.median([picture.shape[1::-1] for picture in pictures.values()], axis=0)
    print(
        f"{options.detector}, {len(pictures)} pictures of {sizes[0]:.0f}×{sizes[1]:.0f} (median), "
        f"{options.threads or os.cpu_count()} threads, {platform.processor() or platform.machine()}, "
        f"load {os.getloadavg()[0]:.1f}, onnxruntime {version('onnxruntime')}, opencv {cv2.__version__}\n"
    )
    print("| side | recall ≥80 px | 40–80 px | 20–40 px | precision | median ms | p95 ms |")
    print("|---|---|---|---|---|---|---|")
    for side in map(int, options.sides.split(",")):
        print("| " + " | ".join(measure(folder, pictures, options.detector, side, options.threads)) + " |", flush=True)


if __name__ == "__main__":
    main()
