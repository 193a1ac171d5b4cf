"""The forms that labelled faces come in: Kaggle's CSV files, folders of pictures, FER+ votes, parquet.

Every reader gives `Faces`: gray 48×48 pictures with the seven labels of FER-2013 and the split that each is in.
"""

import csv
import unicodedata
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageOps

from mimik.errors import DataError
from mimik.lab.data import SIDE, TAGS, UNSPLIT, Faces, Progress, join, make_faces, read_parquet, select
from mimik.types import Emotion

__all__ = ["OFFICIAL", "SPLITS", "UNSPLIT", "Changes", "label_of", "pick_split", "read_faces"]

OFFICIAL = {"Training": 28_709, "PublicTest": 3_589, "PrivateTest": 3_589}
"""Rows of each split of FER-2013."""

SPLITS = (*OFFICIAL, "Validation", "Test")
"""The splits that Mimik knows by name."""

_WORDS = {
    Emotion.ANGRY: "angry anger kizgin kizginlik ofke ofkeli sinirli",
    Emotion.DISGUST: "disgust disgusted tiksinmis tiksinti tiksinme igrenme igrenmis",
    Emotion.FEAR: "fear afraid fearful scared korku korkmus korkan",
    Emotion.HAPPY: "happy happiness joy mutlu mutluluk",
    Emotion.SAD: "sad sadness uzgun uzuntu uzulmus",
    Emotion.SURPRISE: "surprise surprised saskin saskinlik sasirmis",
    Emotion.NEUTRAL: "neutral calm notr ifadesiz sakin",
}
_LABELS = {word: label for label, emotion in enumerate(Emotion) for word in _WORDS[emotion].split()}
_SPLITS = {
    "train": "Training",
    "training": "Training",
    "egitim": "Training",
    "validation": "Validation",
    "valid": "Validation",
    "val": "Validation",
    "dogrulama": "Validation",
    "test": "Test",
    "testing": "Test",
    "publictest": "PublicTest",
    "privatetest": "PrivateTest",
}
_MOST_VOTES = 100
_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm"}


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


def label_of(word: str) -> int | None:
    """``Happy``, ``mutlu`` or ``Üzgün`` → the FER-2013 label; None where the word is no expression."""
    return _LABELS.get(_folded(word))


def _folded(word: str) -> str:
    """Small letters without marks or signs: ``Şaşkın `` → ``saskin``."""
    plain = unicodedata.normalize("NFKD", word.replace("ı", "i").replace("İ", "i").casefold())
    return "".join(letter for letter in plain if letter.isalnum())


def read_faces(
    paths: Sequence[Path],
    split: str | None = None,
    *,
    default_split: str = UNSPLIT,
    whole: bool = False,
    changes: Changes | None = None,
    progress: Progress | None = None,
) -> Faces:
    """Read labelled faces in whatever form they come.

    Args:
        paths: parquet files, FER-2013 CSV files, folders of pictures; with one set of faces, FER+'s own CSV file may
            be among them and is joined by row.
        split: keep the rows of this split only; case does not matter.
        default_split: the split of rows that name none.
        whole: insist that a CSV file has all rows of each FER-2013 split that is in it.
        changes: counts what is done to pictures.
        progress: told how much is read of each file or folder.

    Raises:
        DataError: something cannot be read or is not such data; the message names file, row and cure.
    """
    changes = Changes() if changes is None else changes
    tell = progress or (lambda done, total: None)
    parts, votes = [], []
    for path in paths:
        if path.is_dir():
            parts.append(_read_folders(path, default_split, changes, tell))
        elif not path.exists():
            raise DataError("{path}: there is no such file or folder.", path=path)
        elif _is_parquet(path):
            parts.append(read_parquet(path, default_split=default_split))
        elif _is_ferplus(path):
            votes.append(path)
        else:
            parts.append(_read_csv(path, default_split, whole, tell))
    if votes and (len(votes) > 1 or len(parts) != 1 or any(path.is_dir() for path in paths)):
        raise DataError(
            "{path}: FER+ votes are joined by row to one fer2013.csv, icml_face_data.csv or parquet file. "
            "Give that file and this one alone.",
            path=votes[0],
        )
    faces = _with_votes(parts[0], votes[0], whole_csv=not _any_parquet(paths)) if votes else join(parts)
    return faces if split is None else pick_split(faces, split, paths[0])


