"""Every form that labelled faces come in is read the same, and what is wrong is named with its cure."""

import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mimik.errors import DataError
from mimik.lab.data import SIDE, UNSPLIT, Faces, make_faces, read_parquet, select, write_parquet
from mimik.lab.folders import Changes
from mimik.lab.formats import read_faces
from mimik.lab.names import label_of
from mimik.types import Emotion
from tests.unit.lab.pictures import faces, picture, png, write_csv, write_picture, write_votes


def assert_same(found: Faces, wanted: Faces) -> None:
    for name in Faces.__slots__:
        assert np.array_equal(getattr(found, name), getattr(wanted, name)), name


@pytest.mark.parametrize(
    "header",
    [("emotion", "pixels", "Usage"), ("emotion", " Usage", " pixels")],
    ids=["fer2013.csv", "icml_face_data.csv"],
)
def test_kaggles_files_with_votes_joined_by_row(tmp_path: Path, header: tuple[str, ...]) -> None:
    wanted = faces()
    inputs = [write_votes(tmp_path / "votes.csv", wanted), write_csv(tmp_path / "fer.csv", wanted, header)]
    assert_same(read_faces(inputs), wanted)


def test_a_file_saved_by_a_turkish_spreadsheet(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "fer.csv", faces(7, votes=False))
    path.write_text("\ufeff" + path.read_text().replace(",", ";"))
    assert_same(read_faces([path]), faces(7, votes=False))


def test_parquet_gives_back_what_was_written_and_takes_votes(tmp_path: Path) -> None:
    wanted = faces()
    plain = make_faces(wanted.images, wanted.labels, list(wanted.usages))
    write_parquet(plain, tmp_path / "fer.parquet")
    assert_same(read_faces([tmp_path / "fer.parquet"]), plain)
    write_parquet(select(plain, np.arange(5, 12)), tmp_path / "part.parquet")
    votes = write_votes(tmp_path / "votes.csv", wanted)
    assert_same(read_faces([tmp_path / "part.parquet", votes]), select(wanted, np.arange(5, 12)))
    assert_same(read_faces([tmp_path / "part.parquet"], "training"), read_parquet(tmp_path / "part.parquet"))


def test_the_columns_are_those_of_fer2013_with_votes(tmp_path: Path) -> None:
    write_parquet(faces(), tmp_path / "fer.parquet")
    schema = pq.read_schema(tmp_path / "fer.parquet")
    assert [f"{field.name}: {field.type}" for field in schema] == [
        "row: int32",
        "usage: dictionary<values=string, indices=int32, ordered=0>",
        "emotion: int8",
        "emotion_name: dictionary<values=string, indices=int32, ordered=0>",
        "image: binary",
        *(
            f"ferplus_{name}: int8"
            for name in (
                *("neutral", "happiness", "surprise", "sadness", "anger"),
                *("disgust", "fear", "contempt", "unknown", "nf"),
            )
        ),
    ]


def test_the_seeds_folders(tmp_path: Path) -> None:
    for number, emotion in enumerate(Emotion):
        write_picture(tmp_path / "images" / "train" / emotion / f"{number}.png", picture(number, number))
        write_picture(tmp_path / "images" / "validation" / emotion / "1.png", picture(10 + number, number))
        # Kaggle's archive holds the folder once more within itself.
        write_picture(tmp_path / "images" / "images" / "train" / emotion / f"{number}.png", picture(number, number))
    changes = Changes()
    found = read_faces([tmp_path], changes=changes)
    assert (len(found), changes.copies, changes.resized) == (14, 7, 0)
    assert dict(zip(*np.unique(found.usages.astype(str), return_counts=True), strict=True)) == {
        "Training": 7,
        "Validation": 7,
    }
    for number, (image, label) in enumerate(zip(found.images, found.labels, strict=True)):
        assert np.array_equal(image, picture(int(label) + (0 if number < 7 else 10), int(label)))
    assert len(read_faces([tmp_path / "images" / "validation"], "validation")) == 7


def test_splits_in_the_names_of_files(tmp_path: Path) -> None:
    write_picture(tmp_path / "train" / "happy" / "Training_10019449.png", picture(0))
    write_picture(tmp_path / "test" / "happy" / "PublicTest_31.png", picture(1))
    write_picture(tmp_path / "test" / "sad" / "PrivateTest_31.png", picture(2))
    write_picture(tmp_path / "test" / "sad" / "other.png", picture(3))
    found = read_faces([tmp_path])
    assert set(zip(found.usages, found.labels, strict=True)) == {
        ("Training", 3),
        ("PublicTest", 3),
        ("PrivateTest", 4),
        ("Test", 4),
    }


