"""Draws results onto pictures, and makes faces unrecognisable."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from mimik.types import Box, Face, FrameResult, Image, State
from mimik.words import EMOTION_COLOURS, emotion_name, font_path, gender_name, reason_name, translate

__all__ = ["Anonymiser", "Overlay", "anonymise"]

_Colour = tuple[int, int, int]

_BLACK: _Colour = (0, 0, 0)
_WHITE: _Colour = (255, 255, 255)
_UNCERTAIN: _Colour = (60, 60, 60)
_WITHHELD: _Colour = (225, 225, 225)
_CELLS = 4
_GROWTH = 0.15
_CROWN = 0.35
_HOLD_S = 0.5


def _bgr(code: str) -> _Colour:
    return int(code[5:7], 16), int(code[3:5], 16), int(code[1:3], 16)


_COLOURS = {emotion: _bgr(code) for emotion, code in EMOTION_COLOURS.items()}


class Overlay:
    """Draws boxes and labels.

    A sure face has a box and a label in its expression's colour; an uncertain one a dashed box, a dark label and a
    question mark; a withheld one a dotted box and the reason. Every line has a dark edge and every text a ground of its
    own, so that both can be read on any picture. Sizes follow the picture's. Age and gender stand behind, where known.

    Args:
        language: ``en`` or ``tr``.
    """

    def __init__(self, language: str = "en") -> None:
        self._language = language

    def draw(self, result: FrameResult) -> Image:
        """A copy of the result's picture with its faces drawn in."""
        return self.draw_on(result.frame.image, result.faces)

    def draw_on(self, image: Image, faces: Iterable[Face]) -> Image:
        """A copy of a picture, ``(H, W, 3)`` uint8 BGR, with faces drawn in."""
        canvas: Image = image.copy()
        short = min(canvas.shape[:2])
        size = int(np.clip(round(short / 32), 11, 96))
        thickness = max(2, round(short / 300))
        faces = tuple(faces)
        for face in faces:
            _outline(canvas, face, thickness)
        for face in faces:  # labels last: no box may cross them
            self._label(canvas, face, size, thickness)
        return canvas

    def _label(self, canvas: Image, face: Face, size: int, thickness: int) -> None:
        texts = [] if face.track_id is None else [f"#{face.track_id}"]
        label = face.label
        if face.state is State.WITHHELD or label is None:
            ground = _WITHHELD
            if face.reason is not None:
                texts.append(reason_name(face.reason, self._language))
        else:
            name = emotion_name(label, self._language)
            percent = translate("{percent}%", self._language, percent=round(face.emotions[label] * 100))
            sure = face.state is State.SURE
            ground = _COLOURS[label] if sure else _UNCERTAIN
            texts += [name if sure else f"{name}?", percent]
        if face.attributes is not None:
            low, high = face.attributes.age
            share = translate("{percent}%", self._language, percent=round(face.attributes.gender_probability * 100))
            texts.append(f"· {low}–{high} · {gender_name(face.attributes.gender, self._language)} {share}")
        if not texts:
            return
        label_image, mask = _pill(tuple(texts), size, ground)
        height, width = mask.shape
        x, y = _place(canvas, face.detection.box, width, height, thickness)
        part = canvas[y : y + height, x : x + width]
        shown = np.s_[: part.shape[0], : part.shape[1]]
        np.copyto(part, label_image[shown], where=mask[shown][..., None])


