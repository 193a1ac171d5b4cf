"""Curves of loss and accuracy over the epochs of a run."""

from collections.abc import Sequence
from pathlib import Path

from mimik.lab.runs import Row
from mimik.words import translate

__all__ = ["draw_curves"]

_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#8A8A8A"


def draw_curves(rows: Sequence[Row], split: str, run: Path, language: str = "en") -> tuple[Path, ...]:
    """Draw ``curves.png`` and ``curves.svg`` into a run's folder.

    Args:
        rows: an epoch's metrics each.
        split: what the run is judged on.
        run: the folder.
        language: of the words in the figure.

    Returns:
        The files.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    def text(text: str, /, **values: object) -> str:
        return translate(text, language, **values)

    figure = Figure(figsize=(10, 4))  # a fixed layout: a constrained one takes three times as long
    FigureCanvasAgg(figure)
    epochs = [row["epoch"] for row in rows]
    for place, (name, title, scale) in enumerate((("loss", text("Loss"), 1), ("accuracy", text("Accuracy, %"), 100))):
        axes = figure.add_subplot(1, 2, place + 1)
        for part, label, colour, style in (
            ("training", text("Training"), _ORANGE, "--"),
            ("validation", split, _BLUE, "-"),
        ):
            values = [scale * row.get(f"{part}_{name}", float("nan")) for row in rows]
            if any(value == value for value in values):
                axes.plot(epochs, values, style, color=colour, label=label, marker="." if len(rows) < 30 else "")
        best = min(rows, key=lambda row: row["validation_loss"])
        axes.axvline(best["epoch"], color=_GREY, linewidth=0.8, linestyle=":", label=text("lowest loss"))
        axes.set(title=title, xlabel=text("Epoch"))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
    figure.subplots_adjust(left=0.06, right=0.985, bottom=0.13, top=0.9, wspace=0.15)
    paths = []
    for kind in ("png", "svg"):
        path = run / f"curves.{kind}"
        beside = run / f"curves.part.{kind}"
        figure.savefig(beside, dpi=110)
        paths.append(beside.replace(path))
    return tuple(paths)
