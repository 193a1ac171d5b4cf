"""The forms that labelled faces come in: Kaggle's CSV files, folders of pictures, FER+ votes, parquet.

Every reader gives `Faces`: gray 48×48 pictures with the seven labels of FER-2013 and the split that each is in.
"""

import csv
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np

from mimik.errors import DataError
from mimik.lab.data import SIDE, TAGS, UNSPLIT, Faces, Progress, join, make_faces, read_parquet, select
from mimik.lab.folders import PICTURES, Changes, read_folders
from mimik.lab.names import OFFICIAL, SPLITS, folded, label_of
from mimik.types import Emotion

__all__ = ["pick_split", "read_faces"]

_MOST_VOTES = 100


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
            parts.append(read_folders(path, default_split, changes, tell))
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
    chosen = np.array([folded(usage) == folded(split) for usage in faces.usages], bool)
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
            names = [folded(name) for name in next(csv.reader([first], delimiter=separator), [])]
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
    if start.startswith(b"PK\3\4"):
        raise DataError("{path}: an archive. Unpack it, and give the file or the folder in it.", path=path)
    if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or _is_utf16(start):
        raise DataError("{path}: the text is in UTF-16. Open it and save it as UTF-8.", path=path)
    if b"\0" in start or path.suffix.lower() in PICTURES:
        raise DataError(
            "{path}: neither a CSV file nor a parquet file. Of pictures, give the folder that holds one folder an "
            "expression: {labels}.",
            path=path,
            labels=", ".join(Emotion),
        )
    first = file.readline()
    if not first.strip() and not any(map(str.strip, file)):
        raise DataError("{path}: the file is empty. Fetch it again.", path=path)
    return first


def _is_utf16(start: bytes) -> bool:
    """Whether every other byte is zero, as in English text without a mark at its beginning."""
    return len(start) > 1 and (not any(start[1::2]) or not any(start[::2]))


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
        return len(set(TAGS) & set(names)) > 1 and not {"pixels", "emotion"} & set(names)


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
    if not found.keys() & OFFICIAL.keys():
        return
    for split, wanted in OFFICIAL.items():
        if found[split] < wanted:
            raise DataError(
                "{path}: rows are missing: {found} of split {split}, where FER-2013 has {wanted}. Fetch the file "
                "again, or give --partial where a part is what you mean.",
                path=path,
                found=found[split],
                split=split,
                wanted=wanted,
            )


def _csv_label(path: Path, row: int, text: str) -> int:
    text = text.strip()
    number = text.removesuffix(".0")  # as pandas writes whole numbers beside a missing one
    label = int(number) if number.isdecimal() else label_of(text)
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
        for name in TAGS:
            if name not in names:
                raise DataError(
                    "{path}: column {column} is missing; FER+'s fer2013new.csv has {wanted}. Fetch it again.",
                    path=path,
                    column=name,
                    wanted=", ".join(TAGS),
                )
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
