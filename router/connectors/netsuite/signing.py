"""NetSuite's token-based authentication: OAuth 1.0a (RFC 5849) with HMAC-SHA256. Pure.

The address is signed as it goes out, percent-encoded; a JSON body is no parameter and needs no hash.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TokenCredentials:
    """An integration's consumer and one user's token; never shown."""

    consumer_key: str
    consumer_secret: str
    token_id: str
    token_secret: str


@lru_cache(maxsize=1024)
def percent(text: str) -> str:
    """Percent-encode all but unreserved characters (RFC 3986); most texts of a header come again and again."""
    return quote(text, safe="-._~")


def authorization(
    credentials: TokenCredentials,
    *,
    realm: str,
    method: str,
    address: str,
    query: Sequence[tuple[str, str]],
    nonce: str,
    timestamp: int,
) -> str:
    """The `Authorization` header of one request; `address` has no query, `query` is decoded."""
    oauth = {
        "oauth_consumer_key": credentials.consumer_key,
        "oauth_nonce": nonce,
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_timestamp": str(timestamp),
        "oauth_token": credentials.token_id,
        "oauth_version": "1.0",
    }
    pairs = sorted((percent(key), percent(value)) for key, value in [*oauth.items(), *query])
    parameters = "&".join(f"{key}={value}" for key, value in pairs)
    # What is encoded already holds nothing but unreserved characters and these three.
    again = parameters.replace("%", "%25").replace("&", "%26").replace("=", "%3D")
    base = f"{method}&{percent(address)}&{again}"
    key = f"{percent(credentials.consumer_secret)}&{percent(credentials.token_secret)}"
    mac = hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()
    oauth["oauth_signature"] = base64.b64encode(mac).decode()
    shown = ", ".join(f'{name}="{percent(value)}"' for name, value in oauth.items())
    return f'OAuth realm="{realm}", {shown}'
