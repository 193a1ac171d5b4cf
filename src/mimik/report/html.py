"""A report as one HTML file that opens from a disk without a network."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mimik.report.document import Bullets, Chapter, Document, Facts, Note, Picture, Prose
from mimik.report.plotly import PLOTLY
from mimik.report.speech import Speech

__all__ = ["embedded", "render_html"]


def render_html(document: Document) -> str:
    """The document as HTML: text, figures drawn by Plotly's own script within it, the numbers in tables behind them."""
    speech = Speech(document.language)
    plotly, drawing = _scripts()
    return (
        _environment()
        .get_template("report.html")
        .render(
            document=document,
            kind=speech.say("Mimik report"),
            numbers=speech.say("The numbers behind it"),
            footer=speech.say(
                "Made with Mimik {version}. Read on the computer that runs Mimik, which sent nothing to others.",
                version=document.version,
            ),
            style=_template("report.css"),
            plotly=plotly,
            drawing=drawing,
            hashes=[f"'sha256-{_digest(script)}'" for script in (plotly, drawing)],
        )
    )


def embedded(value: Any) -> Markup:
    """A value as JSON that may stand within a script element, whatever texts are in it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - every sign that could end the element is gone


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mimik.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["embedded"] = embedded
    kinds = {"chapter": Chapter, "prose": Prose, "bullets": Bullets, "facts": Facts, "note": Note, "picture": Picture}
    environment.tests |= {name: lambda block, kind=kind: isinstance(block, kind) for name, kind in kinds.items()}
    return environment


@cache
def _template(name: str) -> str:
    return (files("mimik.report") / "templates" / name).read_text(encoding="utf-8")


@cache
def _scripts() -> tuple[str, str]:
    return PLOTLY.read_text(encoding="utf-8"), _template("report.js")


@cache
def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
