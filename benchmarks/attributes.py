"""Age and gender: time of a look, memory, and how steady the estimates are.

    python benchmarks/attributes.py [--wider FOLDER] [--repeats 200]

Needs the extra ``attributes``. How *right* the estimates are is not measured: no pictures of known age come with Mimik,
but for two faces. Steadiness is measured on those, and on the faces of good quality in a folder of pictures
(``MIMIK_WIDER200`` where set), by changing each picture and looking again. Prints Markdown tables.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np

from mimik import Pipeline
from mimik.config import Settings
from mimik.sources import read_picture
from mimik.sources.portraits import EILEEN_COLLINS, GRACE_HOPPER
from mimik.types import Face, Image


def _noisy(image: Image) -> Image:
    noise = np.random.default_rng(0).normal(0, 8, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


CHANGES: dict[str, Callable[[Image], Image]] = {
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "darker (×0.6)": lambda image: np.asarray(cv2.convertScaleAbs(image, alpha=0.6), np.uint8),
    "brighter (×1.3)": lambda image: np.asarray(cv2.convertScaleAbs(image, alpha=1.3), np.uint8),
    "blurred (σ 1.5 px)": lambda image: np.asarray(cv2.GaussianBlur(image, (0, 0), 1.5), np.uint8),
    "noise (σ 8)": _noisy,
    "half the size": lambda image: np.asarray(
        cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8
    ),
}


def memory_mb() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def bundled() -> Iterator[tuple[str, Image]]:
    """The two faces of known age."""
    for name, path in (("Grace Hopper, 77", GRACE_HOPPER), ("Eileen Collins, about 42", EILEEN_COLLINS)):
        yield name, read_picture(path)


def same(face: Face, others: tuple[Face, ...], change: str, width: int) -> Face | None:
    """The face found again in the changed picture."""
    x, y = face.detection.box.centre
    if change == "mirrored":
        x = width - x
    scale = 0.5 if change == "half the size" else 1.0
    for other in others:
        box = other.detection.box
        if box.x1 < x * scale < box.x2 and box.y1 < y * scale < box.y2:
            return other
    return None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wider", type=Path, default=os.environ.get("MIMIK_WIDER200"))
    parser.add_argument("--repeats", type=int, default=200)
    given = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, ONNX Runtime {version('onnxruntime')}\n")

    line = Pipeline.load(Settings(threads=1))
    picture = dict(bundled())["Eileen Collins, about 42"]
    line.read(picture)
    before = memory_mb()
    start = time.perf_counter()
    from mimik.attributes import AgeAndGender

    estimator = AgeAndGender()
    loading = time.perf_counter() - start
    (face,) = line.read(picture)
    times: dict[int, list[float]] = {1: [], 4: []}
    for count, taken in times.items():
        estimator.estimate(picture, [face.detection] * count)
        for _ in range(given.repeats):
            start = time.thread_time()  # it runs in this thread alone, which may have to wait for a busy core
            estimator.estimate(picture, [face.detection] * count)
            taken.append((time.thread_time() - start) * 1000)
    print("| | |\n|---|---|")
    print(f"| load, hashes included | {loading * 1000:.0f} ms |\n| memory | {memory_mb() - before:.0f} MB |")
    for count, taken in times.items():
        p50, p95 = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
        print(f"| a look at {count} face(s), processor time: median, p95 | {p50:.1f} ms, {p95:.1f} ms |")

    line = Pipeline.load(Settings(threads=1, attributes=True))
    print("\n| picture | age | range | appears |\n|---|---|---|---|")
    for name, image in bundled():
        for change, changed in (("as it is", image), *((c, f(image)) for c, f in CHANGES.items())):
            for found in line.read(changed):
                known = found.attributes
                if known is not None:
                    low, high = known.age
                    gender = f"{known.gender} {known.gender_probability:.2f}"
                    print(f"| {name}, {change} | {known.age_years:.1f} | {low}–{high} | {gender} |")

    if given.wider is None:
        return
    differences: dict[str, list[tuple[float, bool, bool]]] = {change: [] for change in CHANGES}
    faces = 0
    for path in sorted(Path(given.wider).glob("*.jpg")):
        loaded = cv2.imread(str(path))
        assert loaded is not None
        image = np.asarray(loaded, np.uint8)
        first = [found for found in line.read(image) if found.attributes is not None]
        faces += len(first)
        if not first:
            continue
        for change, work in CHANGES.items():
            again = line.read(work(image))
            for found in first:
                other = same(found, again, change, image.shape[1])
                one, two = found.attributes, other.attributes if other else None
                if one is not None and two is not None:
                    inside = one.age[0] <= two.age_years <= one.age[1]
                    gap = abs(one.age_years - two.age_years)
                    differences[change].append((gap, inside, one.gender == two.gender))
    print(f"\n{faces} faces of good quality in {Path(given.wider).name}\n")
    print(
        "| change | faces | age moves by: median, mean, p90 | stays in the range | same gender |\n|---|---|---|---|---|"
    )
    for change, rows in differences.items():
        moved = [row[0] for row in rows]
        p90 = statistics.quantiles(moved, n=10)[-1]
        stays, kept = (sum(row[i] for row in rows) / len(rows) for i in (1, 2))
        spread = f"{statistics.median(moved):.1f}, {statistics.mean(moved):.1f}, {p90:.1f}"
        print(f"| {change} | {len(rows)} | {spread} | {stays:.0%} | {kept:.0%} |")


if __name__ == "__main__":
    main()
