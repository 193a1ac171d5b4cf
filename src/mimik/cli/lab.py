"""The laboratory: ``mimik train``, ``compare``, ``sweep``, ``distil`` and ``export``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mimik.cli.language import Command
from mimik.cli.options import Data, labelled
from mimik.cli.terminal import Terminal
from mimik.words import numeral, per_cent

if TYPE_CHECKING:
    from mimik.lab.compare import Comparison
    from mimik.lab.data import Faces
    from mimik.lab.runs import Row

__all__ = ["lab_app"]

lab_app = typer.Typer(rich_markup_mode="rich")

Runs = Annotated[Path, typer.Option("--runs", metavar="DIR", help="Where runs' folders lie.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that was cut, in the same data order.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]

_NARROW = ("Run", "Accuracy", "95 % interval", "FER+", "Multiply-adds", "Epochs")
"""What of the table of runs fits a terminal; the page has all."""


@lab_app.command(
    "train",
    cls=Command,
    help=(
        "Train a network on FER-2013, as a TOML file says.\n\n"
        "Everything goes into DIR/NAME, named as the file is: recipe, curves, weights, readings. Its fields are "
        "described in docs/training.md. Under torchrun, processes train together. Needs torch "
        "(`pip install 'mimik\\[train]'`)."
    ),
    epilog=(
        "Examples:\n"
        "  mimik train configs/student.toml --data fer.parquet\n"
        "  mimik train configs/student.toml --data fer.parquet --resume\n"
        "  torchrun --standalone --nproc-per-node 2 --no-python \\\n"
        "    mimik train configs/student.toml --data fer.parquet"
    ),
)
def train_network(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="What to do.")],
    data: Data = None,
    runs: Runs = Path("runs"),
    resume: Resume = False,
    as_json: AsJson = False,
) -> None:
    _learn(context.obj, config, data, runs, resume, as_json, folds=None, distilled=False)


@lab_app.command(
    "distil",
    cls=Command,
    help=(
        "Train a student on what teachers read, beside the labels.\n\n"
        "CONFIG.toml has the fields of `mimik train` and `teachers`, runs' folders or names that `mimik models` lists. "
        "With --folds, each teacher is trained anew on all but one part of Training and reads the part it has not seen."
    ),
    epilog=(
        "Examples:\n"
        "  mimik distil configs/student-distilled.toml --data fer.parquet\n"
        "  mimik distil configs/student-distilled.toml --folds 5 --resume"
    ),
)
def distil_network(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="What to do.")],
    data: Data = None,
    runs: Runs = Path("runs"),
    folds: Annotated[
        int | None,
        typer.Option(metavar="K", min=0, max=20, help="Parts for teachers that read what they have not seen; 0: none."),
    ] = None,
    resume: Resume = False,
    as_json: AsJson = False,
) -> None:
    _learn(context.obj, config, data, runs, resume, as_json, folds=folds, distilled=True)


@lab_app.command(
    "sweep",
    cls=Command,
    help=(
        "Train every combination of a grid, one after the other, and compare them on one page.\n\n"
        "SWEEP.toml has a table \\[base] of the fields that all runs share and a table \\[axes] of lists. Runs and "
        "compare.html go into DIR/NAME. Finished runs are passed over with --resume."
    ),
    epilog=(
        "Examples:\n"
        "  mimik sweep configs/sweep-common.toml --data fer.parquet\n"
        "  mimik sweep configs/sweep-common.toml --data fer.parquet --resume"
    ),
)
def sweep_grid(
    context: typer.Context,
    grid: Annotated[Path, typer.Argument(metavar="SWEEP.toml", help="What to do.")],
    data: Data = None,
    runs: Runs = Path("runs"),
    resume: Resume = False,
    as_json: AsJson = False,
) -> None:
    from mimik.lab.compare import compare
    from mimik.lab.recipe import require_training
    from mimik.lab.sweep import read_sweep, sweep

    terminal: Terminal = context.obj
    entries = read_sweep(grid)
    require_training()
    faces = _faces(terminal, data)
    failures: list[Path] = []

    def failed(run: Path, error: Any) -> None:
        failures.append(run)
        terminal.warn(error.text, **error.values)

    terminal.say("{count} runs in {folder}", count=len(entries), folder=runs / grid.stem)
    with _watch(terminal) as (tell, note, stage), _told_how_to_resume(terminal):
        done = sweep(
            entries,
            faces,
            runs / grid.stem,
            resume=resume,
            tell=tell,
            note=note,
            stage=stage,
            failed=failed,
            language=terminal.language,
        )
    if done:
        best = max(compare(done).values["runs"], key=lambda one: float(one["accuracy"]))
        done.sort(key=lambda run: str(run) != best["folder"])
        _show(terminal, compare(done), runs / grid.stem, as_json)
    raise typer.Exit(1 if failures else 0)


@lab_app.command(
    "compare",
    cls=Command,
    help=(
        "Compare finished runs with the first: one table, McNemar's exact test, one page of figures.\n\n"
        "Needs no torch. Sessions are compared by `mimik session compare`."
    ),
    epilog=(
        "Examples:\n"
        "  mimik compare runs/seed runs/seed-5 runs/alexnet\n"
        "  mimik compare runs/student runs/vgg -o compared   a page, and JSON"
    ),
)
def compare_runs(
    context: typer.Context,
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Runs' folders, the reference first.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Also write compare.html and compare.json.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    from mimik.lab.compare import compare

    _show(context.obj, compare(runs), output, as_json)


@lab_app.command(
    "export",
    cls=Command,
    help=(
        "Make model files of a run: ONNX with its record, in fp32 and int8, checked against the trained network.\n\n"
        "`mimik live --model DIR/NAME.json` reads with it. Needs torch (`pip install 'mimik\\[train]'`)."
    ),
    epilog=(
        "Examples:\n"
        "  mimik export runs/student -o models --data fer.parquet\n"
        "  mimik export runs/vgg -o models --form fp16 --name big"
    ),
)
def export_run(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where the files go.")],
    data: Data = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model's name.", show_default="the run's")
    ] = None,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="What the model is, in a line.")] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The run's TOML file.", show_default="the one in its folder"),
    ] = None,
    forms: Annotated[
        str,
        typer.Option(
            "--form",
            metavar="FORMS",
            help="fp32, int8 or fp16 (stored small, run in fp32), or several with commas; the first takes the name.",
        ),
    ] = "fp32,int8",
    record_only: Annotated[
        bool, typer.Option("--record-only", help="Write the records but not the networks: of a baseline.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    import dataclasses
    import json

    from mimik.errors import ConfigError
    from mimik.lab.recipe import require_training

    terminal: Terminal = context.obj
    require_training()
    from mimik.lab.export import FORMS, export

    given = forms.split(",")
    chosen = tuple(form for one in given for form in FORMS if form == one.strip())
    if len(set(chosen)) != len(given):
        raise ConfigError("--form {value}: give {forms}, or several with commas.", value=forms, forms=", ".join(FORMS))
    faces = _faces(terminal, data)
    with terminal.err.status(terminal.text("Measuring")):
        made = export(run, faces, output, name=name, title=title, config=config, forms=chosen, ship=not record_only)
    if as_json:
        records = [dataclasses.asdict(record) for record in made.records]
        files = [str(path) for path in made.files]
        terminal.write(json.dumps(made.parity | {"records": records, "files": files}, ensure_ascii=False))
        return
    _print_parity(terminal, made.parity)
    _print_written(terminal, made.files)


def _learn(
    terminal: Terminal,
    config: Path,
    data: list[Path] | None,
    runs: Path,
    resume: bool,
    as_json: bool,
    *,
    folds: int | None,
    distilled: bool,
) -> None:
    """Do what one recipe says, and tell how it came out."""
    import json

    from mimik.errors import ConfigError
    from mimik.lab.recipe import DistilRecipe, parse_recipe, read_recipe, require_training
    from mimik.lab.runs import read_facts
    from mimik.lab.sweep import carry_out

    recipe = read_recipe(config)
    if distilled and not isinstance(recipe, DistilRecipe):
        raise ConfigError("{path}: the field {field} is missing.", path=config, field="teachers")
    if not distilled and isinstance(recipe, DistilRecipe):
        raise ConfigError("{path} has teachers: use `mimik distil`.", path=config)
    text: str | None = config.read_text(encoding="utf-8")
    if folds is not None:
        fields = recipe.model_dump(exclude_defaults=True) | {"teacher_folds": folds}
        recipe, text = parse_recipe(fields, config), None
    require_training()
    from mimik.lab.team import leads

    if not leads():
        terminal = Terminal(terminal.language, quiet=True)
    faces = _faces(terminal, data)
    run = runs / config.stem
    with _watch(terminal) as (tell, note, stage), _told_how_to_resume(terminal):
        carry_out(
            recipe,
            faces,
            run,
            config=text,
            resume=resume,
            tell=tell,
            note=note,
            stage=stage if distilled else None,
            language=terminal.language,
        )
    if not leads():
        return
    from mimik.lab.compare import compare

    comparison = compare([run])
    if as_json:
        terminal.write(json.dumps(comparison.values["runs"][0] | {"facts": read_facts(run)}, ensure_ascii=False))
        return
    _print_runs(terminal, comparison)
    _print_written(terminal, [run])


def _faces(terminal: Terminal, data: list[Path] | None) -> Faces:
    from mimik.cli.bar import bar
    from mimik.lab.formats import read_faces

    paths = labelled(data)
    with bar(terminal, terminal.text("Reading")) as tell:
        return read_faces(paths, progress=tell)


@contextmanager
def _watch(
    terminal: Terminal,
) -> Iterator[tuple[Callable[[int, int], None], Callable[[Row], None], Callable[[Path], None]]]:
    """A bar with the time left, a line an epoch, and a line a network."""
    from mimik.cli.bar import bar

    language = terminal.language
    steps = (0, 0)

    def note(row: Row) -> None:
        epoch, (done, total) = int(row["epoch"]), steps
        epochs = round(epoch * total / done) if done else epoch
        terminal.say(
            "epoch {epoch} of {epochs}: loss {training} in training, {validation} judged; accuracy {accuracy}; "
            "{seconds} s; at most {left} left",
            epoch=epoch,
            epochs=epochs,
            left=timedelta(seconds=round((epochs - epoch) * row["seconds"])),
            training=numeral(row["training_loss"], ".3f", language),
            validation=numeral(row["validation_loss"], ".3f", language),
            accuracy=per_cent(row["validation_accuracy"], language),
            seconds=numeral(row["seconds"], ".0f", language),
        )

    def stage(run: Path) -> None:
        terminal.say("Training {run}", run=run)

    with bar(terminal, terminal.text("Training")) as shown:

        def tell(done: int, total: int) -> None:
            nonlocal steps
            steps = (done, total)
            shown(done, total)

        yield tell, note, stage


@contextmanager
def _told_how_to_resume(terminal: Terminal) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        terminal.say("Stopped. The same command with --resume goes on from the last whole epoch.")
        raise


def _show(terminal: Terminal, comparison: Comparison, output: Path | None, as_json: bool) -> None:
    import json

    from mimik.lab.compare_page import write_comparison

    written = () if output is None else write_comparison(comparison, output, terminal.language)
    if as_json:
        terminal.write(json.dumps(comparison.values, ensure_ascii=False))
        return
    _print_runs(terminal, comparison)
    _print_written(terminal, written)


def _print_runs(terminal: Terminal, comparison: Comparison) -> None:
    from rich.table import Table

    from mimik.lab.compare_page import difference_rows, run_rows

    headings, rows = run_rows(comparison.values, terminal.language)
    if len(rows) == 1:
        facts = Table.grid(padding=(0, 2))
        for pair in zip(headings, rows[0], strict=True):
            facts.add_row(*pair)
        terminal.out.print(facts)
        return
    kept = [headings.index(terminal.text(name)) for name in _NARROW]
    _print_table(terminal, [headings[place] for place in kept], [[row[place] for place in kept] for row in rows])
    terminal.out.print(
        terminal.text("Differences from {run}", run=comparison.names[0]), style="bold", markup=False, soft_wrap=True
    )
    _print_table(terminal, *difference_rows(comparison.values, terminal.language))


def _print_parity(terminal: Terminal, parity: dict[str, Any]) -> None:
    language = terminal.language
    headings = ("Form", "Accuracy", "FER+", "Same reading", "Greatest difference", "MB", "ms a face")
    before = parity["trained"]
    trained = [per_cent(before[key], language) for key in ("accuracy", "ferplus_accuracy")]
    rows = [[terminal.text("trained"), *trained, "", "", "", ""]]
    for form, one in parity["forms"].items():
        shares = [per_cent(one[key], language) for key in ("accuracy", "ferplus_accuracy", "same_reading")]
        numbers = (one["max_difference"], one["bytes"] / 1e6, one["ms_a_face"])
        formats = (".2g", ".2f", ".2f")
        rows.append([form, *shares, *(numeral(*pair, language) for pair in zip(numbers, formats, strict=True))])
    _print_table(terminal, [terminal.text(heading) for heading in headings], rows)


def _print_table(terminal: Terminal, headings: list[str], rows: list[list[str]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(header_style="bold")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    terminal.out.print(table)


def _print_written(terminal: Terminal, paths: Any) -> None:
    for path in paths:
        terminal.out.print(terminal.text("Written: {path}", path=path), markup=False, soft_wrap=True)