def test_a_files_name_outranks_its_folders_only_by_fer2013s_own_words(tmp_path: Path) -> None:
    write_picture(tmp_path / "own" / "train" / "happy" / "test_1.png", picture(0))
    write_picture(tmp_path / "own" / "val" / "happy" / "train_1.png", picture(1))
    write_picture(tmp_path / "own" / "sad" / "test_1.png", picture(2))
    found = read_faces([tmp_path / "own"])
    assert set(zip(found.usages, found.labels, strict=True)) == {("Training", 3), ("Validation", 3), (UNSPLIT, 4)}


def test_ones_own_folder_with_turkish_names_and_other_sizes(tmp_path: Path) -> None:
    root = tmp_path / "yüzler"
    write_picture(root / "Şaşkın" / "a.png", np.full((96, 200), 200, np.uint8))
    write_picture(root / "MUTLU" / "Ayşe" / "b.jpg", np.full((40, 40, 3), (255, 0, 0), np.uint8))
    write_picture(root / "öfkeli" / "c.png", np.full((48, 48), 7, np.uint8))
    (root / "notlar.txt").write_text("x")
    (root / ".DS_Store").write_text("x")
    changes = Changes()
    found = read_faces([root], changes=changes)
    assert sorted(found.labels) == [0, 3, 5]
    assert (found.images.shape, set(found.usages)) == ((3, SIDE, SIDE), {UNSPLIT})
    assert (changes.resized, changes.cropped, changes.coloured, dict(changes.skipped)) == (2, 1, 1, {".txt": 1})
    assert not found.votes.any()


def test_the_middle_of_a_wide_picture_is_kept(tmp_path: Path) -> None:
    image = np.zeros((96, 288), np.uint8)
    image[:, 96:192] = 255
    write_picture(tmp_path / "sad" / "a.png", image)
    assert read_faces([tmp_path]).images.min() > 230


def test_several_sets_are_one_with_new_rows(tmp_path: Path) -> None:
    write_picture(tmp_path / "own" / "sad" / "a.png", picture(99))
    found = read_faces([write_csv(tmp_path / "fer.csv", faces(7)), tmp_path / "own"], default_split="Own")
    assert list(found.rows) == list(range(8))
    assert found.usages[7] == "Own"


@pytest.mark.parametrize(
    "word", ["angry", "Öfke", "ÜZGÜN", "üzgün", "şaşkın", "Nötr", "KIZGIN", "İğrenme", "korku", "Surprise", "disgusted"]
)
def test_words_for_expressions_in_any_case(word: str) -> None:
    assert label_of(word) is not None
    assert label_of(word.lower()) == label_of(word) == label_of(f" {word}_")


def drop(line: int) -> Callable[[list[str]], list[str]]:
    return lambda lines: lines[:line] + lines[line + 1 :]


def change(line: int, old: str, new: str) -> Callable[[list[str]], list[str]]:
    return lambda lines: [text.replace(old, new, 1) if at == line else text for at, text in enumerate(lines)]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (change(0, "pixels", "picture"), "column pixels is missing; found: emotion, picture, usage"),
        (change(0, "emotion", "x"), "column emotion is missing"),
        (change(3, "2,", "9,"), r"row 2 \(line 4\): emotion '9' is no label .* 0 to 6"),
        (change(3, "2,", "bored,"), r"row 2 \(line 4\): emotion 'bored'"),
        (change(3, " ", " 256 "), r"row 2 \(line 4\) has 2305 pixels, not 48×48 = 2304"),
        (change(4, ",", ",-"), r"row 3 \(line 5\) has a pixel that is no whole number from 0 to 255"),
        (change(4, ",Training", ""), r"row 3 \(line 5\) has 2 cells, not 3"),
        (change(4, "3", ",3"), r"row 3 \(line 5\) has 4 cells, not 3"),
        (lambda lines: [*lines[:3], "", *lines[3:]], r"row 2 \(line 4\) has 0 cells"),
        (lambda lines: lines[:1], "no rows below its header"),
        (lambda lines: [], r"the file is empty\. Fetch it again"),
        (lambda lines: ["", " ", ""], r"the file is empty\. Fetch it again"),
        (lambda lines: lines[1:], "the first line must name the columns: emotion, pixels, Usage"),
    ],
)
def test_a_broken_csv_file_is_named_with_row_and_cure(
    tmp_path: Path, edit: Callable[[list[str]], list[str]], message: str
) -> None:
    path = write_csv(tmp_path / "fer.csv", faces(7))
    path.write_text("\n".join(edit(path.read_text().splitlines())))
    with pytest.raises(DataError, match=message) as caught:
        read_faces([path])
    assert str(path) in str(caught.value)


