"""``mimik key``: who may use a server from elsewhere."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mimik.cli.language import Command, Group
from mimik.cli.terminal import Terminal

if TYPE_CHECKING:
    from mimik.keys import Key

__all__ = ["Keys", "key_app"]

key_app = typer.Typer(
    name="key",
    cls=Group,
    rich_markup_mode="rich",
    help="Keys for a server that others may reach: make, list and revoke them.",
    epilog=(
        "Start here:\n"
        "  mimik key create --name Anna --scope analyze   shows the key, once\n"
        "  mimik key list\n"
        "  mimik key revoke ID                            works at once"
    ),
)

Keys = Annotated[
    Path | None,
    typer.Option(
        "--keys", metavar="FILE", help="Where keys are kept.", show_default="MIMIK_KEYS, or your own settings folder"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


@key_app.command(
    "create",
    cls=Command,
    help=(
        "Make a key. It is shown once; only what checks it is kept.\n\n"
        "Scopes: analyze (pictures, streams, the clients of Azure, Face++ and SkyBiometry), rekognition (Amazon's "
        "client), sessions, live (the page and its recordings), admin (delete everything), metrics, or all."
    ),
    epilog=(
        "Examples:\n"
        "  mimik key create --name Anna --scope analyze\n"
        "  mimik key create --name Boto --scope rekognition --days 90\n"
        "  mimik key create --name 'My page' --scope live --scope sessions"
    ),
)
def create(
    context: typer.Context,
    name: Annotated[str, typer.Option(metavar="NAME", help="Whose it is, to know it again in the list.")],
    scopes: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="SCOPE", help="What it is good for; repeat for several.", show_default="all"),
    ] = None,
    days: Annotated[
        float | None,
        typer.Option(metavar="N", min=0.001, max=36_500, help="Days until it expires.", show_default="never"),
    ] = None,
    keys: Keys = None,
    as_json: AsJson = False,
) -> None:
    import json

    from mimik.keys import Keyring

    terminal: Terminal = context.obj
    key, token = Keyring(keys).create(name, scopes or ["all"], days)
    if as_json:
        terminal.write(json.dumps({**_shown(key), "token": token}, ensure_ascii=False))
        return
    terminal.say(
        "A key for {name}, good for {scopes}. Keep it now: it cannot be shown again.",
        name=key.name,
        scopes=", ".join(key.scopes),
    )
    terminal.write(token)
    if "rekognition" in key.scopes:
        terminal.say(
            "Amazon's client: aws_access_key_id is {id}, aws_secret_access_key is what follows the last underscore.",
            id=key.id,
        )


@key_app.command(
    "list",
    cls=Command,
    help="List the keys: whose they are and what they are good for, never the keys themselves.",
    epilog="Examples:\n  mimik key list\n  mimik key list --json",
)
def list_keys(context: typer.Context, keys: Keys = None, as_json: AsJson = False) -> None:
    import json

    from rich.markup import escape
    from rich.table import Table

    from mimik.keys import Keyring

    terminal: Terminal = context.obj
    ring = Keyring(keys)
    found = ring.entries()
    if as_json:
        terminal.write(json.dumps([_shown(key) for key in found], ensure_ascii=False))
        return
    if not found:
        terminal.say("There are no keys in {path}.", path=ring.path)
        return
    table = Table(box=None)
    for heading in (
        terminal.text("Id"),
        terminal.text("Name"),
        terminal.text("Good for"),
        terminal.text("Made"),
        terminal.text("Expires"),
    ):
        table.add_column(heading)
    for key in found:
        expires = terminal.text("never") if key.expires_s is None else _date(key.expires_s)
        if not key.usable():
            expires = terminal.text("{date} (expired)", date=expires)
        table.add_row(key.id, escape(key.name), ", ".join(key.scopes), _date(key.created_s), expires)
    terminal.out.print(table)


@key_app.command(
    "revoke",
    cls=Command,
    help="Make a key useless. A running server refuses it from the next request on and closes its streams.",
    epilog="Examples:\n  mimik key revoke a1b2c3d4",
)
def revoke(
    context: typer.Context,
    id: Annotated[str, typer.Argument(metavar="ID", help="The key's id; `mimik key list` shows it.")],  # noqa: A002
    keys: Keys = None,
) -> None:
    from mimik.keys import Keyring

    terminal: Terminal = context.obj
    key = Keyring(keys).revoke(id)
    terminal.say("The key {id} ({name}) opens nothing any more.", id=key.id, name=key.name)


def _shown(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "created": _moment(key.created_s),
        "expires": None if key.expires_s is None else _moment(key.expires_s),
        "usable": key.usable(),
    }


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))
