"""Options that several commands share: models, the page, sessions, a cluster."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from mimik.errors import ConfigError

__all__ = [
    "Address",
    "AggregateOnly",
    "AsJson",
    "Attributes",
    "Clip",
    "Consent",
    "Data",
    "Database",
    "Detector",
    "Engine",
    "Ground",
    "Host",
    "KeepDays",
    "LiveSide",
    "Model",
    "NoBrowser",
    "Port",
    "Purposes",
    "RawDays",
    "Seconds",
    "Side",
    "Tags",
    "Threads",
    "Title",
    "Wish",
    "Workers",
    "labelled",
]

Data = Annotated[
    list[Path] | None,
    typer.Option(
        "--data",
        metavar="FILE|DIR",
        help="Labelled faces, as `mimik dataset import` reads them; may be repeated.",
        show_default="MIMIK_FER2013 in the environment",
    ),
]


def labelled(data: list[Path] | None) -> list[Path]:
    """The labelled faces given by ``--data``, else by ``MIMIK_FER2013``.

    Raises:
        ConfigError: neither is.
    """
    if data:
        return data
    if not os.environ.get("MIMIK_FER2013"):
        raise ConfigError("No data: give --data FILE, or set MIMIK_FER2013 in the environment.")
    return [Path(os.environ["MIMIK_FER2013"])]


_PANEL = "Session"

Title = Annotated[
    str | None,
    typer.Option(
        "--session", metavar="TITLE", help="Keep the figures as a session of this title.", rich_help_panel=_PANEL
    ),
]
Purposes = Annotated[
    str | None,
    typer.Option(
        "--purpose",
        metavar="PURPOSE",
        help=(
            "What it is for: lesson, work, product, advertisement, shop, interview, clinic, research or other. "
            "For lesson, work and shop the law is shown, and --consent or --ground is needed."
        ),
        show_default="“other”",
        rich_help_panel=_PANEL,
    ),
]
Consent = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT", help="How the people were told and agreed, in your own words.", rich_help_panel=_PANEL
    ),
]
Ground = Annotated[
    str | None, typer.Option(metavar="TEXT", help="The legal ground, in your own words.", rich_help_panel=_PANEL)
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="TAG", help="A word to find it by; may be repeated.", rich_help_panel=_PANEL),
]
AggregateOnly = Annotated[
    bool,
    typer.Option("--aggregate-only", help="Keep sums of all people only, never one person's.", rich_help_panel=_PANEL),
]
RawDays = Annotated[
    str | None,
    typer.Option(
        "--raw-days",
        metavar="N|forever",
        help="Keep every reading for so many days; the sums a second stay.",
        show_default="30",
        rich_help_panel=_PANEL,
    ),
]
KeepDays = Annotated[
    str | None,
    typer.Option(
        "--keep-days",
        metavar="N|forever",
        help="Keep the session for so many days.",
        show_default="forever",
        rich_help_panel=_PANEL,
    ),
]
Clip = Annotated[
    bool,
    typer.Option("--clip", help="Also keep a video in which all faces found are blurred.", rich_help_panel=_PANEL),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL",
        help="Where sessions are kept: a file, sqlite:///FILE or postgresql://USER@HOST/NAME.",
        show_default="MIMIK_DATABASE_URL, or your own data folder",
        rich_help_panel=_PANEL,
    ),
]

Attributes = Annotated[
    bool,
    typer.Option(
        "--attributes",
        help="Also estimate each person's age range and gender, roughly; never in lessons or at work.",
        rich_help_panel="Models",
    ),
]

Detector = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        help="What finds faces: a detector's name, or an ONNX file (a YuNet file, say).",
        rich_help_panel="Models",
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        help="What reads expressions: a name that `mimik models` lists, or a model record (.json).",
        rich_help_panel="Models",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=0, max=256, help="Threads a network may use; 0: one a core.", rich_help_panel="Models"
    ),
]
_SIDE_HELP = "Shrink pictures to this long side, in pixels, to find faces; larger finds smaller faces, more slowly."
LiveSide = Annotated[
    int | None,
    typer.Option(
        "--side", metavar="N", min=64, max=4096, help=_SIDE_HELP, show_default="480", rich_help_panel="Models"
    ),
]
Side = Annotated[
    int | None,
    typer.Option(
        "--side", metavar="N", min=64, max=4096, help=_SIDE_HELP, show_default="2048", rich_help_panel="Models"
    ),
]
Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Where the page listens.", rich_help_panel="Web page")]
Port = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        max=65535,
        help="Its port; 0: any free one.",
        show_default="8420, or one of the next nine",
        rich_help_panel="Web page",
    ),
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.", rich_help_panel="Web page")]
_YEAR_S = 366 * 86_400

Seconds = Annotated[
    float | None,
    typer.Option(metavar="N", min=0.1, max=_YEAR_S, help="Stop after so many seconds."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]

_CLUSTER = "Cluster"

Engine = Annotated[
    Literal["local", "ray"],
    typer.Option(
        metavar="local|ray",
        help="What does the work: this process, or workers of Ray, here or on other machines.",
        rich_help_panel=_CLUSTER,
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="The Ray cluster; auto: the one that this machine belongs to.",
        show_default="MIMIK_RAY_ADDRESS, or a Ray of its own on this machine",
        rich_help_panel=_CLUSTER,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, help="Most workers.", show_default="one a processor core", rich_help_panel=_CLUSTER
    ),
]


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for about a session, as it was typed; None and empty where nothing was said."""

    title: str | None = None
    purpose: str | None = None
    consent: str | None = None
    ground: str | None = None
    tags: tuple[str, ...] = ()
    aggregate_only: bool = False
    raw_days: str | None = None
    keep_days: str | None = None
    clip: bool = False
    db: str | None = None