def pick_split(faces: Faces, split: str, path: Path) -> Faces:
    """The rows of a split, whose name may be written in any case.

    Raises:
        DataError: no row is in it.
    """
    chosen = np.array([_folded(usage) == _folded(split) for usage in faces.usages], bool)
    if not chosen.any():
        raise DataError(
            "{path}: no row is in split {split}. Its splits: {splits}.",
            path=path,
            split=split,
            splits=", ".join(dict.fromkeys(faces.usages)),
        )
    return select(faces, chosen)


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PAR1" or path.suffix.lower() == ".parquet"
    except OSError as error:
        raise DataError("{path}: cannot be read ({detail}).", path=path, detail=error.strerror) from error


def _any_parquet(paths: Sequence[Path]) -> bool:
    return any(path.is_file() and _is_parquet(path) for path in paths)


# CSV


@contextmanager
def _table(path: Path) -> Iterator[tuple[list[str], Iterator[list[str]]]]:
    """An open CSV file: its column names and its rows; commas or semicolons."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = _first_line(path, file)
            separator = ";" if ";" in first and "," not in first else ","
            names = [_folded(name) for name in next(csv.reader([first], delimiter=separator), [])]
            if not {"emotion", "pixels", "neutral"} & {*names} and any(map(str.isdecimal, names)):
                raise DataError(
                    "{path}: the first line must name the columns: emotion, pixels, Usage (of FER+ votes: those of "
                    "fer2013new.csv). Add that line, or fetch the file again.",
                    path=path,
                )
            yield names, _without_end(csv.reader(file, delimiter=separator))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError("{path}: not a CSV file that can be read ({detail}).", path=path, detail=error) from error


def _first_line(path: Path, file: TextIO) -> str:
    with path.open("rb") as raw:
        start = raw.read(64)
    if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or b"\0" in start:
        raise DataError("{path}: the text is in UTF-16. Open it and save it as UTF-8.", path=path)
    first = file.readline()
    if not first.strip() and not any(map(str.strip, file)):
        raise DataError("{path}: the file is empty. Fetch it again.", path=path)
    return first


def _without_end(lines: Iterator[list[str]]) -> Iterator[list[str]]:
    """The lines without empty ones at the end, which editors leave."""
    empty = 0
    for cells in lines:
        if not cells:
            empty += 1
            continue
        yield from [[]] * empty
        empty = 0
        yield cells


def _is_ferplus(path: Path) -> bool:
    with _table(path) as (names, _):
        return set(TAGS) <= set(names) and "pixels" not in names


def _read_csv(path: Path, default_split: str, whole: bool, tell: Progress) -> Faces:
    total, done = path.stat().st_size, 0
    pixels, labels, usages = [], [], []
    with _table(path) as (names, lines):
        for name in ("emotion", "pixels"):
            if name not in names:
                raise DataError(
                    "{path}: column {column} is missing; found: {found}. Give fer2013.csv or icml_face_data.csv as "
                    "they come from Kaggle (columns emotion, pixels, Usage), FER+'s fer2013new.csv beside one of "
                    "them, a parquet file or a folder of pictures.",
                    path=path,
                    column=name,
                    found=", ".join(names)[:80],
                )
        emotion, pixel = names.index("emotion"), names.index("pixels")
        usage = names.index("usage") if "usage" in names else None
        for row, cells in enumerate(lines):
            if len(cells) != len(names):
                raise DataError(
                    "{path}: row {row} (line {line}) has {found} cells, not {wanted}. The file was cut or changed: "
                    "fetch it again.",
                    path=path,
                    row=row,
                    line=row + 2,
                    found=len(cells),
                    wanted=len(names),
                )
            labels.append(_csv_label(path, row, cells[emotion]))
            pixels.append(_csv_pixels(path, row, cells[pixel]))
            named = "" if usage is None else cells[usage].strip()
            usages.append(next((split for split in SPLITS if split.casefold() == named.casefold()), named))
            done += len(cells[pixel])
            if not row % 256:
                tell(done, total)
    if not labels:
        raise DataError("{path}: the file has no rows below its header. Fetch it again.", path=path)
    usages = [usage or default_split for usage in usages]
    if whole:
        _insist_on_all_rows(path, Counter(usages))
    tell(total, total)
    images = np.frombuffer(b"".join(pixels), np.uint8).reshape(-1, SIDE, SIDE)
    return make_faces(images, np.array(labels), usages)


def _insist_on_all_rows(path: Path, found: Counter[str]) -> None:
    for split, count in found.items():
        if count < OFFICIAL.get(split, 0):
            raise DataError(
                "{path}: rows are missing: {found} of split {split}, where FER-2013 has {wanted}. Fetch the file "
                "again, or give --partial where a part is what you mean.",
                path=path,
                found=count,
                split=split,
                wanted=OFFICIAL[split],
            )


def _csv_label(path: Path, row: int, text: str) -> int:
    text = text.strip()
    label = int(text) if text.isdecimal() else label_of(text)
    if label is None or label >= len(Emotion):
        raise DataError(
            "{path}: row {row} (line {line}): emotion {value} is no label of FER-2013, which are 0 to 6 for {labels}. "
            "Correct or remove the row.",
            path=path,
            row=row,
            line=row + 2,
            value=repr(text),
            labels=", ".join(Emotion),
        )
    return label


def _csv_pixels(path: Path, row: int, text: str) -> bytes:
    words = text.split()
    if len(words) != SIDE * SIDE:
        raise DataError(
            "{path}: row {row} (line {line}) has {found} pixels, not 48×48 = 2304. The file was cut or changed: "
            "fetch it again.",
            path=path,
            row=row,
            line=row + 2,
            found=len(words),
        )
    try:
        return bytes(map(int, words))
    except ValueError as error:
        raise DataError(
            "{path}: row {row} (line {line}) has a pixel that is no whole number from 0 to 255. The file was "
            "changed: fetch it again.",
            path=path,
            row=row,
            line=row + 2,
        ) from error


# FER+


def _vote(text: str) -> int:
    vote = int(text)
    if not 0 <= vote <= _MOST_VOTES:
        raise ValueError(text)
    return vote


def _with_votes(faces: Faces, path: Path, *, whole_csv: bool) -> Faces:
    """The faces with FER+'s votes, joined by row and checked against the split that both name."""
    usages, counts = [], []
    with _table(path) as (names, lines):
        places = [names.index(name) for name in TAGS]
        usage = names.index("usage") if "usage" in names else None
        for row, cells in enumerate(lines):
            try:
                counts.append([_vote(cells[place]) for place in places])
            except (IndexError, ValueError) as error:
                raise DataError(
                    "{path}: row {row} (line {line}): the votes must be ten whole numbers from 0 to 100. The file was "
                    "cut or changed: fetch it again.",
                    path=path,
                    row=row,
                    line=row + 2,
                ) from error
            usages.append("" if usage is None else cells[usage].strip())
    if (whole_csv and len(counts) != len(faces)) or int(faces.rows.max()) >= len(counts):
        raise DataError(
            "{path}: {found} rows of votes for {wanted} faces; both files must hold the same rows in the same order. "
            "Give the fer2013.csv and the fer2013new.csv as they were published.",
            path=path,
            found=len(counts),
            wanted=len(faces),
        )
    for row, named in zip(faces.rows, faces.usages, strict=True):
        if usages[row] and named in OFFICIAL and usages[row] != named:
            raise DataError(
                "{path}: row {row} (line {line}) is of split {found}, but the face's row is of {wanted}: the files "
                "hold different rows. Give both as they were published.",
                path=path,
                row=row,
                line=row + 2,
                found=usages[row],
                wanted=named,
            )
    return make_faces(faces.images, faces.labels, list(faces.usages), np.array(counts)[faces.rows], faces.rows)


# Folders


def _read_folders(folder: Path, default_split: str, changes: Changes, tell: Progress) -> Faces:
    """``…/<split>/<emotion>/picture``, ``…/<emotion>/picture``, in either language; splits in names of files, too."""
    root = folder.resolve()
    pictures = []
    for path in sorted(root.rglob("*")):
        if not path.is_file() or any(part.startswith((".", "__")) for part in path.relative_to(root).parts):
            continue
        if path.suffix.lower() not in _PICTURES:
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
        splits = (path.name.partition("_")[0], *above, root.name)
        usages.append(next((_SPLITS[_folded(word)] for word in splits if _folded(word) in _SPLITS), default_split))
        images[number] = _gray(path, changes)
        if not number % 64:
            tell(number, len(pictures))
    tell(len(pictures), len(pictures))
    return make_faces(images, np.array(labels), usages)


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
