"""A report as a PDF on A4: the same document, its figures drawn for paper."""

from __future__ import annotations

from typing import Any

from fpdf import FPDF

from mimik.report.charts import Figure
from mimik.report.document import Bullets, Chapter, Document, Facts, Note, Picture, Prose
from mimik.report.drawing import draw, height_mm
from mimik.report.speech import Speech
from mimik.words import font_path

__all__ = ["Paper", "render_pdf"]

_INK = (0, 0, 0)
_SOFT = (70, 70, 70)
_FONT = "DejaVu"


def render_pdf(document: Document) -> bytes:
    """The document as a PDF with its fonts in it; legible without colours."""
    paper = Paper(document)
    paper.write()
    return bytes(paper.pdf.output())


class _Pages(FPDF):
    """A4 pages with a running foot."""

    def __init__(self, foot: str) -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4")
        self.foot = foot

    def footer(self) -> None:
        """The foot: what this is, and the page's number."""
        self.set_y(-12)
        self.set_font(_FONT, "", 8)
        self.set_text_color(*_SOFT)
        number = f"{self.page_no()} / {{nb}}"
        room = self.epw - 24
        self.cell(room, 5, _shortened(self, self.foot, room - 2))
        self.cell(24, 5, number, align="R")


class Paper:
    """A document being laid out.

    Args:
        document: what to lay out.

    Attributes:
        pdf: the pages.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.speech = Speech(document.language)
        pdf: Any = _Pages("")
        self.pdf = pdf
        pdf.add_font(_FONT, "", font_path())
        pdf.add_font(_FONT, "B", font_path().with_name("DejaVuSans-Bold.ttf"))
        pdf.set_margins(17, 14, 17)
        pdf.set_auto_page_break(True, margin=17)
        pdf.alias_nb_pages()
        pdf.foot = self.safe(document.title)
        pdf.set_title(self.safe(document.title))
        pdf.set_subject(self.safe(document.subtitle))
        pdf.set_author("Mimik")
        pdf.set_creator("Mimik")
        pdf.set_lang({"en": "en-GB", "tr": "tr-TR"}[document.language])
        pdf.set_page_background(None)

    def safe(self, text: str) -> str:
        """The text with a sign in place of every letter that the font lacks."""
        known = self.pdf.fonts[_FONT.lower()].cmap
        return "".join(letter if ord(letter) in known else "\ufffd" for letter in text)

    def write(self) -> None:
        """Lay everything out."""
        pdf, document = self.pdf, self.document
        pdf.add_page()
        self._text(self.speech.say("Mimik report"), 9, bold=True, ink=_SOFT)
        self._text(document.title, 19, bold=True, line=1.2)
        self._text(document.subtitle, 10, ink=_SOFT, after=1.5)
        self._rule(0.7)
        pdf.ln(3)
        for block in document.blocks:
            match block:
                case Chapter(title):
                    self._chapter(title)
                case Prose(text):
                    self._text(text, 9, after=2)
                case Bullets(lines, leading):
                    self._bullets(lines, leading)
                case Facts(pairs):
                    self._facts(pairs)
                case Note(title, lines):
                    self._note(title, lines)
                case Picture(figure):
                    self._picture(figure)

    def _text(
        self,
        text: str,
        size: float,
        *,
        bold: bool = False,
        ink: tuple[int, int, int] = _INK,
        after: float = 0.0,
        indent: float = 0.0,
        line: float = 1.38,
    ) -> None:
        pdf = self.pdf
        pdf.set_font(_FONT, "B" if bold else "", size)
        pdf.set_text_color(*ink)
        pdf.set_x(pdf.l_margin + indent)
        height = size * 0.3528 * line
        pdf.multi_cell(pdf.epw - indent, height, self.safe(text), align="L", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(after)

    def _rule(self, width: float) -> None:
        self.pdf.set_draw_color(*_INK)
        self.pdf.set_line_width(width)
        self.pdf.line(self.pdf.l_margin, self.pdf.get_y(), self.pdf.l_margin + self.pdf.epw, self.pdf.get_y())

    def _room(self, height: float) -> None:
        """A new page unless so much is left on this one."""
        if self.pdf.get_y() + height > self.pdf.h - self.pdf.b_margin:
            self.pdf.add_page()

    def _chapter(self, title: str) -> None:
        self._room(26)
        self.pdf.ln(2.5)
        self.pdf.set_font(_FONT, "B", 13)
        self.pdf.start_section(self.safe(title), level=0)
        self._text(title, 13, bold=True, after=1.5)

    def _bullets(self, lines: tuple[str, ...], leading: bool) -> None:
        size = 10.5 if leading else 8.8
        for line in lines:
            self._room(size)
            self.pdf.set_font(_FONT, "", size)
            self.pdf.set_text_color(*_INK)
            self.pdf.text(self.pdf.l_margin + 1, self.pdf.get_y() + size * 0.3528 * 1.02, "•")
            self._text(line, size, bold=leading and line is lines[0], indent=5, after=1.2)
        self.pdf.ln(1.5)

    def _facts(self, pairs: tuple[tuple[str, str], ...]) -> None:
        pdf = self.pdf
        pdf.set_draw_color(150, 150, 150)
        pdf.set_line_width(0.15)
        for name, fact in pairs:
            pdf.set_font(_FONT, "", 8.5)
            texts = self.safe(name), self.safe(fact)
            widths = 48.0, pdf.epw - 50
            heights = [
                pdf.multi_cell(width, 4.1, text, dry_run=True, output="HEIGHT", align="L")
                for width, text in zip(widths, texts, strict=True)
            ]
            self._room(max(heights) + 2)
            top = pdf.get_y() + 0.8
            for text, width, left, ink in zip(texts, widths, (0, 50), (_SOFT, _INK), strict=True):
                pdf.set_xy(pdf.l_margin + left, top)
                pdf.set_text_color(*ink)
                pdf.multi_cell(width, 4.1, text, align="L")
            pdf.set_xy(pdf.l_margin, top + max(heights) + 0.8)
            pdf.line(pdf.l_margin, pdf.get_y(), pdf.l_margin + pdf.epw, pdf.get_y())
        pdf.ln(3)

    def _note(self, title: str, lines: tuple[str, ...]) -> None:
        pdf = self.pdf
        pdf.set_font(_FONT, "", 9)
        room = sum(
            pdf.multi_cell(pdf.epw - 6, 4.5, self.safe(line), dry_run=True, output="HEIGHT", align="L") + 1
            for line in (title, *lines)
        )
        self._room(room + 8)
        top = pdf.get_y()
        pdf.ln(2.5)
        self._text(title, 9.5, bold=True, indent=6, after=1)
        for line in lines:
            self._text(line, 9, indent=6, after=1)
        pdf.ln(1.5)
        pdf.set_draw_color(*_INK)
        pdf.set_line_width(0.5)
        pdf.rect(pdf.l_margin, top, pdf.epw, pdf.get_y() - top)
        pdf.set_fill_color(*_INK)
        pdf.rect(pdf.l_margin, top, 2, pdf.get_y() - top, style="F")
        pdf.ln(4)

    def _picture(self, figure: Figure) -> None:
        pdf = self.pdf
        height = height_mm(figure.plotly, pdf.epw)
        self._room(height + (16 if figure.note else 8))
        self._text(figure.title, 10.5, bold=True, after=1)
        top = pdf.get_y()
        # fpdf2 gives words for the blind to pictures alone; this is what it does for them.
        with pdf._marked_sequence(title=self.safe(figure.title), alt_text=self.safe(figure.alt)):
            draw(self, figure.plotly, pdf.l_margin, top, pdf.epw)
        pdf.set_xy(pdf.l_margin, top + height + 0.5)
        if figure.note:
            self._text(figure.note, 8, ink=_SOFT)
        pdf.ln(3)


def _shortened(pdf: Any, text: str, room: float) -> str:
    while text and pdf.get_string_width(text) > room:
        text = text[:-2].rstrip() + "…" if len(text) > 2 else ""
    return text
