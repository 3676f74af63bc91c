"""Who may read: a bearer token from OAuth2 client credentials, which expires, or a fixed API key.

The constants are this fake HCM's client and let nobody in elsewhere. `options.any_credentials: "true"`
admits any pair that is not empty.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from hmac import compare_digest

from simulators.core.clock import Clock

CLIENT_ID = "coexist-hcm"
CLIENT_SECRET = "coexist-hcm-secret"
API_KEY = "coexist-hcm-key"
TOKEN_LASTS = timedelta(hours=1)
MAX_TOKENS = 1_000


class Access:
    """Issues tokens and knows who may read."""

    def __init__(self, rng: random.Random, clock: Clock, *, any_credentials: bool) -> None:
        self._rng = rng
        self._clock = clock
        self._any = any_credentials
        self._good: dict[str, datetime] = {}

    def issue(self, form: Mapping[str, str]) -> str | None:
        """A token for an hour, or None when the client is not who it says."""
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        if not client_id or not secret or form.get("grant_type") != "client_credentials":
            return None
        if not self._any and not (_same(client_id, CLIENT_ID) and _same(secret, CLIENT_SECRET)):
            return None
        token = f"{self._rng.getrandbits(256):064x}"
        while len(self._good) >= MAX_TOKENS:
            del self._good[next(iter(self._good))]
        self._good[token] = self._clock.now() + TOKEN_LASTS
        return token

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Whether a request carries a good token or the key."""
        if _same(headers.get("x-api-key", ""), API_KEY):
            return True
        scheme, _, token = headers.get("authorization", "").partition(" ")
        ends = self._good.get(token)
        return scheme.lower() == "bearer" and ends is not None and self._clock.now() < ends

    def revoke_all(self) -> None:
        """Revoke every token."""
        self._good.clear()


def _same(given: str, wanted: str) -> bool:
    return compare_digest(given.encode(), wanted.encode())
