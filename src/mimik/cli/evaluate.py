"""``mimik evaluate``: how well a network reads labelled faces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimik.cli.language import Command
from mimik.cli.options import Data, labelled
from mimik.cli.terminal import Terminal
from mimik.words import numeral

if TYPE_CHECKING:
    from mimik.lab.data import Faces
    from mimik.lab.evaluate import Evaluation

__all__ = ["evaluate_app"]

evaluate_app = typer.Typer(rich_markup_mode="rich")


@evaluate_app.command(
    "evaluate",
    cls=Command,
    help=(
        "Measure a model on labelled faces: accuracy with its interval, every class, calibration, agreement with "
        "FER+, cost.\n\n"
        "MODEL is a name that `mimik models` lists, or a model record (.json). All rows are measured unless --split "
        "names one. Needs no torch."
    ),
    epilog=(
        "Examples:\n"
        "  mimik evaluate default --data fer.parquet --split PublicTest\n"
        "  mimik evaluate default --data fer2013.csv --data fer2013new.csv\n"
        "  mimik evaluate own.json --data my-faces --corruptions -o out\n"
        "  mimik evaluate default tiny --data fer.parquet --tta flip\n"
        "  mimik evaluate default --data test.parquet --training fer.parquet"
    ),
)
def evaluate_model(
    context: typer.Context,
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL…", help="What to measure; of several, the mean of what they read.")
    ],
    data: Data = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="Only this split's rows.")] = None,
    training: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|DIR",
            help="What the model learnt from, to measure without twins of it.",
            show_default="the Training split of the data, else of MIMIK_FER2013",
        ),
    ] = None,
    tta: Annotated[
        str | None, typer.Option(metavar="flip", help="flip: also measure the mean with the mirror image.")
    ] = None,
    corruptions: Annotated[
        bool,
        typer.Option("--corruptions", help="Also measure under blur, darkness, tilt, covered parts and few pixels."),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Also write evaluation.html, evaluation.json and predictions.csv."
        ),
    ] = None,
    threads: Annotated[
        int, typer.Option(metavar="N", min=0, max=256, help="Threads a network may use; 0: one a core.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")] = False,
) -> None:
    import dataclasses
    import json
    import os

    from mimik.cli.bar import bar
    from mimik.errors import ConfigError
    from mimik.lab.evaluate import evaluate
    from mimik.lab.evaluation_page import write_evaluation
    from mimik.lab.formats import pick_split, read_faces
    from mimik.weights import verified

    terminal: Terminal = context.obj
    if tta not in (None, "flip"):
        raise ConfigError("--tta {value}: not known. Give flip, or leave it out.", value=tta)
    for model in models:
        verified(model)  # a wrong name is told before the data are read
    data = labelled(data)
    with bar(terminal, terminal.text("Reading")) as tell:
        everything = read_faces(data, progress=tell)
        faces = everything if split is None else pick_split(everything, split, data[0])
        learnt = _training(everything if training is None else read_faces([training], progress=tell), training)
        if learnt is None and (known := os.environ.get("MIMIK_FER2013")) and Path(known).exists():
            learnt = _training(read_faces([Path(known)], progress=tell), None)
    if "Training" in faces.usages:
        terminal.say(
            "The data hold rows of the Training split, which a model may know by heart; --split measures another."
        )
    with bar(terminal, terminal.text("Measuring")) as tell:
        found = evaluate(
            models,
            faces,
            training=learnt,
            flip=tta == "flip",
            corruptions=corruptions,
            threads=threads,
            progress=tell,
        )
    origin = {"data": [str(path) for path in data], "split": split}
    found = dataclasses.replace(found, values=origin | found.values)
    written = () if output is None else write_evaluation(found, output, terminal.language)
    if as_json:
        terminal.write(json.dumps(found.values, ensure_ascii=False))
        return
    _print(terminal, found)
    for path in written:
        terminal.out.print(terminal.text("Written: {path}", path=path), markup=False, soft_wrap=True)


def _training(faces: Faces, given: Path | None) -> Faces | None:
    """The rows of the Training split; of data given as training data that name no such split, all."""
    from mimik.lab.data import select

    chosen = faces.usages == "Training"
    if chosen.any():
        return select(faces, chosen)
    return None if given is None else faces


def _print(terminal: Terminal, found: Evaluation) -> None:
    from rich.table import Table

    from mimik.lab.evaluation_page import class_rows, summary_rows

    summary = Table.grid(padding=(0, 2))
    for name, value in summary_rows(found.values, terminal.language):
        summary.add_row(name, value)
    terminal.out.print(
        terminal.text(
            "{model} on {faces} faces", model=found.record.name, faces=numeral(len(found.faces), ",", terminal.language)
        ),
        style="bold",
        markup=False,
    )
    terminal.out.print(summary)
    headings, rows = class_rows(found.values, terminal.language)
    table = Table(header_style="bold")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left")
    for row in rows:
        table.add_row(*row)
    terminal.out.print(table)
