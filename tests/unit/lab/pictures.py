"""Made-up faces in the forms that real data come in."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mimik.lab.data import FERPLUS, TAGS, Faces, make_faces


def picture(number: int, label: int = 0) -> np.ndarray:
    """A picture like no other: noise with a bar whose height tells the label."""
    image = np.random.default_rng(number).integers(0, 90, (48, 48), dtype=np.uint8)
    image[6 * label + 2 : 6 * label + 8] += 150
    return image


def faces(count: int = 28, *, votes: bool = True, usages: Sequence[str] | None = None) -> Faces:
    """A set with every class; a quarter are PublicTest, three quarters Training."""
    labels = np.arange(count) % 7
    images = np.stack([picture(number, int(label)) for number, label in enumerate(labels)])
    counts = np.zeros((count, len(TAGS)), np.int64)
    if votes:
        order = [FERPLUS.index(name) for name in FERPLUS_OF_FER]
        counts[np.arange(count), np.array(order)[labels]] = 8
        counts[:, 8] = 2
    named = ["PublicTest" if number >= count * 3 // 4 else "Training" for number in range(count)]
    return make_faces(images, labels, named if usages is None else usages, counts)


FERPLUS_OF_FER = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")


def write_csv(path: Path, values: Faces, header: Sequence[str] = ("emotion", "pixels", "Usage")) -> Path:
    """Kaggle's file; the header's order says the columns'."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for image, label, usage in zip(values.images, values.labels, values.usages, strict=True):
            cells = {"emotion": label, "pixels": " ".join(map(str, image.ravel())), "usage": usage}
            writer.writerow([cells[name.strip().lower()] for name in header])
    return path


def write_votes(path: Path, values: Faces) -> Path:
    """FER+'s file."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Usage", "Image name", *FERPLUS, "unknown", "NF"])
        for row, (usage, counts) in enumerate(zip(values.usages, values.counts, strict=True)):
            writer.writerow([usage, f"fer{row:07}.png", *counts])
    return path


def write_picture(path: Path, image: np.ndarray) -> Path:
    """A picture with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def png(image: np.ndarray) -> bytes:
    """A picture as PNG bytes."""
    data = io.BytesIO()
    Image.fromarray(image).save(data, "PNG")
    return data.getvalue()
