"""One self-contained HTML page: headings, tables, pictures and Plotly figures, readable without a network."""

import base64
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mimik.report.plotly import PLOTLY

__all__ = ["Page", "mosaic"]

Figure = dict[str, Any]
"""A Plotly figure: ``data`` and ``layout``."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1d1d1f; --quiet: #5f6368; --line: #d9d9de; --ground: #fff; --raised: #f6f6f8 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececf0; --quiet: #a3a3ab; --line: #3b3b42; --ground: #16161a; --raised: #202026 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 66rem; color: var(--ink); background: var(--ground);
  font: 16px/1.55 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .25rem } h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem }
p { margin: .4rem 0; max-width: 46rem } .quiet, figcaption { color: var(--quiet); font-size: .9rem }
.scroll { overflow-x: auto; margin: .75rem 0 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem }
th, td { padding: .35rem .8rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top }
td + td { white-space: nowrap }
th:first-child, td:first-child { text-align: left } thead th { color: var(--quiet); font-weight: 600 }
figure { margin: 1rem 0 } .plot { width: 100% } img { max-width: 100%; image-rendering: pixelated; border-radius: 4px }
"""

_SCRIPT = """
// "$.1%" is a percentage with its sign on the language's side: before the number in Turkish.
const locale = document.documentElement.lang;
const locales = {
  en: { format: { currency: ["", "%"] } },
  tr: { format: { currency: ["%", ""], decimal: ",", thousands: "." } },
};
const dark = matchMedia("(prefers-color-scheme: dark)");
function draw() {
  const ink = dark.matches ? "#ececf0" : "#1d1d1f", line = dark.matches ? "#3b3b42" : "#d9d9de";
  for (const place of document.querySelectorAll(".plot")) {
    const figure = JSON.parse(place.nextElementSibling.textContent);
    const layout = { ...figure.layout, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif", size: 13, color: ink } };
    for (const key of Object.keys(layout).filter((key) => /^[xy]axis/.test(key)))
      layout[key] = { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: true, ...layout[key] };
    const data = figure.data.map((part) => (part.type === "heatmap" ? { ...part, textfont: { color: ink } } : part));
    Plotly.react(place, data, layout, { responsive: true, displaylogo: false, displayModeBar: false, locale, locales });
  }
}
draw();
dark.addEventListener("change", draw);
"""


class Page:
    """Gathers a page's parts and writes it. Texts come translated.

    Args:
        title: the page's heading.
        language: its language, for screen readers and hyphenation.
    """

    def __init__(self, title: str, language: str) -> None:
        self._title, self._language = title, language
        self._parts: list[str] = []
        self._plots = 0

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._parts.append(f"<h2>{html.escape(text)}</h2>")

    def paragraph(self, text: str, *, quiet: bool = False) -> None:
        """Add a paragraph; a quiet one is for remarks."""
        self._parts.append(f"<p{' class=quiet' if quiet else ''}>{html.escape(text)}</p>")

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table whose first column names the rows."""
        head = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in headings)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        self._parts.append(
            f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        )

    def figure(self, figure: Figure, description: str) -> None:
        """Add a Plotly figure; the description is for people who do not see it."""
        self._plots += 1
        height = int(figure["layout"].get("height", 420))
        data = json.dumps(figure, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
        self._parts.append(
            f'<figure><div class="plot" role="img" aria-label="{html.escape(description)}" style="height:{height}px">'
            f'</div><script type="application/json">{data}</script></figure>'
        )

    def picture(self, image: NDArray[np.uint8], description: str, *, zoom: int = 1) -> None:
        """Add a picture, ``(H, W)`` gray or ``(H, W, 3)`` BGR, with its description as caption."""
        if zoom > 1:
            image = np.asarray(np.repeat(np.repeat(image, zoom, 0), zoom, 1), np.uint8)
        data = base64.b64encode(cv2.imencode(".png", image)[1].tobytes()).decode()
        text = html.escape(description)
        self._parts.append(
            f'<figure><img src="data:image/png;base64,{data}" alt="{text}" width="{image.shape[1]}" '
            f'height="{image.shape[0]}" style="height:auto"><figcaption>{text}</figcaption></figure>'
        )

    def matrix(
        self,
        names: Sequence[str],
        shares: NDArray[np.float64],
        cells: Sequence[Sequence[str]],
        axes: tuple[str, str],
        description: str,
    ) -> None:
        """Add a square heat map.

        Args:
            names: what rows and columns stand for.
            shares: each cell's colour, 0–1, row by row.
            cells: each cell's text.
            axes: what the rows are, what the columns are.
            description: as for `figure`.
        """
        down, across = axes
        trace = {
            "type": "heatmap",
            "z": shares.round(4).tolist(),
            "x": names,
            "y": names,
            "text": cells,
            "texttemplate": "%{text}",
            "hovertemplate": "%{y} → %{x}: %{text}<extra></extra>",
            "colorscale": [[0, "rgba(0,114,178,0.03)"], [1, "rgba(0,114,178,0.55)"]],
            "zmin": 0,
            "zmax": 1,
            "showscale": False,
        }
        layout = {
            "height": 520,
            "margin": {"t": 10},
            "xaxis": {"title": {"text": across}, "showgrid": False},
            "yaxis": {"autorange": "reversed", "showgrid": False, "title": {"text": down}},
        }
        self.figure({"data": [trace], "layout": layout}, description)

    def write(self, path: Path) -> None:
        """Write the page; Plotly's own code is in it where a figure needs it."""
        scripts = ""
        if self._plots:
            scripts = f"<script>{PLOTLY.read_text(encoding='utf-8')}</script><script>{_SCRIPT}</script>"
        title = html.escape(self._title)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f'<!doctype html>\n<html lang="{self._language}"><head><meta charset="utf-8"><title>{title}</title>'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
            f"<body><main><h1>{title}</h1>\n" + "\n".join(self._parts) + f"\n</main>{scripts}</body></html>\n",
            encoding="utf-8",
        )


def mosaic(rows: Sequence[Sequence[NDArray[np.uint8]]], gap: int = 2) -> NDArray[np.uint8]:
    """Pictures of one size side by side, a list a row; shorter rows end in white.

    Args:
        rows: ``(H, W)`` gray pictures.
        gap: white pixels between them.
    """
    height, width = rows[0][0].shape
    columns = max(map(len, rows))
    shape = (len(rows) * (height + gap) - gap, columns * (width + gap) - gap)
    wall = np.full(shape, 255, np.uint8)
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            wall[y * (height + gap) :, x * (width + gap) :][:height, :width] = image
    return wall
