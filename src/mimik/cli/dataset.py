"""``mimik dataset``: labelled faces in every form become one file, and are described."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mimik.cli.language import Command, Group
from mimik.cli.terminal import Terminal
from mimik.words import EMOTION_COLOURS, emotion_name, numeral, per_cent

if TYPE_CHECKING:
    from mimik.lab.data import Faces
    from mimik.lab.folders import Changes

__all__ = ["dataset_app"]

dataset_app = typer.Typer(
    name="dataset",
    cls=Group,
    rich_markup_mode="rich",
    help="Labelled faces for training and evaluation: FER-2013 in every form, or your own.",
    epilog=(
        "Start here:\n"
        "  mimik dataset import fer2013.csv fer2013new.csv -o fer.parquet\n"
        "  mimik dataset describe fer.parquet -o described"
    ),
)

Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="INPUT",
        help="fer2013.csv or icml_face_data.csv, with fer2013new.csv for FER+ votes; a parquet file; or a folder with "
        "a folder an expression, in English or Turkish.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]

_BAR = 30


@dataset_app.command(
    "import",
    cls=Command,
    help=(
        "Read labelled faces in whatever form they come and write one parquet file.\n\n"
        "Pictures of other sizes become gray, 48×48: the middle square, shrunk or enlarged."
    ),
    epilog=(
        "Examples:\n"
        "  mimik dataset import fer2013.csv fer2013new.csv -o fer.parquet\n"
        "  mimik dataset import archive/images -o seed.parquet\n"
        "  mimik dataset import my-faces --split Own -o own.parquet"
    ),
)
def import_faces(
    context: typer.Context,
    inputs: Inputs,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.parquet", help="The file to write.")],
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The split of faces that name none.", show_default="Unsplit"),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Accept a CSV file with fewer rows than FER-2013 has.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file where there is one.")] = False,
    as_json: AsJson = False,
) -> None:
    import json

    from mimik.cli.bar import bar
    from mimik.lab.data import UNSPLIT, write_parquet
    from mimik.lab.folders import Changes
    from mimik.lab.formats import read_faces
    from mimik.lab.names import SPLITS

    terminal: Terminal = context.obj
    _check_output(output, inputs, force)
    changes = Changes()
    with bar(terminal, terminal.text("Reading")) as tell:
        faces = read_faces(inputs, default_split=split or UNSPLIT, whole=not partial, changes=changes, progress=tell)
        write_parquet(faces, output)
    _tell_changes(terminal, changes)
    unknown = sorted({*faces.usages} - {*SPLITS, split or UNSPLIT})
    if partial and unknown:
        terminal.warn(
            "Usage {unknown}: no split that Mimik knows ({known}). The rows were kept under that name.",
            unknown=", ".join(unknown),
            known=", ".join(SPLITS),
        )
    if (alone := int((faces.usages == UNSPLIT).sum())) and split is None:
        terminal.say(
            "{count} faces name no split. They can be measured as they are; to train on them give --split Training.",
            count=numeral(alone, ",", terminal.language),
        )
    splits = _splits(faces)
    if as_json:
        summary = {
            "file": str(output),
            "bytes": output.stat().st_size,
            "faces": len(faces),
            "splits": splits,
            "faces_with_votes": int((faces.counts.sum(1) > 0).sum()),
            "resized": changes.resized,
            "cropped": changes.cropped,
            "coloured": changes.coloured,
            "copies_passed_over": changes.copies,
            "files_passed_over": sum(changes.skipped.values()),
        }
        terminal.write(json.dumps(summary, ensure_ascii=False))
        return
    _print_splits(terminal, splits)
    terminal.out.print(terminal.text("Written: {path}", path=output), markup=False, soft_wrap=True)


@dataset_app.command(
    "describe",
    cls=Command,
    help=(
        "Describe labelled faces: classes by split, identical and nearly identical pictures, conflicting labels, "
        "twins across splits, blank pictures, agreement with FER+."
    ),
    epilog=(
        "Examples:\n"
        "  mimik dataset describe fer.parquet\n"
        "  mimik dataset describe fer.parquet -o described   a page, and JSON\n"
        "  mimik dataset describe my-faces --json"
    ),
)
def describe_faces(
    context: typer.Context,
    inputs: Inputs,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Also write dataset.html and dataset.json.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    import json

    from mimik.cli.bar import bar
    from mimik.lab.describe import describe, write_description
    from mimik.lab.folders import Changes
    from mimik.lab.formats import read_faces

    terminal: Terminal = context.obj
    changes = Changes()
    with bar(terminal, terminal.text("Reading")) as tell:
        faces = read_faces(inputs, changes=changes, progress=tell)
    with bar(terminal, terminal.text("Comparing")) as tell:
        description = describe(faces, progress=tell)
    _tell_changes(terminal, changes)
    written: tuple[Path, ...] = ()
    if output is not None:
        written = write_description(description, output, inputs[0].name or str(inputs[0]), terminal.language)
    if as_json:
        terminal.write(json.dumps(description.values, ensure_ascii=False))
        return
    _print_splits(terminal, description.values["splits"])
    _print_facts(terminal, description.values)
    for path in written:
        terminal.out.print(terminal.text("Written: {path}", path=path), markup=False, soft_wrap=True)


def _check_output(output: Path, inputs: list[Path], force: bool) -> None:
    from mimik.errors import ConfigError

    if any(
        output.resolve() == path.resolve() or (output.exists() and path.exists() and output.samefile(path))
        for path in inputs
    ):
        raise ConfigError("-o {path}: this is one of the inputs. Give another file.", path=output)
    if output.suffix.lower() != ".parquet":
        raise ConfigError("-o {path}: the file to write must end in .parquet.", path=output)
    if output.exists() and not force:
        raise ConfigError(
            "-o {path}: this file is there already. Give another name, or --force to replace it.", path=output
        )


def _splits(faces: Faces) -> dict[str, dict[str, int]]:
    from mimik.types import Emotion

    return {
        str(split): {
            str(emotion): int(((faces.usages == split) & (faces.labels == label)).sum())
            for label, emotion in enumerate(Emotion)
        }
        for split in dict.fromkeys(faces.usages)
    }


def _tell_changes(terminal: Terminal, changes: Changes) -> None:
    if changes.resized:
        terminal.say(
            "{count} pictures had another size and were made 48×48; of {cropped} that were not square, the middle "
            "square was kept.",
            count=changes.resized,
            cropped=changes.cropped,
        )
    if changes.coloured:
        terminal.say("{count} pictures had colours and were made gray.", count=changes.coloured)
    if changes.copies:
        terminal.say(
            "{count} pictures of a folder's copy within itself were passed over.",
            count=changes.copies,
        )
    if changes.skipped:
        terminal.say(
            "{count} files that are no pictures were passed over ({kinds}).",
            count=sum(changes.skipped.values()),
            kinds=", ".join(sorted(changes.skipped)),
        )


def _print_splits(terminal: Terminal, splits: dict[str, dict[str, int]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    for split, counts in splits.items():
        total = sum(counts.values())
        table = Table(
            title=terminal.text(
                "{split}: {count} faces", split=escape(split), count=numeral(total, ",", terminal.language)
            ),
            title_justify="left",
            header_style="bold",
        )
        table.add_column(terminal.text("Expression"))
        table.add_column(terminal.text("Faces"), justify="right")
        table.add_column(terminal.text("Share"), justify="right")
        table.add_column("", min_width=_BAR)
        most = max(counts.values())
        for emotion, count in counts.items():
            drawn = "█" * round(_BAR * count / max(most, 1))
            table.add_row(
                emotion_name(emotion, terminal.language),
                numeral(count, ",", terminal.language),
                terminal.text("{percent}%", percent=round(100 * count / max(total, 1))),
                f"[{EMOTION_COLOURS[emotion]}]{drawn}[/]" if drawn else "",
            )
        terminal.out.print(table)


def _print_facts(terminal: Terminal, values: dict[str, Any]) -> None:
    same, near, votes = values["duplicates"], values["near_duplicates"], values["ferplus"]
    facts = [
        terminal.text(
            "Identical pictures: {groups} groups, {rows} rows; {conflicts} groups with conflicting labels",
            groups=numeral(same["groups"], ",", terminal.language),
            rows=numeral(same["rows"], ",", terminal.language),
            conflicts=same["conflicting_groups"],
        )
    ]
    facts += [
        terminal.text(
            "{rows} rows of {split} have an identical twin in {other}",
            rows=numeral(one["rows"], ",", terminal.language),
            split=one["split"],
            other=one["twin_in"],
        )
        for one in same["twins_across_splits"]
    ]
    facts.append(
        terminal.text(
            "Nearly identical pictures: {pairs} pairs, {across} of them in two splits, {conflicting} with other labels",
            pairs=numeral(near["pairs"], ",", terminal.language),
            across=numeral(near["across_splits"], ",", terminal.language),
            conflicting=numeral(near["conflicting"], ",", terminal.language),
        )
    )
    facts.append(terminal.text("Blank pictures: {count}", count=len(values["blank"]["rows"])))
    if votes:
        facts.append(terminal.text("No face, say FER+'s voters: {count}", count=len(votes["no_face"])))
        if votes["agreement"] is not None:
            facts.append(
                terminal.text(
                    "FER+: the label has most votes on {agreement} of {rows} rows, no vote on {without}",
                    agreement=per_cent(votes["agreement"], terminal.language),
                    rows=numeral(votes["rows"], ",", terminal.language),
                    without=per_cent(votes["label_without_vote"], terminal.language),
                )
            )
    else:
        facts.append(terminal.text("FER+: no votes in this data"))
    for fact in facts:
        terminal.out.print(f"· {fact}", markup=False, soft_wrap=True)
