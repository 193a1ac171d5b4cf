"""The commands about sessions and their options; the work is done beside this module."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mimik.cli.language import Command, Group

__all__ = ["session_app"]

session_app = typer.Typer(
    name="session",
    cls=Group,
    rich_markup_mode="rich",
    help="What was recorded: list, show, export, report, compare and delete sessions.",
    epilog=(
        "Start here:\n"
        "  mimik live demo --headless --seconds 60 --session Demo   record one\n"
        "  mimik session list                                       find its id\n"
        "  mimik session report ID -o report.html                   take it home\n\n"
        "An id may be shortened to its first letters."
    ),
)

Id = Annotated[str, typer.Argument(metavar="ID", help="The session's id, or its first letters.")]
Database = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL",
        help="Where sessions are kept: a file, sqlite:///FILE or postgresql://USER@HOST/NAME.",
        show_default="MIMIK_DATABASE_URL, or your own data folder",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Relative = Annotated[bool, typer.Option("--relative", help="Give differences from each person's own rest.")]
Search = Annotated[str, typer.Option(metavar="WORDS", help="Only those whose title, tags or source hold these words.")]
Purposes = Annotated[str | None, typer.Option("--purpose", metavar="PURPOSE", help="Only those of this purpose.")]
Tag = Annotated[str, typer.Option(metavar="TAG", help="Only those with this tag.")]
AlsoReport = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Also write a report: a name ending in .html or .pdf."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class _With(Command):
    """A command whose option ``--with`` takes all that follows, up to the next option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        spread: list[str] = []
        following = False
        for place, argument in enumerate(args):
            if argument == "--":
                spread += args[place:]
                break
            if argument.startswith("-"):
                following = argument == "--with" or argument.startswith("--with=")
                spread.append(argument)
            elif following and spread[-1] != "--with":
                spread += ["--with", argument]
            else:
                spread.append(argument)
        return super().parse_args(ctx, spread)


@session_app.callback(invoke_without_command=True)
def _start(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@session_app.command(
    "list",
    cls=Command,
    help="List the sessions, newest first.",
    epilog=(
        "Examples:\n"
        "  mimik session list\n"
        "  mimik session list --search spot --purpose advertisement\n"
        "  mimik session list --json | jq -r '.[0].id'   the newest one's id"
    ),
)
def list_(
    context: typer.Context,
    search: Search = "",
    purpose: Purposes = None,
    tag: Tag = "",
    as_json: AsJson = False,
    db: Database = None,
) -> None:
    from mimik.cli.session import showing

    showing.list_sessions(context.obj, db, search, purpose, tag, as_json)


@session_app.command(
    cls=Command,
    help="Show what one session found: in words, and each expression's share.",
    epilog=(
        "Examples:\n"
        "  mimik session show k3mz\n"
        "  mimik session show k3mz --relative   against each person's rest\n"
        "  mimik session show k3mz --json       session, markers, people, analysis"
    ),
)
def show(
    context: typer.Context,
    session: Id,
    relative: Relative = False,
    as_json: AsJson = False,
    db: Database = None,
) -> None:
    from mimik.cli.session import showing

    showing.show_session(context.obj, db, session, relative, as_json)


@session_app.command(
    cls=Command,
    help=(
        "Write a session's numbers as tables.\n\n"
        "A folder gets every table: session, people, markers, seconds and samples. A single CSV or Parquet file holds "
        "one table, the seconds unless --table says otherwise; a single JSON file holds all. The formats imotions and "
        "affdex are CSV files of the samples under the column names of iMotions and of Affectiva's SDK. "
        "docs/sessions.md describes the columns."
    ),
    epilog=(
        "Examples:\n"
        "  mimik session export k3mz -o out                    out/*.csv\n"
        "  mimik session export k3mz -o out --format csv,json,parquet\n"
        "  mimik session export k3mz -o k3mz.json              everything\n"
        "  mimik session export k3mz -o k3mz.csv --table samples\n"
        "  mimik session export k3mz -o k3mz.csv --format imotions\n"
        "  mimik session export k3mz -o - --format json | jq .markers"
    ),
)
def export(
    context: typer.Context,
    session: Id,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|DIR",
            help="Where to; `-`: standard output.",
            show_default="a new folder named after the session",
        ),
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMATS",
            help="csv, json, parquet, imotions or affdex, or several with commas.",
            show_default="the file's ending, else csv",
        ),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(metavar="TABLE", help="One table: session, people, markers, seconds or samples."),
    ] = None,
    as_json: AsJson = False,
    db: Database = None,
) -> None:
    from mimik.cli.session import files

    files.export(context.obj, db, session, output, formats, table, as_json)


