"""OAuth 1.0a signatures: the base string of the RFC, and two implementations that must agree."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client  # type: ignore[import-untyped]

from router.connectors.netsuite.signing import TokenCredentials, authorization
from simulators.erp.netsuite import signature
from simulators.erp.netsuite.auth import Credentials
from simulators.erp.netsuite.errors import SuiteTalkError

NOW = datetime(2026, 10, 30, tzinfo=UTC)
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF), max_size=12)


class StillClock:
    """A clock a test sets."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.at


def account(clock: StillClock | None = None) -> Credentials:
    """An account that knows the built-in credentials."""
    return Credentials(account="1234567_SB1", clock=clock or StillClock(), rng=random.Random(1))


def test_base_string_is_the_one_of_rfc_5849() -> None:
    """Section 3.4.1.1 of the RFC, its form body given as query."""
    oauth = {
        "realm": "Example",
        "oauth_consumer_key": "9djdj82h48djs9d2",
        "oauth_token": "kkk9d7dh3k39sjv7",
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": "137131201",
        "oauth_nonce": "7d8f3e4a",
        "oauth_signature": "bYT5CMsGcbgUdFHObYMEfcx6bsw=",
    }
    base = signature.base_string(
        method="post",
        scheme="http",
        host="EXAMPLE.COM:80",
        raw_path="/request",
        query="b5=%3D%253D&a3=a&c%40=&a2=r%20b&c2&a3=2+q",
        oauth=oauth,
    )
    assert base == (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26"
        "c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26"
        "oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
    )


def test_the_connector_signs_as_oauthlib_does() -> None:
    """Same inputs, same signature as a public library."""
    credentials = TokenCredentials(consumer_key="ck", consumer_secret="c&s", token_id="tk", token_secret="ü")
    address, query = (
        "https://a.example/services/rest/record/v1/customer/eid:C-1%20x",
        [("limit", "5"), ("q", 'a "b"')],
    )
    ours = authorization(
        credentials, realm="R", method="PUT", address=address, query=query, nonce="n1", timestamp=1793000000
    )
    theirs = Client(
        "ck",
        client_secret="c&s",
        resource_owner_key="tk",
        resource_owner_secret="ü",
        signature_method=SIGNATURE_HMAC_SHA256,
        nonce="n1",
        timestamp="1793000000",
    ).sign(f"{address}?{urlencode(query, quote_via=quote)}", http_method="PUT")[1]["Authorization"]
    assert signature.parse_header(ours) == {"realm": "R", **(signature.parse_header(theirs) or {})}


@settings(deadline=None, max_examples=60)
@given(
    path=TEXT,
    query=st.lists(st.tuples(TEXT, TEXT), max_size=4),
    method=st.sampled_from(["GET", "POST", "PATCH"]),
)
def test_what_the_connector_signs_the_account_accepts(
    path: str, query: list[tuple[str, str]], method: str
) -> None:
    """Whatever is in path and query, however the query is written; and one changed letter is refused."""
    raw_path = "/services/rest/record/v1/customer/eid:" + quote(path, safe="")
    header = authorization(
        TokenCredentials(consumer_key="ck", consumer_secret="cs", token_id="tk", token_secret="ts"),
        realm="1234567_SB1",
        method=method,
        address="http://127.0.0.1:8472" + raw_path,
        query=query,
        nonce="n",
        timestamp=int(NOW.timestamp()),
    )
    sent = {
        "method": method,
        "scheme": "http",
        "host": "127.0.0.1:8472",
        "raw_path": raw_path,
        "query": urlencode(query),
        "body": b"{}",
    }
    account().check(authorization=header, **sent)  # type: ignore[arg-type]
    with pytest.raises(SuiteTalkError, match="Invalid login"):
        account().check(authorization=header, **(sent | {"raw_path": raw_path + "x"}))  # type: ignore[arg-type]


def _check(known: Credentials, header: str, body: bytes = b"") -> None:
    known.check(
        authorization=header, method="GET", scheme="http", host="h", raw_path="/x", query="", body=body
    )


def _header(**changes: str) -> str:
    oauth = {
        "oauth_consumer_key": "ck",
        "oauth_token": "tk",
        "oauth_nonce": "n",
        "oauth_timestamp": str(int(NOW.timestamp())),
        "oauth_version": "1.0",
        "oauth_signature_method": "HMAC-SHA256",
    } | {name: value for name, value in changes.items() if name != "realm"}
    base = signature.base_string(method="GET", scheme="http", host="h", raw_path="/x", query="", oauth=oauth)
    oauth["oauth_signature"] = signature.sign(base, consumer_secret="cs", token_secret="ts")
    shown = ", ".join(f'{name}="{signature.encode(value)}"' for name, value in oauth.items())
    return f'OAuth realm="{changes.get("realm", "1234567-sb1")}", {shown}'


def test_a_nonce_is_good_once() -> None:
    """A request replayed is refused, until its timestamp alone refuses it."""
    known = account()
    _check(known, _header())
    with pytest.raises(SuiteTalkError):
        _check(known, _header())
    _check(known, _header(oauth_nonce="other"))


@pytest.mark.parametrize(
    "changes",
    [
        {"oauth_consumer_key": "nobody"},
        {"oauth_token": "nobody"},
        {"realm": "OTHER"},
        {"oauth_signature_method": "HMAC-SHA1"},
        {"oauth_version": "2.0"},
        {"oauth_timestamp": str(int((NOW - timedelta(minutes=6)).timestamp()))},
        {"oauth_timestamp": "soon"},
        {"oauth_nonce": ""},
        {"oauth_body_hash": signature.body_hash(b"other body")},
    ],
    ids="-".join,
)
def test_every_wrong_parameter_is_refused(changes: dict[str, str]) -> None:
    """Signed correctly, but not what the account accepts."""
    with pytest.raises(SuiteTalkError):
        _check(account(), _header(**changes), body=b"this body")


def test_a_right_body_hash_is_accepted() -> None:
    """SHA-1 of the body, as one public client sends it even under HMAC-SHA256."""
    _check(account(), _header(oauth_body_hash=signature.body_hash(b"this body")), body=b"this body")


@pytest.mark.parametrize(
    "header", ["", "Basic YTpi", "Bearer nothing", 'OAuth oauth_nonce="1" junk', 'OAuth a="1", a="2"']
)
def test_other_headers_are_refused(header: str) -> None:
    """No password login, no unknown token, no malformed header."""
    with pytest.raises(SuiteTalkError):
        _check(account(), header)
