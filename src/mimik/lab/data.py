"""Labelled faces as arrays, and the parquet file that holds them: FER-2013 with its FER+ votes, or one's own.

Source: Goodfellow et al. 2013, "Challenges in representation learning"; the votes are Barsoum et al. 2016 (FER+).
`mimik.lab.formats` reads the other forms that such data come in.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mimik.errors import DataError
from mimik.types import Emotion
from mimik.weights import FERPLUS

__all__ = [
    "FERPLUS",
    "SIDE",
    "TAGS",
    "UNSPLIT",
    "Faces",
    "Progress",
    "join",
    "make_faces",
    "read_parquet",
    "select",
    "write_parquet",
]

SIDE = 48
"""Height and width of a FER-2013 face, in pixels."""

TAGS = (*FERPLUS, "unknown", "nf")
"""What a FER+ tagger could choose: an emotion, *unknown*, or *no face*."""

UNSPLIT = "Unsplit"
"""The split of faces whose file or folder names none."""

Progress = Callable[[int, int], None]
"""Told how much is done, of how much."""


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Labelled faces.

    Attributes:
        images: ``(N, 48, 48)`` uint8, gray.
        labels: ``(N,)`` int64, FER-2013 classes in the order of `mimik.Emotion`.
        votes: ``(N, 8)`` float32, FER+ votes as shares that sum to one, in the order of `FERPLUS`; all zero where a
            majority saw no face or nobody voted for an emotion.
        twins: ``(N,)`` object, one digest of the pixels a row; equal digests are identical pictures.
        usages: ``(N,)`` object, the split's name a row: ``Training``, ``PublicTest`` …
        counts: ``(N, 10)`` int64, FER+ votes as counted, in the order of `TAGS`; all zero where there are none.
        rows: ``(N,)`` int64, the row's number in the original file.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    votes: NDArray[np.float32]
    twins: NDArray[np.object_]
    usages: NDArray[np.object_]
    counts: NDArray[np.int64]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


def make_faces(
    images: NDArray[np.uint8],
    labels: NDArray[np.integer[Any]],
    usages: Sequence[str],
    counts: NDArray[np.integer[Any]] | None = None,
    rows: NDArray[np.integer[Any]] | None = None,
) -> Faces:
    """Faces from what a file says; votes as shares and digests are worked out.

    Args:
        images: ``(N, 48, 48)`` uint8, gray.
        labels: ``(N,)`` classes 0–6.
        usages: ``(N,)`` names of splits.
        counts: ``(N, 10)`` FER+ votes; none where absent.
        rows: ``(N,)`` original row numbers; 0 … N-1 where absent.
    """
    count = len(labels)
    counted = np.zeros((count, len(TAGS)), np.int64) if counts is None else counts.astype(np.int64)
    emotions = counted[:, : len(FERPLUS)]
    seen = (emotions.sum(1) > 0) & (counted[:, -1] < emotions.max(1, initial=0))
    votes = np.where(seen[:, None], emotions / np.maximum(emotions.sum(1, keepdims=True), 1), 0).astype(np.float32)
    twins = np.array([hashlib.sha256(image.tobytes()).hexdigest() for image in images], dtype=object)
    numbers = np.arange(count) if rows is None else rows
    return Faces(
        images, labels.astype(np.int64), votes, twins, np.array(usages, dtype=object), counted, numbers.astype(np.int64)
    )


def select(faces: Faces, chosen: NDArray[Any]) -> Faces:
    """The rows of a mask or of indices, in order."""
    return Faces(*(getattr(faces, name)[chosen] for name in Faces.__slots__))


def join(parts: Sequence[Faces]) -> Faces:
    """All rows of several sets, numbered anew where there is more than one."""
    if len(parts) == 1:
        return parts[0]
    fields = {name: np.concatenate([getattr(part, name) for part in parts]) for name in Faces.__slots__}
    return Faces(**fields | {"rows": np.arange(sum(map(len, parts)))})


def read_parquet(path: Path, usage: str | None = None, *, default_split: str = UNSPLIT) -> Faces:
    """Read labelled faces, with FER+ votes where there are any.

    Args:
        path: a parquet file with the columns ``emotion`` (or ``label``) and ``image`` (PNG bytes); ``usage``,
            all of ``ferplus_*`` and ``row`` may be there, as in what `write_parquet` makes.
        usage: keep the rows of this split only (``Training``, ``PublicTest``); None keeps all.
        default_split: the split of all rows where there is no ``usage``.

    Raises:
        DataError: the file cannot be read, lacks a column or rows, or holds an unknown label or a picture of another
            size.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    votes = [f"ferplus_{name}" for name in TAGS]
    try:
        file = pq.ParquetFile(path)
        own = {name.casefold(): name for name in file.schema_arrow.names}
        names = set(own)
        label = "label" if "label" in names and "emotion" not in names else "emotion"
        voted = not names.isdisjoint(votes)
        columns = [*(["usage"] if "usage" in names else []), label, "image", *(votes if voted else [])]
        missing = [name for name in columns if name not in names]
        wanted = [*(["row"] if "row" in names else []), *columns]
        table = None if missing else file.read([own[name] for name in wanted])
        table = table and table.rename_columns([name.casefold() for name in table.column_names])
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            "{path}: not a parquet file that can be read ({detail}). Fetch it again, or import the original data "
            "again with `mimik dataset import`.",
            path=path,
            detail=error,
        ) from error
    if table is None:
        raise DataError(
            "{path}: column {column} is missing. The columns must be emotion (or label) and image; usage may be there, "
            "and for FER+ votes all of: {votes}.",
            path=path,
            column=missing[0],
            votes=", ".join(votes),
        )
    for name in columns:
        if table[name].null_count:
            raise DataError(
                "{path}: row {row}: {column} is missing. Import the original data again with `mimik dataset import`.",
                path=path,
                row=table[name].is_null().to_pylist().index(True),
                column=name,
            )
    usages = table["usage"].to_pylist() if "usage" in names else [default_split] * len(table)
    keep = [i for i, value in enumerate(usages) if usage in (None, value)]
    if not keep and usage is not None:
        raise DataError("{path}: no row has usage {usage}.", path=path, usage=usage)
    if not keep:
        raise DataError("{path}: the file has no rows. Fetch it again, or import the original data again.", path=path)
    table = table.take(keep)
    labels = _integers(path, table, label, keep)
    wrong = np.flatnonzero((labels < 0) | (labels >= len(Emotion)))
    if len(wrong):
        raise DataError(
            "{path}: row {row}: {column} {value} is no label of FER-2013, which are 0 to 6 for {labels}. Correct or "
            "remove the row.",
            path=path,
            row=keep[wrong[0]],
            column=label,
            value=labels[wrong[0]],
            labels=", ".join(Emotion),
        )
    images = np.empty((len(keep), SIDE, SIDE), np.uint8)
    for row, data in enumerate(table["image"].to_pylist()):
        images[row] = _decoded(path, keep[row], data)
    counts = np.stack([_integers(path, table, name, keep) for name in votes], axis=1) if voted else None
    rows = _integers(path, table, "row", keep) if "row" in table.column_names else np.array(keep)
    return make_faces(images, labels, [usages[row] for row in keep], counts, rows)