def test_an_empty_line_is_no_row(tmp_path: Path) -> None:
    values = faces(7)
    path = write_csv(tmp_path / "fer.csv", values)
    path.write_text(path.read_text() + "\n\n")
    assert len(read_faces([path, write_votes(tmp_path / "votes.csv", values)])) == 7


def test_a_picture_without_bytes_is_named(tmp_path: Path) -> None:
    write_parquet(faces(7), tmp_path / "fer.parquet")
    table = pq.read_table(tmp_path / "fer.parquet")
    pictures = [b"", *table["image"].to_pylist()[1:]]
    place = table.schema.get_field_index("image")
    pq.write_table(table.set_column(place, "image", pa.array(pictures)), tmp_path / "cut.parquet")
    with pytest.raises(DataError, match=r"cut\.parquet: row 0: the picture cannot be read"):
        read_faces([tmp_path / "cut.parquet"])


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (drop(3), "6 rows of votes for 7 faces"),
        (change(2, ",8,", ",x,"), r"row 1 \(line 3\): the votes must be ten whole numbers"),
        (change(2, ",8,", ",-8,"), r"row 1 \(line 3\): the votes must be ten whole numbers from 0"),
        (change(2, ",8,", ",800,"), r"row 1 \(line 3\): the votes must be ten whole numbers from 0"),
        (change(2, "Training", "PublicTest"), r"row 1 \(line 3\) is of split PublicTest, but .* of Training"),
        (lambda lines: [*lines, lines[-1]], "8 rows of votes for 7 faces"),
    ],
)
def test_votes_that_do_not_fit_are_named(tmp_path: Path, edit: Callable[[list[str]], list[str]], message: str) -> None:
    values = faces(7)
    votes = write_votes(tmp_path / "votes.csv", values)
    votes.write_text("\n".join(edit(votes.read_text().splitlines())))
    with pytest.raises(DataError, match=message):
        read_faces([write_csv(tmp_path / "fer.csv", values), votes])


def test_votes_go_with_one_file_of_rows_alone(tmp_path: Path) -> None:
    votes = write_votes(tmp_path / "votes.csv", faces(7))
    write_picture(tmp_path / "own" / "sad" / "a.png", picture(0))
    for inputs in ([votes], [tmp_path / "own", votes], [write_csv(tmp_path / "fer.csv", faces(7)), votes, votes]):
        with pytest.raises(DataError, match="joined by row to one"):
            read_faces(inputs)


def test_rows_that_are_missing_of_a_whole_file(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "fer.csv", faces(7))
    assert len(read_faces([path])) == 7
    with pytest.raises(DataError, match="rows are missing: 5 of split Training, where FER-2013 has 28709"):
        read_faces([path], whole=True)


def test_a_file_that_ends_after_a_split_is_not_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimik.lab.formats.OFFICIAL", {"Training": 5, "PublicTest": 2})
    values = faces(7)
    assert list(values.usages) == ["Training"] * 5 + ["PublicTest"] * 2
    assert len(read_faces([write_csv(tmp_path / "fer.csv", values)], whole=True)) == 7
    cut = write_csv(tmp_path / "cut.csv", select(values, np.arange(5)))
    with pytest.raises(DataError, match="rows are missing: 0 of split PublicTest, where FER-2013 has 2"):
        read_faces([cut], whole=True)
    own = write_csv(tmp_path / "own.csv", faces(7, usages=["Own"] * 7))
    assert len(read_faces([own], whole=True)) == 7


def test_folders_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file or folder"):
        read_faces([tmp_path / "nowhere"])
    with pytest.raises(DataError, match="no pictures in this folder"):
        read_faces([tmp_path])
    write_picture(tmp_path / "train" / "contempt" / "a.png", picture(0))
    with pytest.raises(DataError, match=r"folder contempt is no expression. Name the folders angry"):
        read_faces([tmp_path])
    broken = tmp_path / "own" / "sad" / "broken.jpg"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"\xff\xd8\xff nonsense")
    with pytest.raises(DataError, match=r"broken.jpg: the picture cannot be read .* Replace it"):
        read_faces([tmp_path / "own"])


def test_an_unknown_split_names_those_that_are_there(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "fer.csv", faces())
    assert len(read_faces([path], "PUBLICTEST")) == 7
    with pytest.raises(DataError, match=r"no row is in split PrivateTest. Its splits: Training, PublicTest"):
        read_faces([path], "PrivateTest")


