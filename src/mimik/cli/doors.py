"""How ``mimik serve`` opens itself to others: keys, names, TLS, proxies, audit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mimik.serve import Access, Transport

__all__ = ["AllowHost", "Audit", "BehindProxy", "Certificate", "CertificateKey", "Doors", "Keys", "RequireKeys"]

_PANEL = "Other machines"

RequireKeys = Annotated[
    bool, typer.Option("--require-keys", help="Demand keys even of this machine.", rich_help_panel=_PANEL)
]
Keys = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        metavar="FILE",
        help="Where keys are kept.",
        show_default="MIMIK_KEYS, or your own settings folder",
        rich_help_panel=_PANEL,
    ),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        help="A name under which others reach it; repeat for several.",
        rich_help_panel=_PANEL,
    ),
]
Certificate = Annotated[
    Path | None,
    typer.Option("--certificate", metavar="FILE", help="The certificate for TLS, in PEM.", rich_help_panel=_PANEL),
]
CertificateKey = Annotated[
    Path | None,
    typer.Option(
        "--certificate-key",
        metavar="FILE",
        help="Its private key, in PEM.",
        show_default="in the same file",
        rich_help_panel=_PANEL,
    ),
]
BehindProxy = Annotated[
    list[str] | None,
    typer.Option(
        "--behind-proxy",
        metavar="ADDRESS",
        help="A proxy that stands before it, whose word on addresses and TLS is taken; repeat for several.",
        rich_help_panel=_PANEL,
    ),
]
Audit = Annotated[
    Path | None,
    typer.Option(
        "--audit",
        metavar="FILE",
        help="Where to write who asked how much, never what was seen.",
        show_default="where keys are demanded: MIMIK_AUDIT, or your own log folder",
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True, slots=True)
class Doors:
    """What the options said.

    Attributes:
        require_keys: also of this machine.
        keys: the keyring's file.
        hosts: names of the server.
        certificate: in PEM.
        certificate_key: in PEM.
        proxies: addresses.
        audit: the audit log's file.
    """

    require_keys: bool = False
    keys: Path | None = None
    hosts: tuple[str, ...] = ()
    certificate: Path | None = None
    certificate_key: Path | None = None
    proxies: tuple[str, ...] = ()
    audit: Path | None = None

    def access(self, host: str) -> Access:
        """Who may come in to a server that listens at an address."""
        from mimik.keys import Keyring
        from mimik.serve import Access
        from mimik.serve.audit import audit_path
        from mimik.serve.guard import is_loopback

        demanded = self.require_keys or bool(self.hosts) or bool(self.proxies) or not is_loopback(host)
        return Access(
            Keyring(self.keys) if demanded else None,
            frozenset(self.hosts),
            audit_path(self.audit, demanded),
        )

    @property
    def transport(self) -> Transport:
        """How the server is reached."""
        from mimik.serve import Transport

        return Transport(self.certificate, self.certificate_key, self.proxies)