def _luminance(colour: _Colour) -> float:
    """Relative luminance, 0–1 (WCAG 2.2); above 0.18 black ink has more contrast than white."""
    blue, green, red = (
        (value / 255 / 12.92) if value <= 10 else (((value / 255 + 0.055) / 1.055) ** 2.4) for value in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _outline(canvas: Image, face: Face, thickness: int) -> None:
    x1, y1, x2, y2 = (round(value) for value in face.detection.box)
    edge = thickness + 2 * max(1, thickness // 3)
    if face.state is State.SURE and face.label is not None:
        cv2.rectangle(canvas, (x1, y1), (x2, y2), _BLACK, edge)
        cv2.rectangle(canvas, (x1, y1), (x2, y2), _COLOURS[face.label], thickness)
        return
    pieces = 9 if face.state is State.UNCERTAIN else 25
    for colour, width in ((_BLACK, edge), (_WHITE, thickness)):
        for start, end in _dashes(x1, y1, x2, y2, pieces):
            cv2.line(canvas, start, end, colour, width)


def _dashes(x1: int, y1: int, x2: int, y2: int, pieces: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """A rectangle's sides cut into an odd number of pieces, every other one of them: corners are always drawn."""
    xs = np.linspace(x1, x2, pieces + 1).round().astype(int).tolist()
    ys = np.linspace(y1, y2, pieces + 1).round().astype(int).tolist()
    across = [((xs[i], y), (xs[i + 1], y)) for y in (y1, y2) for i in range(0, pieces, 2)]
    down = [((x, ys[i]), (x, ys[i + 1])) for x in (x1, x2) for i in range(0, pieces, 2)]
    return across + down


def _place(canvas: Image, box: Box, width: int, height: int, thickness: int) -> tuple[int, int]:
    """The label's corner: on the box, else under it, else inside it; within the picture where it fits at all."""
    rows, columns = canvas.shape[:2]
    y = round(box.y1) - height - thickness
    if y < 0:
        y = round(box.y2) + thickness
        if y + height > rows:
            y = max(0, round(box.y1) + thickness)
    return max(0, min(round(box.x1) - thickness, columns - width)), max(0, min(y, rows - height))


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font_path()), size)


# Percentages change with every frame but come back: a label is made once and copied from then on.
@lru_cache(maxsize=256)
def _pill(texts: tuple[str, ...], size: int, ground: _Colour) -> tuple[Image, NDArray[np.bool_]]:
    """A label, ``(H, W, 3)`` BGR, and which of its pixels belong to it: its corners are round."""
    font = _font(size)
    text = " ".join(texts)
    width = round(font.getlength(text)) + size
    height = sum(font.getmetrics()) + size // 3
    ink = _BLACK if _luminance(ground) > 0.18 else _WHITE
    label = PillowImage.new("RGB", (width, height), ground)  # Pillow need not know that this is BGR
    ImageDraw.Draw(label).text((size // 2, size // 6), text, fill=ink, font=font)
    mask = PillowImage.new("1", (width, height), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width - 1, height - 1), radius=height // 3, fill=1)
    return np.array(label), np.array(mask)


def anonymise(image: Image, boxes: Iterable[Box]) -> Image:
    """A copy of a picture in which faces cannot be recognised.

    Each head (the box and 15 % to its sides, 35 % above for forehead and hair) becomes 4 × 4 plain cells of its mean
    colours. Nothing finer is left in the pixels, so no sharpening brings the face back.

    Args:
        image: ``(H, W, 3)`` uint8, BGR.
        boxes: faces, brow to chin. A face that is not among them stays as it is.
    """
    canvas: Image = image.copy()
    rows, columns = canvas.shape[:2]
    for box in boxes:
        left = max(0, int(np.floor(box.x1 - _GROWTH * box.width)))
        right = min(columns, int(np.ceil(box.x2 + _GROWTH * box.width)))
        top = max(0, int(np.floor(box.y1 - _CROWN * box.height)))
        bottom = min(rows, int(np.ceil(box.y2 + _GROWTH * box.height)))
        if left >= right or top >= bottom:
            continue
        # From the untouched picture: where heads overlap, no cell averages another's cells.
        cells = cv2.resize(image[top:bottom, left:right], (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
        canvas[top:bottom, left:right] = cv2.resize(
            cells, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST
        )
    return canvas


class Anonymiser:
    """`anonymise` over a video: a person whom the detector loses stays hidden for half a second more.

    Made for one source; it remembers who was seen.
    """

    def __init__(self) -> None:
        self._seen: dict[int, tuple[float, Box]] = {}

    def hide(self, result: FrameResult) -> Image:
        """A copy of the result's picture with its faces, and those of people just lost, made unrecognisable."""
        now = result.frame.time_s
        self._seen = {i: (when, box) for i, (when, box) in self._seen.items() if 0 <= now - when <= _HOLD_S}
        self._seen |= {face.track_id: (now, face.detection.box) for face in result.faces if face.track_id is not None}
        boxes = [face.detection.box for face in result.faces if face.track_id is None]
        return anonymise(result.frame.image, boxes + [box for _, box in self._seen.values()])
