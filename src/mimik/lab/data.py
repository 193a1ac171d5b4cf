"""FER-2013 as arrays, from the parquet file that `MIMIK_FER2013` names.

Source: Goodfellow et al. 2013, "Challenges in representation learning"; the votes are Barsoum et al. 2016 (FER+).
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from mimik.errors import DataError

__all__ = ["FERPLUS", "SIDE", "Faces", "read_parquet"]

SIDE = 48
"""Height and width of a FER-2013 face, in pixels."""

FERPLUS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
"""The eight emotions of FER+, in the order of its file and of the network's second head."""

_NOT_EMOTIONS = ("unknown", "nf")


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Labelled faces.

    Attributes:
        images: ``(N, 48, 48)`` uint8, gray.
        labels: ``(N,)`` int64, FER-2013 classes in the order of `mimik.Emotion`.
        votes: ``(N, 8)`` float32, FER+ votes as shares that sum to one, in the order of `FERPLUS`; all zero where a
            majority saw no face or nobody voted for an emotion.
        twins: ``(N,)`` object, one digest of the pixels a row; equal digests are identical pictures.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    votes: NDArray[np.float32]
    twins: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.labels)


def read_parquet(path: Path, usage: str | None = None) -> Faces:
    """Read FER-2013 with its FER+ votes.

    Args:
        path: a parquet file with the columns ``usage``, ``emotion``, ``image`` (PNG bytes) and ``ferplus_*``.
        usage: keep the rows of this split only (``Training``, ``PublicTest``); None keeps all.

    Raises:
        DataError: the file cannot be read, lacks a column, or holds a picture of another size.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = ["usage", "emotion", "image", *(f"ferplus_{name}" for name in (*FERPLUS, *_NOT_EMOTIONS))]
    try:
        table = pq.read_table(path, columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            "{path}: not a FER-2013 parquet file ({detail}). Its columns must be: {columns}.",
            path=path,
            detail=error,
            columns=", ".join(columns),
        ) from error
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise DataError(
            "{path}: column {column} is missing. Its columns must be: {columns}.",
            path=path,
            column=missing[0],
            columns=", ".join(columns),
        )
    keep = [i for i, value in enumerate(table["usage"].to_pylist()) if usage in (None, value)]
    if not keep:
        raise DataError("{path}: no row has usage {usage}.", path=path, usage=usage)
    table = table.take(keep)
    images = np.empty((len(keep), SIDE, SIDE), np.uint8)
    for row, data in enumerate(table["image"].to_pylist()):
        picture = PillowImage.open(io.BytesIO(data)).convert("L")
        if picture.size != (SIDE, SIDE):
            raise DataError(
                "{path}: row {row}: the picture is {width}×{height} pixels, not 48×48.",
                path=path,
                row=keep[row],
                width=picture.width,
                height=picture.height,
            )
        images[row] = np.asarray(picture)
    counts = np.stack([table[f"ferplus_{name}"].to_numpy() for name in (*FERPLUS, *_NOT_EMOTIONS)], axis=1).astype(
        np.float32
    )
    emotions = counts[:, : len(FERPLUS)]
    faces = (emotions.sum(1) > 0) & (counts[:, -1] < emotions.max(1))
    votes = np.where(faces[:, None], emotions / np.maximum(emotions.sum(1, keepdims=True), 1), 0).astype(np.float32)
    twins = np.array([hashlib.sha256(image.tobytes()).hexdigest() for image in images], dtype=object)
    return Faces(images, table["emotion"].to_numpy().astype(np.int64), votes, twins)