def test_a_text_that_is_no_csv(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"emotion\xff\xfe\x81")
    with pytest.raises(DataError, match="not a CSV file"):
        read_faces([tmp_path / "x.csv"])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named(tmp_path: Path, encoding: str) -> None:
    path = write_csv(tmp_path / "fer.csv", faces(7))
    path.write_text(path.read_text(), encoding=encoding)
    with pytest.raises(DataError, match=r"in UTF-16\. Open it and save it as UTF-8"):
        read_faces([path])


def test_what_is_no_table_is_named_with_what_it_is(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("fer2013.csv", "emotion,pixels,Usage")
    with pytest.raises(DataError, match=r"archive\.zip: an archive\. Unpack it"):
        read_faces([tmp_path / "archive.zip"])
    write_picture(tmp_path / "face.png", picture(0))
    with pytest.raises(
        DataError, match=r"face\.png: neither a CSV file nor a parquet file\. Of pictures, give the folder"
    ):
        read_faces([tmp_path / "face.png"])
    pq.write_table(
        pa.table({"emotion": pa.array([], pa.int8()), "image": pa.array([], pa.binary())}), tmp_path / "no.parquet"
    )
    with pytest.raises(DataError, match=r"no\.parquet: the file has no rows\. Fetch it again"):
        read_faces([tmp_path / "no.parquet"])


def test_votes_that_lack_a_column_are_still_known_as_votes(tmp_path: Path) -> None:
    votes = write_votes(tmp_path / "votes.csv", faces(7))
    votes.write_text(votes.read_text().replace("fear", "angst", 1))
    with pytest.raises(DataError, match=r"votes\.csv: column fear is missing; FER\+'s fer2013new\.csv has neutral, "):
        read_faces([write_csv(tmp_path / "fer.csv", faces(7)), votes])


def test_whole_numbers_as_pandas_writes_them_beside_a_missing_one(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "fer.csv", faces(7, votes=False))
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *(row.replace(",", ".0,", 1) for row in rows)]))
    assert_same(read_faces([path]), faces(7, votes=False))


def other(path: Path, **columns: Any) -> Path:
    """A parquet file as others make them: PNG bytes within a structure, and ``label``."""
    values = faces(7)
    pictures = [{"bytes": png(image), "path": None} for image in values.images]
    pq.write_table(pa.table({"image": pictures, "label": values.labels} | columns), path)
    return path


def test_parquet_of_others_needs_neither_votes_nor_usage(tmp_path: Path) -> None:
    path = other(tmp_path / "other.parquet")
    values = faces(7)
    assert_same(read_faces([path]), make_faces(values.images, values.labels, [UNSPLIT] * 7))
    assert set(read_faces([path], default_split="Own").usages) == {"Own"}
    named = other(tmp_path / "named.parquet", usage=["Test"] * 6 + ["Training"])
    assert len(read_faces([named], "Test")) == 6
    capital = other(tmp_path / "capital.parquet", Usage=["Test"] * 6 + ["Training"])
    assert len(read_faces([capital], "Test")) == 6
    both = other(tmp_path / "both.parquet", emotion=[6] * 7)
    assert set(read_faces([both]).labels) == {6}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": [0, 1, 9, 3, 4, 5, 6]}, r"row 2: label 9 is no label .* for angry, .*\. Correct or remove the row"),
        ({"label": list("abcdefg")}, r"row 0: label is a, not a whole number\. Correct or remove the row"),
        (
            {"image": [png(picture(0)), png(np.zeros((50, 60), np.uint8))] + [png(picture(0))] * 5},
            r"row 1: the picture is 60×50 pixels, not 48×48\. Import the pictures as a folder with `mimik dataset",
        ),
        ({"ferplus_neutral": [1] * 7}, r"column ferplus_happiness is missing\. .* for FER\+ votes all of: ferplus_neu"),
    ],
)
def test_what_is_wrong_in_parquet_is_named_with_its_cure(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_faces([other(tmp_path / "other.parquet", **columns)])


def test_a_file_that_only_looks_like_parquet(tmp_path: Path) -> None:
    (tmp_path / "fer.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"not a parquet file that can be read .* import the original data again"):
        read_faces([tmp_path / "fer.parquet"])
    pq.write_table(pa.table({"label": [1]}), tmp_path / "bare.parquet")
    with pytest.raises(
        DataError, match=r"column image is missing\. The columns must be emotion \(or label\) and image"
    ):
        read_faces([tmp_path / "bare.parquet"])


def test_parquet_is_part_of_every_installation() -> None:
    """And costs nothing where no parquet file is read."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert any(text.startswith("pyarrow>=") for text in project["dependencies"])
    assert "parquet" not in project["optional-dependencies"]
    program = "import sys\nfrom mimik.cli import main\nmain(['dataset', 'import', '--help'])\n"
    program += "assert 'pyarrow' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
