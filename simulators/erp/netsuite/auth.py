"""Who may call: token-based authentication (OAuth 1.0a) and OAuth2 client credentials with a signed JWT.

Known credentials are the constants below unless a seed brings others, so that a landscape which only
names where its secrets are can be rehearsed. RS256 assertions are refused, as the vendor does.
"""

from __future__ import annotations

import hmac
import json
import random
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import load_pem_x509_certificate
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from simulators.core.acting import ACTING
from simulators.erp.netsuite import signature
from simulators.erp.netsuite.errors import SuiteTalkError, invalid_login

ACCOUNT = "1234567_SB1"
CONSUMER_KEY, CONSUMER_SECRET = "ck", "cs"
TOKEN_ID, TOKEN_SECRET = "tk", "ts"
INTEGRATION = "Integration"
"""The user of the built-in token and of every certificate: an access token is issued to a user and a role."""
CLIENT_ID, CERTIFICATE_ID = "client", "development"
_KEY = ec.derive_private_key(20261120, ec.SECP256R1())
PRIVATE_KEY = _KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
"""The private half of the certificate every simulated account knows as `development`; worth nothing."""
ALGORITHMS = ("PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
MAX_CLOCK_SKEW = timedelta(minutes=5)
MAX_NONCES = 200_000
"""Nonces remembered; each is forgotten once its timestamp is too old to be accepted anyway."""
TOKEN_LIFE = timedelta(hours=1)
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Clock(Protocol):
    """Tells what time it is, in UTC."""

    def now(self) -> datetime:
        """The present instant."""
        ...


class Credentials:
    """The integrations, tokens, certificates and access tokens an account knows."""

    def __init__(self, *, account: str, clock: Clock, rng: random.Random, audience: str = "") -> None:
        self.account = account
        self._audience = audience
        self._clock, self._rng = clock, rng
        self.reset()

    def reset(self) -> None:
        """Forget all but the built-in credentials."""
        self.consumers = {CONSUMER_KEY: CONSUMER_SECRET}
        self.tokens = {TOKEN_ID: TOKEN_SECRET}
        self.users = {TOKEN_ID: INTEGRATION}
        public = _KEY.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.certificates: dict[str, str] = {CERTIFICATE_ID: public.decode()}
        self.clients = {CLIENT_ID}
        self._nonces: dict[tuple[str, str, str], datetime] = {}
        self._bearers: dict[str, datetime] = {}

    def learn(self, data: Mapping[str, Any]) -> None:
        """Take seeded `consumers`, `tokens` (id: secret), their `users` (id: name), `certificates` (id: PEM) and `clients`."""
        self.users |= {str(k): str(v) for k, v in data.get("users", {}).items()}
        self.consumers |= {str(k): str(v) for k, v in data.get("consumers", {}).items()}
        self.tokens |= {str(k): str(v) for k, v in data.get("tokens", {}).items()}
        self.certificates |= {str(k): str(v) for k, v in data.get("certificates", {}).items()}
        self.clients |= {str(client) for client in data.get("clients", ())}

    def check(
        self,
        *,
        authorization: str,
        method: str,
        scheme: str,
        host: str,
        raw_path: str,
        query: str,
        body: bytes,
    ) -> None:
        """Raise SuiteTalkError 401 unless the request proves who sent it."""
        if authorization[:7].lower() == "bearer ":
            until = self._bearers.get(authorization[7:].strip())
            if until is None or until <= self._clock.now():
                raise invalid_login()
            ACTING.set(INTEGRATION)
            return
        oauth = signature.parse_header(authorization)
        if oauth is None:
            raise invalid_login()
        base = signature.base_string(
            method=method, scheme=scheme, host=host, raw_path=raw_path, query=query, oauth=oauth
        )
        self._check_signed(oauth, base, body)

    def _check_signed(self, oauth: Mapping[str, str], base: str, body: bytes) -> None:
        consumer, token = oauth.get("oauth_consumer_key", ""), oauth.get("oauth_token", "")
        if consumer not in self.consumers or token not in self.tokens:
            raise invalid_login()
        if oauth.get("oauth_signature_method") != "HMAC-SHA256" or oauth.get("oauth_version", "1.0") != "1.0":
            raise invalid_login()
        if oauth.get("realm", "").upper().replace("-", "_") != self.account.upper().replace("-", "_"):
            raise invalid_login()
        if "oauth_body_hash" in oauth and oauth["oauth_body_hash"] != signature.body_hash(body):
            raise invalid_login()
        wanted = signature.sign(
            base, consumer_secret=self.consumers[consumer], token_secret=self.tokens[token]
        )
        if not hmac.compare_digest(wanted.encode(), oauth.get("oauth_signature", "").encode()):
            raise invalid_login()
        self._use_nonce(token, oauth.get("oauth_timestamp", ""), oauth.get("oauth_nonce", ""))
        ACTING.set(self.users.get(token, token))

    def _use_nonce(self, token: str, timestamp: str, nonce: str) -> None:
        now = self._clock.now()
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12) or not nonce:
            raise invalid_login()
        if abs(now.timestamp() - int(timestamp)) > MAX_CLOCK_SKEW.total_seconds():
            raise invalid_login()
        key = (token, timestamp, nonce)
        if key in self._nonces:
            raise invalid_login()
        while self._nonces:  # insertion order is close to age; the oldest go first
            oldest = next(iter(self._nonces))
            if self._nonces[oldest] > now and len(self._nonces) < MAX_NONCES:
                break
            del self._nonces[oldest]
        self._nonces[key] = now + 2 * MAX_CLOCK_SKEW

    def grant(self, form: Mapping[str, str], *, token_url: str) -> dict[str, str]:
        """An access token for a signed assertion; raises `Denied`, which is no SuiteTalkError, otherwise."""
        if form.get("grant_type") != "client_credentials":
            raise Denied(400, "unsupported_grant_type")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise Denied(400, "invalid_request")
        claims = self._verified(form.get("client_assertion", ""))
        now = self._clock.now().timestamp()
        issued, expires = claims.get("iat"), claims.get("exp")
        if not isinstance(issued, int) or not isinstance(expires, int):
            raise Denied(400, "invalid_request")
        skew = MAX_CLOCK_SKEW.total_seconds()
        if expires <= now or issued > now + skew or expires - issued > 3600:
            raise Denied(400, "invalid_request")
        if claims.get("iss") not in self.clients or claims.get("aud") not in (
            token_url,
            [token_url],
            self._audience or token_url,
        ):
            raise Denied(401, "invalid_client")
        scope = claims.get("scope")
        scopes = scope if isinstance(scope, list) else str(scope or "").replace(" ", ",").split(",")
        if "rest_webservices" not in scopes:
            raise Denied(400, "invalid_scope")
        bearer = f"{self._rng.getrandbits(256):064x}"
        self._bearers = {t: until for t, until in self._bearers.items() if until > self._clock.now()}
        self._bearers[bearer] = self._clock.now() + TOKEN_LIFE
        return {
            "access_token": bearer,
            "expires_in": str(int(TOKEN_LIFE.total_seconds())),
            "token_type": "bearer",
        }

    def _verified(self, assertion: str) -> dict[str, Any]:
        try:
            raw = assertion.split(".", maxsplit=1)[0]
            header = json.loads(urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
        except ValueError as error:
            raise Denied(400, "invalid_request") from error
        known = self.certificates.get(str(header.get("kid"))) if isinstance(header, dict) else None
        if known is None or header.get("alg") not in ALGORITHMS or header.get("typ") != "JWT":
            raise Denied(401, "invalid_client")
        try:
            key = jwk.import_key(_public_pem(known), _key_type(header["alg"]))
            return dict(jwt.decode(assertion, key, algorithms=[header["alg"]]).claims)
        except (JoseError, ValueError) as error:
            raise Denied(401, "invalid_client") from error

    def snapshot(self) -> dict[str, Any]:
        """Everything learned, JSON-able; nonces and access tokens do not survive."""
        return {
            "consumers": self.consumers,
            "tokens": self.tokens,
            "users": self.users,
            "certificates": self.certificates,
            "clients": sorted(self.clients),
        }


class Denied(Exception):
    """The token endpoint's refusal, in OAuth2's own words (RFC 6749, 5.2)."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status, self.error = status, error


def _key_type(algorithm: str) -> Literal["RSA", "EC"]:
    return "RSA" if algorithm.startswith("PS") else "EC"


def _public_pem(pem: str) -> str:
    if "CERTIFICATE" not in pem:
        return pem
    public = load_pem_x509_certificate(pem.encode()).public_key()
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


__all__ = ["ALGORITHMS", "Credentials", "Denied", "SuiteTalkError"]
