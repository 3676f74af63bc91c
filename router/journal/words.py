"""Text on its way into the journal: identities are refused when unfit, evidence is mended and bounded."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import orjson

from router.canonical import Document, parse
from router.errors import BadInput
from router.model import TransactionId

MOST_NAME = 512
"""Characters of an identity: an idempotency key, a source, an event id."""
MOST_WHY = 2_000
MOST_EXCHANGE = 200_000
"""Characters kept of a request or response; the rest is cut off, and the text says so."""


def checked(text: str, field: str, *, empty: bool = False) -> str:
    """An identity as it is; raises BadInput when it is empty, too long or can't be stored."""
    if not (text or empty) or len(text) > MOST_NAME:
        raise BadInput(f"{field}: should be a text of 1 to {MOST_NAME} characters")
    if (not text.isascii() and cleaned(text, MOST_NAME) != text) or "\x00" in text:
        raise BadInput(f"{field}: holds characters that are no text")
    return text


def cleaned(text: str, most: int) -> str:
    """Somebody else's text, without what no database stores, cut to size."""
    if not text.isascii() or "\x00" in text:
        text = text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    return text if len(text) <= most else text[:most] + f"… ({len(text)} characters)"


def packed(text: str) -> bytes:
    """Somebody else's text, cut to size and compressed: a batch says much the same a hundred times."""
    return zlib.compress(cleaned(text, MOST_EXCHANGE).encode(), 1)


def unpacked(data: bytes) -> str:
    """What `packed` was given, as far as it was kept."""
    return zlib.decompress(data).decode()


def as_json(value: Any) -> str:
    """Canonical JSON: keys sorted, no spaces."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def from_json(text: str | None) -> Any:
    """The value written by `as_json`; nothing stays nothing."""
    return None if text is None else orjson.loads(text)


def document_of(canonical: str, schema_version: int) -> Document:
    """A stored document, whatever version of its kind it was accepted as."""
    return parse(from_json(canonical), int(schema_version))


def facts_text(facts: Mapping[str, Any]) -> str | None:
    """A job's facts for the database; none is null."""
    return as_json(dict(facts)) if facts else None


def id_text(seq: int) -> TransactionId:
    """A transaction's number as its id."""
    return TransactionId(f"T{seq:012d}")


def number(transaction_id: str) -> int | None:
    """The number in a transaction id; None when it is none."""
    digits = transaction_id[1:]
    fits = transaction_id[:1] == "T" and 12 <= len(digits) <= 15 and digits.isascii() and digits.isdigit()
    return int(digits) if fits else None
