"""What detectors share: sizes, suppression, cutting to the picture."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from mimik.detect.network import detections, fitted, suppress


@given(st.integers(1, 9000), st.integers(1, 9000), st.one_of(st.none(), st.integers(64, 4096)))
def test_pictures_are_only_ever_shrunk(width: int, height: int, side: int | None) -> None:
    """The long side obeys, nothing grows, nothing vanishes, the shape stays."""
    columns, rows = fitted(width, height, side)
    assert 1 <= columns <= width
    assert 1 <= rows <= height
    assert max(columns, rows) <= max(side or 2048, 1)
    assert abs(columns * height - rows * width) <= max(width, height)


@given(arrays(np.float32, st.tuples(st.integers(0, 12), st.just(4)), elements=st.floats(0, 50, width=16)))
def test_what_suppression_keeps_hardly_overlaps(corners: NDArray[np.float32]) -> None:
    """The best stays; kept boxes do not overlap; each dropped one overlaps a better kept one."""
    boxes = np.concatenate([corners[:, :2], corners[:, :2] + corners[:, 2:] + 1], axis=1)
    scores = np.linspace(0.1, 0.9, len(boxes), dtype=np.float32)
    kept = suppress(boxes, scores, 0.3).tolist()
    assert kept == sorted(kept, reverse=True)
    assert not len(boxes) or kept[0] == len(boxes) - 1

    def overlap(i: int, j: int) -> float:
        sides = np.minimum(boxes[i, 2:], boxes[j, 2:]) - np.maximum(boxes[i, :2], boxes[j, :2])
        shared = float(sides.clip(min=0).prod())
        areas = [float((boxes[k, 2:] - boxes[k, :2]).prod()) for k in (i, j)]
        return shared / (sum(areas) - shared)

    assert all(overlap(i, j) < 0.3001 for i in kept for j in kept if i < j)
    assert all(any(overlap(i, j) > 0.2999 for j in kept if j > i) for i in set(range(len(boxes))) - set(kept))


def test_boxes_are_cut_to_the_picture_and_empty_ones_dropped() -> None:
    """Over the edge, outside and broken boxes."""
    boxes = np.array([[-5, -5, 20, 30], [90, 10, 120, 40], [101, 0, 130, 20], [0, 0, np.inf, 9]], dtype=np.float32)
    found = detections(boxes, np.full(4, 0.8, np.float32), np.zeros((4, 5, 2), np.float32), 100, 50)
    assert [tuple(face.box) for face in found] == [(0, 0, 20, 30), (90, 10, 100, 40)]
