"""Names under which a server is reached, as browsers send them."""

from __future__ import annotations

import ipaddress
import re

from mimik.errors import ConfigError

__all__ = ["host_name"]

_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


def host_name(given: str) -> str:
    """A name or address in small letters, those outside of ASCII in Punycode, without a dot at its end.

    Raises:
        ConfigError: it is neither.
    """
    try:
        return str(ipaddress.ip_address(given.removeprefix("[").removesuffix("]")))
    except ValueError:
        pass
    try:
        sent = given.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        sent = ""
    if _NAME.fullmatch(sent) is None:
        raise ConfigError(
            "--allow-host {value}: a name such as faces.example.org is needed, without https:// and without a port.",
            value=repr(given),
        )
    return sent
