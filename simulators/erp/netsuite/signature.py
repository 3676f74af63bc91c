"""OAuth 1.0a signatures as SuiteTalk checks them (RFC 5849, HMAC-SHA256): pure, no request object.

Measured with two public signers: one sends `oauth_body_hash` (SHA-1 even under HMAC-SHA256) and
signs it, the other sends none. So every `oauth_*` parameter that came, but the signature, is signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote, unquote

_PAIR = re.compile(r'\s*([A-Za-z_]+)="([^"]*)"\s*(?:,|$)')
_DEFAULT_PORT = {"http": ":80", "https": ":443"}


@lru_cache(maxsize=1024)
def encode(text: str) -> str:
    """Percent-encode all but the unreserved characters (RFC 3986), in upper-case hex."""
    return quote(text, safe="-._~")


def parse_header(value: str) -> dict[str, str] | None:
    """The parameters of an `Authorization: OAuth …` header, decoded; None when it is no such header."""
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != "oauth":
        return None
    found: dict[str, str] = {}
    at = 0
    rest = rest.strip()
    while at < len(rest):
        pair = _PAIR.match(rest, at)
        if pair is None or pair[1] in found:
            return None
        found[pair[1]] = unquote(pair[2])
        at = pair.end()
    return found


def base_string(
    *, method: str, scheme: str, host: str, raw_path: str, query: str, oauth: Mapping[str, str]
) -> str:
    """What is signed: method, address as received (still percent-encoded) and sorted parameters."""
    host = host.lower()
    host = host.removesuffix(_DEFAULT_PORT.get(scheme, ""))
    pairs = [
        *_query_pairs(query),
        *((k, v) for k, v in oauth.items() if k not in ("realm", "oauth_signature")),
    ]
    encoded = sorted((encode(key), encode(value)) for key, value in pairs)
    parameters = "&".join(f"{key}={value}" for key, value in encoded)
    # What is encoded already holds nothing but unreserved characters and these three.
    again = parameters.replace("%", "%25").replace("&", "%26").replace("=", "%3D")
    return "&".join((method.upper(), encode(f"{scheme}://{host}{raw_path}"), again))


def _query_pairs(query: str) -> Iterable[tuple[str, str]]:
    for part in query.split("&") if query else ():
        key, _, value = part.partition("=")
        yield unquote(key.replace("+", " ")), unquote(value.replace("+", " "))


def sign(base: str, *, consumer_secret: str, token_secret: str) -> str:
    """The HMAC-SHA256 of a base string, base64."""
    key = f"{encode(consumer_secret)}&{encode(token_secret)}".encode()
    return base64.b64encode(hmac.new(key, base.encode(), hashlib.sha256).digest()).decode()


def body_hash(body: bytes) -> str:
    """`oauth_body_hash`: base64 of the SHA-1 of the body, as the draft extension has it."""
    return base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()
