"""Signatures of Amazon's clients (Signature Version 4), checked by the published algorithm.

The server keeps no secret: HMAC's key rule makes SHA-256 of ``"AWS4" + secret`` enough (see `mimik.keys`).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from starlette.requests import Request

__all__ = ["ALGORITHM", "MAX_SKEW", "SignatureError", "Signed", "read_signature"]

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW = timedelta(minutes=15)
"""How far a request's date may lie from now: an old one that somebody kept is worth nothing."""

_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} +Credential=([^/,\s]+)/(\d{{8}})/([\w-]+)/([\w-]+)/aws4_request, *"
    r"SignedHeaders=([a-z0-9;_-]+), *Signature=([0-9a-f]{64})"
)
_NEEDED = frozenset({"host", "x-amz-date", "x-amz-target"})


class SignatureError(Exception):
    """A signature that is not taken.

    Args:
        name: what Amazon calls it.
        message: what is the matter.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature and what of the request it covers, but for the body.

    Attributes:
        key: the access key's id.
        signature: in hexadecimal.
        scope: date, region and service, slashes between them, as they were signed.
        date: as it was signed.
        head: the canonical request up to the body's hash.
    """

    key: str
    signature: str
    scope: str
    date: str
    head: str

    def fits(self, signing_sha256: str, body: bytes) -> bool:
        """Whether the signature is that of a key and a body, in constant time.

        Args:
            signing_sha256: `mimik.keys.Key.signing_sha256`.
            body: of the request, all of it.
        """
        canonical = f"{self.head}\n{hashlib.sha256(body).hexdigest()}"
        secret = bytes.fromhex(signing_sha256)
        for part in (*self.scope.split("/"), "aws4_request"):
            secret = hmac.digest(secret, part.encode(), "sha256")
        text = "\n".join(
            (ALGORITHM, self.date, f"{self.scope}/aws4_request", hashlib.sha256(canonical.encode()).hexdigest())
        )
        return hmac.compare_digest(hmac.digest(secret, text.encode(), "sha256").hex(), self.signature)


def read_signature(request: Request, now: datetime | None = None) -> Signed:
    """The signature of a request, from its headers alone.

    Args:
        request: what may be signed.
        now: the time; None: the clock's.

    Raises:
        SignatureError: there is none, it covers too little, or its date is not now.
    """
    header = request.headers.getlist("authorization")
    if not header:
        raise SignatureError("MissingAuthenticationTokenException", "Request is missing Authentication Token")
    match = _AUTHORIZATION.fullmatch(header[0].strip()) if len(header) == 1 else None
    if match is None:
        raise SignatureError(
            "IncompleteSignatureException", "The Authorization header is not one of Signature Version 4."
        )
    key, day, region, service, names, signature = match.groups()
    signed = names.split(";")
    if not set(signed) >= _NEEDED or signed != sorted(set(signed)):
        raise SignatureError(
            "IncompleteSignatureException", f"SignedHeaders must hold {', '.join(sorted(_NEEDED))}, in order."
        )
    date = request.headers.get("x-amz-date", "")
    _check_date(date, day, now or datetime.now(UTC))
    lines = []
    for name in signed:
        values = request.headers.getlist(name)
        if not values:
            raise SignatureError("IncompleteSignatureException", f"The signed header {name} is missing.")
        lines.append(f"{name}:{','.join(' '.join(value.split()) for value in values)}\n")
    path = quote(request.scope["path"], safe="/-_.~")
    query = "&".join(sorted(request.scope["query_string"].decode("latin-1").split("&")))
    head = "\n".join((request.method, path, query, "".join(lines), names))
    return Signed(key, signature, f"{day}/{region}/{service}", date, head)


def _check_date(date: str, day: str, now: datetime) -> None:
    try:
        signed = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise SignatureError("IncompleteSignatureException", "X-Amz-Date must look like 20300131T235959Z.") from None
    if not date.startswith(day):
        raise SignatureError("InvalidSignatureException", "Date in Credential scope does not match X-Amz-Date.")
    if abs(now - signed) > MAX_SKEW:
        raise SignatureError("InvalidSignatureException", f"Signature expired or not yet current: {date}")
