"""OAuth2 client credentials and sessions that expire on the injected clock.

`CLIENT_ID` and `CLIENT_SECRET` are this fake org's connected app. Clients send them as HTTP Basic or
in the form; both are accepted, as at the vendor. `options.any_credentials: "true"` in the landscape
admits any pair that is not empty.
"""

from __future__ import annotations

import base64
import binascii
import random
from datetime import datetime, timedelta
from hmac import compare_digest

from simulators.core.clock import Clock

CLIENT_ID = "3MVG9.coexist.salesforce"
CLIENT_SECRET = "coexist-salesforce-secret"
ORG_ID = "00Dxx0000001gEREAY"
USER_ID = "005xx000001SwiUAAS"
SESSION_S = 7_200
"""Default life of a session: the vendor's default time-out is two hours."""
MAX_SESSIONS = 1_000


class OAuthError(Exception):
    """A token request that is refused: RFC 6749 `error` and `error_description`."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


class Sessions:
    """Issues tokens and knows which are still good."""

    def __init__(self, *, clock: Clock, rng: random.Random, session_s: int, any_credentials: bool) -> None:
        self._clock = clock
        self._rng = rng
        self._life = timedelta(seconds=session_s)
        self._any = any_credentials
        self._until: dict[str, datetime] = {}

    def issue(self, form: dict[str, str], authorization: str) -> str:
        """A token for a client-credentials request; raises OAuthError."""
        if form.get("grant_type") != "client_credentials":
            raise OAuthError("unsupported_grant_type", "grant type not supported")
        client_id, secret = _basic(authorization) or (
            form.get("client_id", ""),
            form.get("client_secret", ""),
        )
        if not client_id or not secret:
            raise OAuthError("invalid_client", "client identifier or secret is missing")
        same = compare_digest(client_id.encode(), CLIENT_ID.encode())
        if not self._any and not (same and compare_digest(secret.encode(), CLIENT_SECRET.encode())):
            raise OAuthError(
                "invalid_client_id" if not same else "invalid_client", "invalid client credentials"
            )
        token = f"{ORG_ID[:15]}!AQ{self._rng.getrandbits(256):064x}"
        while len(self._until) >= MAX_SESSIONS:
            del self._until[next(iter(self._until))]
        self._until[token] = self._clock.now() + self._life
        return token

    def is_good(self, authorization: str) -> bool:
        """Whether an Authorization header carries a live session."""
        scheme, _, token = authorization.partition(" ")
        until = self._until.get(token)
        return scheme.lower() in ("bearer", "oauth") and until is not None and self._clock.now() < until

    def expire_all(self) -> None:
        """End every session, as an administrator can."""
        self._until.clear()


def _basic(authorization: str) -> tuple[str, str] | None:
    scheme, _, coded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password
