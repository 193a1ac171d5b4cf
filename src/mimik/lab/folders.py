"""Folders of labelled pictures: ``…/<split>/<expression>/picture``, in either language, made gray and 48×48."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageOps

from mimik.errors import DataError
from mimik.lab.data import SIDE, Faces, Progress, make_faces
from mimik.lab.names import OFFICIAL, label_of, split_of
from mimik.types import Emotion

__all__ = ["PICTURES", "Changes", "read_folders"]

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm"}
"""Suffixes of files that are read as pictures."""


@dataclass(slots=True)
class Changes:
    """What was done to pictures on the way to gray 48×48 ones.

    Attributes:
        resized: pictures that had another size.
        cropped: pictures that were not square, of which the middle square was kept.
        coloured: pictures that had colours.
        skipped: files in the folders that are no pictures, by suffix.
        copies: pictures passed over as a folder's copy within itself.
    """

    resized: int = 0
    cropped: int = 0
    coloured: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    copies: int = 0


def read_folders(folder: Path, default_split: str, changes: Changes, tell: Progress) -> Faces:
    """``…/<split>/<emotion>/picture``, ``…/<emotion>/picture``, in either language; splits in names of files, too."""
    root = folder.resolve()
    pictures = []
    for path in sorted(root.rglob("*")):
        if not path.is_file() or any(part.startswith((".", "__")) for part in path.relative_to(root).parts):
            continue
        if path.suffix.lower() not in PICTURES:
            changes.skipped[path.suffix.lower() or path.name] += 1
        elif _nested_copy(path, root):
            changes.copies += 1
        else:
            pictures.append(path)
    if not pictures:
        raise DataError(
            "{path}: no pictures in this folder. Pictures belong into one folder an expression: {labels}.",
            path=folder,
            labels=", ".join(Emotion),
        )
    images = np.empty((len(pictures), SIDE, SIDE), np.uint8)
    labels, usages = [], []
    for number, path in enumerate(pictures):
        above = path.relative_to(root).parts[-2::-1]
        label = next((found for part in above or (root.name,) if (found := label_of(part)) is not None), None)
        if label is None:
            raise DataError(
                "{path}: folder {folder} is no expression. Name the folders {labels} or, in Turkish, kızgın, "
                "tiksinmiş, korkmuş, mutlu, üzgün, şaşkın, nötr; take other folders out.",
                path=path,
                folder=path.parent.name,
                labels=", ".join(Emotion),
            )
        labels.append(label)
        usages.append(_named_split(path, (*above, root.name)) or default_split)
        images[number] = _gray(path, changes)
        if not number % 64:
            tell(number, len(pictures))
    tell(len(pictures), len(pictures))
    return make_faces(images, np.array(labels), usages)


def _named_split(path: Path, folders: Sequence[str]) -> str | None:
    """By FER-2013's own word before a file's number, else by the nearest folder: ``test/sad/PrivateTest_7.jpg``."""
    named = path.name.partition("_")[0]
    if named in OFFICIAL:
        return named
    return next((split for word in folders if (split := split_of(word)) is not None), None)


def _nested_copy(path: Path, root: Path) -> bool:
    """Whether the picture is of a copy of its folder within itself, as ``images/images`` of the seed's data set."""
    parts = (root.name, *path.relative_to(root).parts)
    return any(
        first == second and root.parent.joinpath(*parts[:place], *parts[place + 1 :]).exists()
        for place, (first, second) in enumerate(pairwise(parts))
    )


def _gray(path: Path, changes: Changes) -> NDArray[np.uint8]:
    """A picture as gray 48×48: the middle square, shrunk or enlarged."""
    try:
        with PillowImage.open(path) as opened:
            picture = ImageOps.exif_transpose(opened)
            if picture.mode not in ("L", "1"):
                changes.coloured += picture.mode not in ("LA", "I;16")
                if picture.mode == "I;16":
                    picture = PillowImage.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
            picture = picture.convert("L")
    except (OSError, SyntaxError, ValueError, PillowImage.DecompressionBombError) as error:  # Pillow raises all of them
        raise DataError(
            "{path}: the picture cannot be read ({detail}). Replace it or take it out.", path=path, detail=error
        ) from error
    if picture.size != (SIDE, SIDE):
        changes.resized += 1
        changes.cropped += picture.width != picture.height
        picture = ImageOps.fit(picture, (SIDE, SIDE), PillowImage.Resampling.LANCZOS)
    return np.asarray(picture)
