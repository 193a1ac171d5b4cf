"""The commands and their options; the work is done beside this module, imported when a command runs."""

import os
from pathlib import Path
from typing import Annotated

import typer

from mimik import __version__
from mimik.cli import doors, options
from mimik.cli.dataset import dataset_app
from mimik.cli.evaluate import evaluate_app
from mimik.cli.keys import key_app
from mimik.cli.lab import lab_app
from mimik.cli.language import Command, Group
from mimik.cli.options import AsJson, Detector, Host, LiveSide, Model, NoBrowser, Port, Seconds, Side, Threads
from mimik.cli.session.app import session_app
from mimik.cli.terminal import Terminal
from mimik.errors import ConfigError
from mimik.words import LANGUAGES, choose_language

__all__ = ["app"]

app = typer.Typer(
    name="mimik",
    cls=Group,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help="Reads facial expressions in real time, on your own machine: camera, video or picture.",
    epilog=(
        "Start here:\n"
        "  mimik demo                      see it work, without a camera\n"
        "  mimik live                      your camera, in the browser\n"
        "  mimik analyze film.mp4 -o out   every face of a video, as a table\n"
        "  mimik doctor                    what works on this machine\n\n"
        "--lang, --quiet and --verbose may stand anywhere."
    ),
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mimik {__version__}")
        raise typer.Exit


def _language(wanted: str | None) -> str | None:
    if wanted is not None and wanted not in LANGUAGES:
        raise typer.BadParameter(f"{wanted!r} is not one of {', '.join(LANGUAGES)}.")
    return wanted


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    lang: Annotated[
        str | None,
        typer.Option(metavar="en|tr", callback=_language, help="The language of texts; else the system's."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only results and trouble.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what happens inside, and tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    context.obj = Terminal(choose_language(lang), quiet, verbose, asked=lang or os.environ.get("MIMIK_LANG"))
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(
    cls=Command,
    help="See it work on two bundled faces, without a camera: the live page, or a summary in the terminal.",
    epilog=(
        "Examples:\n"
        "  mimik demo                            the live page, in your browser\n"
        "  mimik demo --headless                 ten seconds of it, as text\n"
        "  mimik demo --headless --seconds 60    a minute of it\n"
        "  mimik demo --headless --session Try   keep the figures, for a report"
    ),
)
def demo(
    context: typer.Context,
    headless: Annotated[bool, typer.Option("--headless", help="Print a summary every second instead.")] = False,
    seconds: Seconds = None,
    session: options.Title = None,
    db: options.Database = None,
    host: Host = "127.0.0.1",
    port: Port = None,
    no_browser: NoBrowser = False,
    detector: Detector = None,
    model: Model = None,
    threads: Threads = None,
    side: LiveSide = None,
) -> None:
    from mimik.cli import live as work
    from mimik.cli.models import settings

    chosen = settings(detector, model, threads, side, live=True)
    page = work.Page(host, port, not no_browser)
    wish = options.Wish(session, db=db)
    if headless:
        code = work.demonstrate(context.obj, chosen, 10.0 if seconds is None else seconds, wish)
    else:
        code = work.show_page(context.obj, chosen, "demo", page, seconds=seconds, wish=wish)
    raise typer.Exit(code)


@app.command(
    cls=Command,
    help=(
        "Read expressions live, as a web page, in a window or as text.\n\n"
        "SOURCE is a camera's number, a video file, an RTSP or HTTP address, a folder of "
        "pictures, or `demo`. Without --window or --headless, the result is a web page on this machine."
    ),
    epilog=(
        "Examples:\n"
        "  mimik live                          the first camera, in the browser\n"
        "  mimik live 1 --window               the second camera, in a window\n"
        "  mimik live rtsp://10.0.0.5/stream   a network camera\n"
        "  mimik live --record talk.mp4        keep it, with boxes and labels\n"
        "  mimik live --headless | jq .top     a JSON object a face and frame\n"
        "  mimik live --session 'Question 1'   keep the figures, for a report"
    ),
)
def live(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="What to watch.", show_default="the first camera")
    ] = "0",
    window: Annotated[bool, typer.Option("--window", help="Show a desktop window; q or Esc quits.")] = False,
    headless: Annotated[bool, typer.Option("--headless", help="Print JSON Lines on standard output.")] = False,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE.mp4", help="Write the annotated picture as an H.264 video.")
    ] = None,
    seconds: Seconds = None,
    session: options.Title = None,
    purpose: options.Purposes = None,
    consent: options.Consent = None,
    ground: options.Ground = None,
    tags: options.Tags = None,
    aggregate_only: options.AggregateOnly = False,
    raw_days: options.RawDays = None,
    keep_days: options.KeepDays = None,
    clip: options.Clip = False,
    db: options.Database = None,
    host: Host = "127.0.0.1",
    port: Port = None,
    no_browser: NoBrowser = False,
    detector: Detector = None,
    model: Model = None,
    threads: Threads = None,
    side: LiveSide = None,
    attributes: options.Attributes = False,
) -> None:
    from mimik.cli import live as work
    from mimik.cli.models import settings

    if window and headless:
        raise typer.BadParameter("choose one", context, param_hint=("--window", "--headless"))
    chosen = settings(detector, model, threads, side, live=True, attributes=attributes, purpose=purpose)
    kept = tuple(tags or ())
    wish = options.Wish(session, purpose, consent, ground, kept, aggregate_only, raw_days, keep_days, clip, db)
    if window:
        code = work.show_window(context.obj, chosen, source, record, seconds, wish)
    elif headless:
        code = work.print_lines(context.obj, chosen, source, record, seconds, wish)
    else:
        page = work.Page(host, port, not no_browser)
        code = work.show_page(context.obj, chosen, source, page, record, seconds, wish)
    raise typer.Exit(code)


