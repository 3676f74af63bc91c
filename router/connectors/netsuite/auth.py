"""Who we are: token-based when token credentials are configured, else OAuth2 client credentials.

The OAuth2 access token is cached, renewed early, and asked for once however many calls need it.
The assertion is signed PS256 or ES256 by the key's type; the vendor refuses RS256.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlencode

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwk, jwt

from router.clock import Clock
from router.connectors.http import Lost, NotSent, Reply, seconds_of, send
from router.connectors.netsuite.signing import TokenCredentials, authorization
from router.errors import BadConfig, VendorRefused

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
RENEW_BEFORE = timedelta(minutes=5)
ASSERTION_LIFE_S = 300
"""The vendor takes up to 60 minutes; five leave room for clocks that differ."""
TOKEN_KEYS = ("consumer_key", "consumer_secret", "token_id", "token_secret")
CLIENT_KEYS = ("client_id", "certificate_id", "private_key")
_CURVES = {256: "ES256", 384: "ES384", 521: "ES512"}


class TokenAuthorizer:
    """Signs every request (OAuth 1.0a)."""

    def __init__(
        self, credentials: Callable[[], TokenCredentials], *, realm: str, clock: Clock, rng: random.Random
    ) -> None:
        self._load, self._realm, self._clock, self._rng = credentials, realm, clock, rng
        self._credentials: TokenCredentials | None = None

    async def header(self, method: str, address: str, query: Sequence[tuple[str, str]]) -> str | NotSent:
        """The signed header; each has a nonce of its own."""
        if self._credentials is None:
            self._credentials = self._load()
        return authorization(
            self._credentials,
            realm=self._realm,
            method=method,
            address=address,
            query=query,
            nonce=f"{self._rng.getrandbits(128):032x}",
            timestamp=int(self._clock.now().timestamp()),
        )

    def expired(self) -> bool:
        """Nothing is cached, but a nonce seen before (a request doubled on its way) is a 401 too: sign once more."""
        return True


class ClientAuthorizer:
    """Trades a signed assertion for an access token, and keeps it while it lasts."""

    def __init__(
        self,
        credentials: Callable[[], tuple[str, str, str]],
        *,
        base_url: str,
        audience: str | None,
        client: httpx.AsyncClient,
        clock: Clock,
        timeout_s: float,
    ) -> None:
        self._load, self._client, self._clock, self._timeout_s = credentials, client, clock, timeout_s
        self._token_url = base_url.rstrip("/") + "/services/rest/auth/oauth2/v1/token"
        self._audience = audience or self._token_url
        self._token, self._good_until = "", datetime.min.replace(tzinfo=clock.now().tzinfo)
        self._asking = asyncio.Lock()

    async def header(self, method: str, address: str, query: Sequence[tuple[str, str]]) -> str | NotSent:
        """`Bearer …`; raises VendorRefused when the assertion is refused."""
        del method, address, query
        if not self._usable():
            async with self._asking:
                if not self._usable() and (problem := await self._renew()):
                    return problem
        return f"Bearer {self._token}"

    def expired(self) -> bool:
        """Forget the token: one more try with a new one makes sense."""
        self._token = ""
        return True

    def _usable(self) -> bool:
        return bool(self._token) and self._clock.now() < self._good_until

    async def _renew(self) -> NotSent | None:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._assertion(),
        }
        request = self._client.build_request(
            "POST",
            self._token_url,
            content=urlencode(form).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        outcome = await send(self._client, request, self._timeout_s)
        if isinstance(outcome, NotSent):
            return outcome
        if isinstance(outcome, Lost):
            return NotSent(f"the token endpoint: {outcome.reason}")
        return self._keep(outcome)

    def _keep(self, reply: Reply) -> NotSent | None:
        if reply.status in (400, 401, 403):
            raise VendorRefused(
                f"NetSuite's token endpoint refuses us ({reply.status})",
                mend="check client id, certificate and scope",
            )
        data = reply.json()
        token = data.get("access_token") if isinstance(data, dict) else None
        if reply.status != 200 or not isinstance(token, str) or not token or not token.isascii():
            return NotSent(
                f"the token endpoint answered {reply.status}",
                after_s=reply.retry_after_s,
                throttled=reply.status in (429, 503),
            )
        lasts = seconds_of(str(data.get("expires_in"))) or 0.0
        life = timedelta(seconds=min(lasts, 86_400.0))
        self._token, self._good_until = token, self._clock.now() + life - min(RENEW_BEFORE, life / 2)
        return None

    def _assertion(self) -> str:
        client_id, certificate_id, pem = self._load()
        algorithm, key_type = _algorithm(pem)
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": client_id,
            "scope": ["rest_webservices"],
            "aud": self._audience,
            "iat": now,
            "exp": now + ASSERTION_LIFE_S,
        }
        header = {"typ": "JWT", "alg": algorithm, "kid": certificate_id}
        return jwt.encode(header, claims, jwk.import_key(pem, key_type), algorithms=[algorithm])


def _algorithm(pem: str) -> tuple[str, Literal["RSA", "EC"]]:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except ValueError as error:
        raise BadConfig("private_key is no PEM private key", file="landscape") from error
    if isinstance(key, EllipticCurvePrivateKey):
        return _CURVES.get(key.curve.key_size, "ES256"), "EC"
    return "PS256", "RSA"


def choose(credentials: Mapping[str, str]) -> str:
    """`token` or `client`, by what is configured; raises BadConfig naming what is missing."""
    how = "token" if "token_id" in credentials else "client"
    wanted = TOKEN_KEYS if how == "token" else CLIENT_KEYS
    missing = [name for name in wanted if name not in credentials]
    if missing:
        raise BadConfig(
            f"credentials of a netsuite system lack {', '.join(missing)}",
            file="landscape",
            mend=f"give {', '.join(TOKEN_KEYS)}; or {', '.join(CLIENT_KEYS)}",
        )
    return how
