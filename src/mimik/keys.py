"""The keys of a server: who may come in from elsewhere, kept in one file that holds no key itself.

A token, ``mimik_<id>_<secret>``, is shown once, when it is made. The file keeps its id, name, scopes and the secret's
SHA-256: the secret is random and long, so that nothing slower is needed against guessing. Keys for Amazon's client
also keep SHA-256 of ``"AWS4" + secret``. HMAC shortens any key of more than 64 bytes to its hash by itself (RFC 2104),
so that this is enough to check a signature, and the secret need not be kept. It is as good as the secret for signing
requests to this server, however: whoever reads the file may do that until the key is revoked.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import string
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mimik.errors import ConfigError
from mimik.locks import locked

__all__ = ["SCOPES", "Key", "Keyring", "default_keys", "parse_token"]

SCOPES = ("analyze", "rekognition", "sessions", "live", "admin", "metrics")
"""What a key may be good for."""

_ID = string.ascii_lowercase + string.digits
_ID_LENGTH = 8
_BASE62 = string.ascii_letters + string.digits
_SECRET_LENGTH = 64  # with "AWS4" before it: more than one block of SHA-256
_TOKEN = re.compile(rf"mimik_([a-z0-9]{{{_ID_LENGTH}}})_([A-Za-z0-9]{{{_SECRET_LENGTH}}})")
_DAY_S = 86_400.0
_PATIENCE_S = 10.0
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a key.

    Attributes:
        id: public; names the key in lists and in the audit log.
        name: whose it is, for people.
        scopes: of `SCOPES`.
        created_s: seconds since 1970.
        expires_s: the same; None: never.
        secret_sha256: of the secret, in hexadecimal.
        signing_sha256: of ``"AWS4" + secret``, in hexadecimal, where the scopes hold ``rekognition``, else None.
    """

    id: str
    name: str
    scopes: tuple[str, ...]
    created_s: float
    expires_s: float | None
    secret_sha256: str
    signing_sha256: str | None = None

    def fits(self, secret: str) -> bool:
        """Whether this is the key's secret, in constant time."""
        return hmac.compare_digest(_sha256(secret), self.secret_sha256)

    def usable(self, now_s: float | None = None) -> bool:
        """Whether it has not expired."""
        return self.expires_s is None or (time.time() if now_s is None else now_s) < self.expires_s


def default_keys() -> Path:
    """Where keys are kept unless told otherwise: ``MIMIK_KEYS``, else the user's configuration folder."""
    given = os.environ.get("MIMIK_KEYS")
    if given:
        return Path(given)
    import platformdirs

    return Path(platformdirs.user_config_dir("mimik", appauthor=False)) / "keys.json"


def parse_token(token: str) -> tuple[str, str] | None:
    """A token's id and secret; None where it is no token."""
    match = _TOKEN.fullmatch(token)
    return None if match is None else (match[1], match[2])