@app.command(
    cls=Command,
    help=(
        "Read every face of pictures and videos into a table, one row a face and frame.\n\n"
        "With --session, each video is kept as a session, too; several get their file's name behind the title. "
        "Pictures have no time and make none.\n\n"
        "Interrupted and started again, it continues where it was. "
        "Exit code: 0 all read, 1 some inputs failed, 2 nothing could be done."
    ),
    epilog=(
        "Examples:\n"
        "  mimik analyze holiday/ -o out                       makes out/faces.csv\n"
        "  mimik analyze '*.mp4' -o out --format csv,parquet   two tables\n"
        "  mimik analyze film.mp4 -o out --fps 2               two frames a second\n"
        "  mimik analyze film.mp4 -o out --annotate            draws them in, too\n"
        "  mimik analyze film.mp4 -o out --session 'Spot A'    a session, for a report\n"
        "  mimik analyze films/ -o out --engine ray            on all machines of Ray"
    ),
)
def analyze(
    context: typer.Context,
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT", help="Pictures, videos, folders or patterns.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where the results go.")],
    formats: Annotated[
        str, typer.Option("--format", metavar="FORMATS", help="csv, json or parquet, or several with commas.")
    ] = "csv",
    annotate: Annotated[bool, typer.Option("--annotate", help="Also write each input with boxes and labels.")] = False,
    anonymize: Annotated[bool, typer.Option("--anonymize", help="Hide the faces in what --annotate writes.")] = False,
    fps: Annotated[
        float | None, typer.Option(metavar="F", min=0.001, help="Frames a second of video; every one where absent.")
    ] = None,
    session: options.Title = None,
    purpose: options.Purposes = None,
    consent: options.Consent = None,
    ground: options.Ground = None,
    tags: options.Tags = None,
    aggregate_only: options.AggregateOnly = False,
    raw_days: options.RawDays = None,
    keep_days: options.KeepDays = None,
    db: options.Database = None,
    as_json: AsJson = False,
    detector: Detector = None,
    model: Model = None,
    threads: Threads = None,
    side: Side = None,
    attributes: options.Attributes = False,
    engine: options.Engine = "local",
    address: options.Address = None,
    workers: options.Workers = None,
) -> None:
    from mimik.cli import analyze as work
    from mimik.cli.models import settings

    if engine == "local" and (address is not None or workers is not None):
        raise ConfigError("--address and --workers are about a cluster. Give --engine ray, too.")
    kept = tuple(tags or ())
    wish = options.Wish(session, purpose, consent, ground, kept, aggregate_only, raw_days, keep_days, db=db)
    code = work.analyze(
        context.obj,
        settings(detector, model, threads, side, attributes=attributes, purpose=purpose),
        inputs,
        output,
        formats=formats,
        annotate=annotate,
        anonymise=anonymize,
        fps=fps,
        as_json=as_json,
        wish=wish,
        cluster=work.Cluster(address, workers) if engine == "ray" else None,
    )
    raise typer.Exit(code)


@app.command(
    cls=Command,
    help=(
        "Watch many cameras at once, on all machines of a Ray cluster.\n\n"
        "Each SOURCE has a worker of its own; where a worker or a machine is lost, another one takes the camera on "
        "within seconds. A table shows how each camera is, or --json prints it, a line a camera and second. "
        "Video files are played at their own pace.\n\n"
        "With --session, each camera is kept as a session. "
        "Exit code: 0, 1 a camera could never be read, 130 Ctrl-C."
    ),
    epilog=(
        "Examples:\n"
        "  mimik watch 0 1 rtsp://10.0.0.5/stream -o out     a table a camera, in out/\n"
        "  mimik watch $(cat cameras.txt) --address auto     on this machine's cluster\n"
        "  mimik watch 0 1 --session Hall --json             sessions; health as JSON"
    ),
)
def watch(
    context: typer.Context,
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help="Camera numbers, RTSP or HTTP addresses, video files.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where the tables go; none where absent.")
    ] = None,
    formats: Annotated[
        str, typer.Option("--format", metavar="FORMATS", help="jsonl or csv, or both with a comma.")
    ] = "jsonl",
    seconds: Seconds = None,
    share: Annotated[
        float,
        typer.Option(
            metavar="F",
            min=0.01,
            max=64,
            help="Processor cores that are set aside for a camera.",
            rich_help_panel="Cluster",
        ),
    ] = 0.5,
    address: options.Address = None,
    session: options.Title = None,
    purpose: options.Purposes = None,
    consent: options.Consent = None,
    ground: options.Ground = None,
    tags: options.Tags = None,
    aggregate_only: options.AggregateOnly = False,
    raw_days: options.RawDays = None,
    keep_days: options.KeepDays = None,
    db: options.Database = None,
    as_json: AsJson = False,
    detector: Detector = None,
    model: Model = None,
    side: LiveSide = None,
    attributes: options.Attributes = False,
) -> None:
    from mimik.cli import watch as work
    from mimik.cli.models import settings

    kept = tuple(tags or ())
    code = work.watch(
        context.obj,
        settings(detector, model, None, side, live=True, attributes=attributes, purpose=purpose),
        sources,
        output,
        formats=formats,
        seconds=seconds,
        share=share,
        address=address,
        as_json=as_json,
        wish=options.Wish(session, purpose, consent, ground, kept, aggregate_only, raw_days, keep_days, db=db),
    )
    raise typer.Exit(code)