@session_app.command(
    cls=Command,
    help="Write a report: one HTML file that opens offline, or a PDF of the same. --lang chooses its language.",
    epilog=(
        "Examples:\n  mimik session report k3mz -o lesson.html\n  mimik session report k3mz -o lesson.pdf --lang tr"
    ),
)
def report(
    context: typer.Context,
    session: Id,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A name ending in .html or .pdf.")],
    relative: Relative = False,
    as_json: AsJson = False,
    db: Database = None,
) -> None:
    from mimik.cli.session import files

    files.report(context.obj, db, session, output, relative, as_json)


@session_app.command(
    cls=_With,
    help="Compare two groups of sessions: two cuts of an advertisement, two classes, before and after.",
    epilog=(
        "Examples:\n"
        "  mimik session compare k3mz --with p7xa\n"
        "  mimik session compare k3mz q2bb --with p7xa r9cd -o ab.html\n"
        "  mimik session compare k3mz --with p7xa --names before,after --paired"
    ),
)
def compare(
    context: typer.Context,
    sessions: Annotated[list[str], typer.Argument(metavar="ID", help="The sessions of the first group.")],
    others: Annotated[
        list[str], typer.Option("--with", metavar="ID", help="The sessions of the second group; several may follow.")
    ],
    names: Annotated[
        str | None,
        typer.Option(
            metavar="A,B", help="What the two groups are called.", show_default="the sessions' titles, or A and B"
        ),
    ] = None,
    paired: Annotated[bool, typer.Option("--paired", help="The same people are in both, in the same order.")] = False,
    output: AlsoReport = None,
    relative: Relative = False,
    as_json: AsJson = False,
    db: Database = None,
) -> None:
    from mimik.cli.session import comparing

    comparing.compare(
        context.obj, db, sessions, others, names=names, paired=paired, output=output, relative=relative, as_json=as_json
    )


@session_app.command(
    cls=Command,
    help="Show the mood by weekday and hour over several sessions, such as a shop's week.",
    epilog=(
        "Examples:\n"
        "  mimik session hours --purpose shop\n"
        "  mimik session hours --tag counter -o week.html\n"
        "  mimik session hours k3mz p7xa --json"
    ),
)
def hours(
    context: typer.Context,
    sessions: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="The sessions.", show_default="all that the options choose"),
    ] = None,
    search: Search = "",
    purpose: Purposes = None,
    tag: Tag = "",
    output: AlsoReport = None,
    as_json: AsJson = False,
    db: Database = None,
) -> None:
    from mimik.cli.session import comparing

    comparing.hours(context.obj, db, sessions or [], search, purpose, tag, output, as_json)


@session_app.command(
    cls=Command,
    help=(
        "List, set or delete a session's markers, or read them from a CSV file: a time and a label a line.\n\n"
        "Times count from the session's start: seconds (75.5), m:ss (1:15) or h:mm:ss (1:02:30)."
    ),
    epilog=(
        "Examples:\n"
        "  mimik session marker k3mz                                their list\n"
        "  mimik session marker k3mz --at 1:15 --label 'topic 2'\n"
        "  mimik session marker k3mz --csv topics.csv               all or none\n"
        "  mimik session marker k3mz --delete 4"
    ),
)
def marker(
    context: typer.Context,
    session: Id,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="Set one at this time.")] = None,
    label: Annotated[str | None, typer.Option(metavar="TEXT", help="What the one that --at sets is called.")] = None,
    table: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Read them from this file; wrong lines stop it all.")
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List them; also what happens without any option.")] = False,
    delete: Annotated[int | None, typer.Option(metavar="N", min=1, help="Delete the one with this number.")] = None,
    as_json: AsJson = False,
    db: Database = None,
) -> None:
    from mimik.cli.session import changing

    changing.mark(context.obj, db, session, at=at, label=label, table=table, delete=delete, as_json=as_json)


