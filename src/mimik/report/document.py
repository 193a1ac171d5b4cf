"""What a report consists of, before it becomes HTML or PDF: blocks in the order they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mimik.report.charts import Figure

__all__ = ["Block", "Bullets", "Chapter", "Document", "Facts", "Note", "Picture", "Prose"]


@dataclass(frozen=True, slots=True)
class Chapter:
    """A heading of the second level."""

    title: str


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """Sentences, one a line; `leading` ones are set larger."""

    lines: tuple[str, ...]
    leading: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what they are: the small print of a session."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Something nobody may miss, in a box."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure."""

    figure: Figure


Block = Chapter | Prose | Bullets | Facts | Note | Picture


@dataclass(frozen=True, slots=True)
class Document:
    """A report.

    Attributes:
        language: ``en`` or ``tr``.
        title: the heading.
        subtitle: date and purpose, beneath it.
        blocks: what follows, in order.
        version: of the Mimik that recorded what it tells of; may be empty.
    """

    language: str
    title: str
    subtitle: str
    blocks: Sequence[Block]
    version: str = ""
