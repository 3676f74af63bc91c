"""OAuth2 bearer tokens by client credentials; they do not expire but can be revoked.

`CLIENT_ID` and `CLIENT_SECRET` are this fake account's application, accepted in the form, in JSON or
as HTTP Basic. `options.any_credentials: "true"` admits any pair that is not empty.
"""

from __future__ import annotations

import base64
import binascii
import random
from collections.abc import Mapping
from hmac import compare_digest

CLIENT_ID = "coexist-kantata"
CLIENT_SECRET = "coexist-kantata-secret"
MAX_TOKENS = 1_000


class Tokens:
    """Issues bearer tokens and knows which are good."""

    def __init__(self, rng: random.Random, *, any_credentials: bool) -> None:
        self._rng = rng
        self._any = any_credentials
        self._good: dict[str, None] = {}

    def issue(self, form: Mapping[str, str], authorization: str) -> str | None:
        """A token, or None when the client is not who it says."""
        client_id, secret = _basic(authorization) or (
            form.get("client_id", ""),
            form.get("client_secret", ""),
        )
        if not client_id or not secret or form.get("grant_type") != "client_credentials":
            return None
        same = compare_digest(client_id.encode(), CLIENT_ID.encode())
        if not self._any and not (same and compare_digest(secret.encode(), CLIENT_SECRET.encode())):
            return None
        token = f"{self._rng.getrandbits(256):064x}"
        while len(self._good) >= MAX_TOKENS:
            del self._good[next(iter(self._good))]
        self._good[token] = None
        return token

    def is_good(self, authorization: str) -> bool:
        """Whether an Authorization header carries a token that was issued."""
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and token in self._good

    def revoke_all(self) -> None:
        """Revoke every token, as an administrator can."""
        self._good.clear()


def _basic(authorization: str) -> tuple[str, str] | None:
    scheme, _, coded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password