@session_app.command(
    cls=Command,
    help="Say when the people were at rest: ten seconds are enough. --relative then shows differences from it.",
    epilog="Examples:\n  mimik session baseline k3mz --from 0:05 --to 0:15\n  mimik session show k3mz --relative",
)
def baseline(
    context: typer.Context,
    session: Id,
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="When the rest begins.")],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="When it ends.")],
    as_json: AsJson = False,
    db: Database = None,
) -> None:
    from mimik.cli.session import changing

    changing.rest(context.obj, db, session, start, end, as_json)


@session_app.command(
    cls=Command,
    help="Change a session's title, tags, purpose, grounds, or how long it is kept.",
    epilog=(
        "Examples:\n"
        "  mimik session edit k3mz --title 'Spot A, cinema 2'\n"
        "  mimik session edit k3mz --tag spot-a --tag cinema   replaces its tags\n"
        "  mimik session edit k3mz --keep-days 90 --raw-days 7"
    ),
)
def edit(
    context: typer.Context,
    session: Id,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Its new title.")] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag; may be repeated. All others go.")
    ] = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Remove all tags.")] = False,
    purpose: Annotated[str | None, typer.Option(metavar="PURPOSE", help="What it is for.")] = None,
    consent: Annotated[str | None, typer.Option(metavar="TEXT", help="How the people were told and agreed.")] = None,
    ground: Annotated[str | None, typer.Option(metavar="TEXT", help="The legal ground, in your own words.")] = None,
    keep_days: Annotated[
        str | None, typer.Option(metavar="N|forever", help="Purge it so many days after it was saved.")
    ] = None,
    raw_days: Annotated[
        str | None, typer.Option(metavar="N|forever", help="Purge its samples so many days after it was saved.")
    ] = None,
    as_json: AsJson = False,
    db: Database = None,
) -> None:
    from mimik.cli.session import changing

    chosen = [] if no_tags else tags
    if no_tags and tags:
        raise typer.BadParameter("choose one", context, param_hint=("--tag", "--no-tags"))
    changes = changing.Changes(title, chosen, purpose, consent, ground, keep_days, raw_days)
    changing.edit(context.obj, db, session, changes, as_json)


@session_app.command(
    cls=Command,
    help="Delete sessions for good: their numbers, markers and clips. Nothing of them stays in the file.",
    epilog=(
        "Examples:\n"
        "  mimik session delete k3mz\n"
        "  mimik session delete k3mz p7xa --yes   without asking\n"
        "  mimik session delete --all             everything that is kept"
    ),
)
def delete(
    context: typer.Context,
    sessions: Annotated[list[str] | None, typer.Argument(metavar="ID", help="The sessions.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All sessions, clips and waiting videos.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
    db: Database = None,
) -> None:
    from mimik.cli.session import changing

    if bool(sessions) == everything:
        raise typer.BadParameter("choose one", context, param_hint=("ID", "--all"))
    raise typer.Exit(changing.delete(context.obj, db, sessions or [], yes=yes, as_json=as_json))


@session_app.command(
    cls=Command,
    help="Delete what is kept longer than was agreed: samples past their days, and sessions past theirs.",
    epilog="Examples:\n  mimik session purge\n  mimik session purge --json",
)
def purge(context: typer.Context, as_json: AsJson = False, db: Database = None) -> None:
    from mimik.cli.session import changing

    changing.purge(context.obj, db, as_json)