def _integers(path: Path, table: Any, name: str, rows: Sequence[int]) -> NDArray[np.int64]:
    values = table[name].to_pylist()
    for number, value in enumerate(values):
        if not isinstance(value, int):
            raise DataError(
                "{path}: row {row}: {column} is {value}, not a whole number. Correct or remove the row.",
                path=path,
                row=rows[number],
                column=name,
                value=value,
            )
    return np.array(values, np.int64)


def _decoded(path: Path, row: int, data: object) -> NDArray[Any]:
    if isinstance(data, dict):  # as Hugging Face's data sets store pictures
        data = data.get("bytes")
    picture = None
    if isinstance(data, bytes) and data:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise DataError("{path}: row {row}: the picture cannot be read; it must be PNG bytes.", path=path, row=row)
    if picture.shape != (SIDE, SIDE):
        raise DataError(
            "{path}: row {row}: the picture is {width}×{height} pixels, not 48×48. Import the pictures as a folder "
            "with `mimik dataset import`, which makes them 48×48.",
            path=path,
            row=row,
            width=picture.shape[1],
            height=picture.shape[0],
        )
    return picture


def write_parquet(faces: Faces, path: Path) -> None:
    """Write faces as `read_parquet` reads them: the columns of FER-2013 with its FER+ votes.

    Raises:
        OSError: the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = tuple(Emotion)
    columns = {
        "row": pa.array(faces.rows, pa.int32()),
        "usage": pa.array(faces.usages).dictionary_encode(),
        "emotion": pa.array(faces.labels, pa.int8()),
        "emotion_name": pa.array([str(names[label]) for label in faces.labels]).dictionary_encode(),
        "image": pa.array([cv2.imencode(".png", image)[1].tobytes() for image in faces.images], pa.binary()),
    }
    for place, name in enumerate(TAGS):
        columns[f"ferplus_{name}"] = pa.array(faces.counts[:, place], pa.int8())
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    try:
        pq.write_table(pa.table(columns), beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