class Keyring:
    """The keys of one file. Safe to share between threads and processes; changes count at once everywhere.

    Args:
        path: the file, made with the first key; None: `default_keys`.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = default_keys() if path is None else path
        self._read: tuple[tuple[int, int, int] | None, Mapping[str, Key]] = (None, {})

    def create(self, name: str, scopes: Collection[str], days: float | None = None) -> tuple[Key, str]:
        """Make a key and keep what checks it.

        Args:
            name: whose it is.
            scopes: of `SCOPES`, or ``all``.
            days: until it expires; None: never.

        Returns:
            The key, and its token, which cannot be had again.

        Raises:
            ConfigError: a scope is unknown, there is none, the name is empty, or the file cannot be used.
        """
        unknown = sorted(set(scopes) - {*SCOPES, "all"})
        if unknown or not scopes:
            raise ConfigError(
                "There is no scope {scope}. Choose from {known}, or all.",
                scope=repr(unknown[0] if unknown else ""),
                known=", ".join(SCOPES),
            )
        name = " ".join(name.split())[:100]
        if not name:
            raise ConfigError("A key needs a name: it tells in the list whose it is.")
        chosen = tuple(scope for scope in SCOPES if "all" in scopes or scope in scopes)
        secret = "".join(secrets.choice(_BASE62) for _ in range(_SECRET_LENGTH))
        now_s = time.time()
        with self._alone() as keys:
            key = Key(
                id=_new_id(keys),
                name=name,
                scopes=chosen,
                created_s=now_s,
                expires_s=None if days is None else now_s + days * _DAY_S,
                secret_sha256=_sha256(secret),
                signing_sha256=_sha256(f"AWS4{secret}") if "rekognition" in chosen else None,
            )
            self._write({**keys, key.id: key})
        return key, f"mimik_{key.id}_{secret}"

    def revoke(self, id: str) -> Key:  # noqa: A002 (what it is called everywhere)
        """Make a key useless from now on.

        Raises:
            ConfigError: there is no such key, or the file cannot be used.
        """
        with self._alone() as keys:
            if id not in keys:
                raise ConfigError("{path} has no key {id}. `mimik key list` shows them.", path=self.path, id=repr(id))
            self._write({other: key for other, key in keys.items() if other != id})
        return keys[id]

    def entries(self) -> tuple[Key, ...]:
        """Every key, oldest first, expired ones included.

        Raises:
            ConfigError: the file cannot be read.
        """
        return tuple(sorted(self._keys().values(), key=lambda key: key.created_s))

    def usable(self, id: str) -> Key | None:  # noqa: A002
        """The key of an id, unless it is revoked, expired or unknown.

        Raises:
            ConfigError: the file cannot be read.
        """
        key = self._keys().get(id)
        return key if key is not None and key.usable() else None

    def check(self, token: str) -> Key | None:
        """The key that a token opens with, or None.

        Raises:
            ConfigError: the file cannot be read.
        """
        parsed = parse_token(token)
        key = None if parsed is None else self.usable(parsed[0])
        return key if key is not None and parsed is not None and key.fits(parsed[1]) else None

    def _keys(self) -> Mapping[str, Key]:
        """What the file holds, read again only where it changed."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unusable(error.strerror or error) from error
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if self._read[0] != stamp:
            self._read = (stamp, self._load())
        return self._read[1]

    def _load(self) -> dict[str, Key]:
        try:
            content = json.loads(self.path.read_bytes())
            if content["version"] != _VERSION:
                raise ConfigError(
                    "{path} is of another version of Mimik: {found} where this one reads {known}. Name another file"
                    " with --keys, or take that version.",
                    path=self.path,
                    found=repr(content["version"]),
                    known=_VERSION,
                )
            keys = [_key(each) for each in content["keys"]]
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unusable(error.strerror or error) from error
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError(
                "{path} is not a file of keys, or is damaged. Name another with --keys, or put a copy of it back.",
                path=self.path,
            ) from error
        return {key.id: key for key in keys}

    def _write(self, keys: Mapping[str, Key]) -> None:
        """Put a new file in the old one's place: whoever reads sees the one or the other."""
        content = {"version": _VERSION, "keys": [asdict(key) for key in keys.values()]}
        new = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            new.unlink(missing_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=1, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise self._unusable(error.strerror or error) from error

    @contextmanager
    def _alone(self) -> Iterator[Mapping[str, Key]]:
        """The keys as they are now, while no other process changes them."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path.with_name(self.path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error.strerror or error) from error
        with os.fdopen(descriptor, "r+b") as lock:
            until_s = time.monotonic() + _PATIENCE_S
            while not locked(lock.fileno()):
                if time.monotonic() > until_s:
                    raise ConfigError("{path}: another program has been changing it for long.", path=self.path)
                time.sleep(0.02)
            yield self._load()

    def _unusable(self, detail: object) -> ConfigError:
        return ConfigError("{path}: the keys there cannot be used ({detail}).", path=self.path, detail=detail)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _new_id(taken: Collection[str]) -> str:
    while True:
        new = "".join(secrets.choice(_ID) for _ in range(_ID_LENGTH))
        if new not in taken:
            return new


def _key(values: Mapping[str, Any]) -> Key:
    key = Key(**{**values, "scopes": tuple(values["scopes"])})
    if not (isinstance(key.id, str) and isinstance(key.secret_sha256, str) and set(key.scopes) <= set(SCOPES)):
        raise ValueError("not a key")
    if not (key.expires_s is None or isinstance(key.expires_s, int | float)):
        raise ValueError("not a date")
    return key