@app.command(
    cls=Command,
    help=(
        "Serve the web page for the browser's own camera, and the API for programs.\n\n"
        "On this machine it works at once. For other machines it needs keys (`mimik key create`) and should have "
        "TLS; docs/server.md says how."
    ),
    epilog=(
        "Examples:\n"
        "  mimik serve                 http://127.0.0.1:8420\n"
        "  mimik serve --port 9000\n"
        "  mimik serve --engine ray --replicas 8 --address auto\n"
        "  mimik serve --host 0.0.0.0 --allow-host faces.example.org \\\n"
        "    --certificate cert.pem --certificate-key key.pem"
    ),
)
def serve(
    context: typer.Context,
    host: Host = "127.0.0.1",
    port: Port = None,
    detector: Detector = None,
    model: Model = None,
    threads: Threads = None,
    side: LiveSide = None,
    attributes: options.Attributes = False,
    db: options.Database = None,
    require_keys: doors.RequireKeys = False,
    keys: doors.Keys = None,
    allow_host: doors.AllowHost = None,
    certificate: doors.Certificate = None,
    certificate_key: doors.CertificateKey = None,
    behind_proxy: doors.BehindProxy = None,
    audit: doors.Audit = None,
    engine: options.Engine = "local",
    replicas: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Workers of Ray Serve that read the pictures of requests.",
            show_default="one a processor core but one",
            rich_help_panel="Cluster",
        ),
    ] = None,
    address: options.Address = None,
) -> None:
    from mimik.cli import live as work
    from mimik.cli.models import settings

    if engine == "local" and (address is not None or replicas is not None):
        raise ConfigError("--address and --replicas are about a cluster. Give --engine ray, too.")

    opened = doors.Doors(
        require_keys,
        keys,
        tuple(allow_host or ()),
        certificate,
        certificate_key,
        tuple(behind_proxy or ()),
        audit,
    )
    page = work.Page(host, port, open_browser=False, doors=opened)
    chosen = settings(detector, model, threads, side, live=True, attributes=attributes)
    replication = work.Replication(replicas, address) if engine == "ray" else None
    code = work.show_page(context.obj, chosen, None, page, wish=options.Wish(db=db), replication=replication)
    raise typer.Exit(code)


@app.command(
    cls=Command,
    help="List the models that came with Mimik: what they learnt from and how well they do.",
    epilog="Examples:\n  mimik models\n  mimik models --json",
)
def models(context: typer.Context, as_json: AsJson = False) -> None:
    from mimik.cli.models import list_models

    list_models(context.obj, as_json)


@app.command(
    cls=Command,
    help="Check what works on this machine: weights, cameras, video codecs, screen. Exit code 2 if Mimik cannot work.",
    epilog="Examples:\n  mimik doctor\n  mimik doctor --json",
)
def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    from mimik.cli.doctor import examine

    raise typer.Exit(examine(context.obj, as_json))


@app.command(
    cls=Command,
    help="Measure how fast this machine is, on the bundled pictures, and say which settings suit it.",
    epilog=(
        "Examples:\n"
        "  mimik bench                              about twenty seconds\n"
        "  mimik bench --seconds 60                 steadier figures\n"
        "  mimik bench --detector centerface-fp16   with another detector\n"
        "  mimik bench --json                       for a program"
    ),
)
def bench(
    context: typer.Context,
    seconds: Annotated[float, typer.Option(metavar="N", min=1, max=600, help="About how long it measures.")] = 20.0,
    as_json: AsJson = False,
    detector: Detector = None,
    model: Model = None,
) -> None:
    from mimik.cli import bench as work
    from mimik.cli.models import settings

    raise typer.Exit(work.bench(context.obj, settings(detector, model), seconds, as_json))


app.add_typer(session_app)
app.add_typer(key_app)
app.add_typer(dataset_app)
app.add_typer(evaluate_app)
app.add_typer(lab_app)
