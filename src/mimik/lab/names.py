"""The words by which labels and splits are known in files and folders, in English and Turkish."""

import unicodedata

from mimik.types import Emotion

__all__ = ["OFFICIAL", "SPLITS", "folded", "label_of", "split_of"]

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


def label_of(word: str) -> int | None:
    """``Happy``, ``mutlu`` or ``Üzgün`` → the FER-2013 label; None where the word is no expression."""
    return _LABELS.get(folded(word))


def split_of(word: str) -> str | None:
    """``train`` or ``Eğitim`` → ``Training``; None where the word is no split."""
    return _SPLITS.get(folded(word))


def folded(word: str) -> str:
    """Small letters without marks or signs: ``Şaşkın `` → ``saskin``."""
    plain = unicodedata.normalize("NFKD", word.replace("ı", "i").replace("İ", "i").casefold())
    return "".join(letter for letter in plain if letter.isalnum())
