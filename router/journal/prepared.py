"""A submission made ready outside the transaction: canonical form, fingerprint, what routing reads."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache, lru_cache
from hashlib import sha256
from typing import NamedTuple

import orjson

from router.canonical import Document, Money
from router.canonical.documents import Part
from router.journal.port import Advance, Split, Submission
from router.journal.words import checked
from router.model import SystemId


class Prepared(NamedTuple):
    """A submission with what can be worked out before the transaction."""

    submission: Submission
    fingerprint: str
    canonical: str | None
    legal_entity: str
    ordering_key: str
    transactional: bool
    currency: str
    amount_minor: int
    made_by: SystemId | None = None
    """The ERP that made a document reported as a fact."""
    business_unit: str = ""
    once: tuple[str, str] | None = None
    """(kind, document id) where it may be accepted once only."""


def prepare(submission: Submission, *, made_by: SystemId | None = None) -> Prepared:
    """Canonical form and fingerprint of a submission; raises BadInput for what can't be stored."""
    _fit(submission.client, "client", empty=False)
    _fit(submission.kind, "kind", empty=False)
    _fit(submission.verb, "verb", empty=True)
    _fit(submission.source, "source", empty=True)
    checked(submission.idempotency_key, "idempotency_key")
    checked(submission.event_id, "event_id", empty=True)
    if submission.correlation_id is not None:
        checked(submission.correlation_id, "correlation_id")
    for _, vendor_id in submission.crosswalk:
        checked(vendor_id, "crosswalk")
    document = submission.document
    if document is None and submission.as_sent is not None:
        # A rule of the firm parked it: it is known what it is, so it is counted and found by that.
        sent = submission.as_sent
        digest = sha256(canonical_of(sent)).hexdigest()
        worth = sent.money
        counted = (worth.currency, worth.minor) if worth else ("", 0)
        return Prepared(
            submission, digest, None, sent.legal_entity, sent.ordering_key, False, *counted,
            business_unit=sent.business_unit,
        )  # fmt: skip
    if document is None:
        digest = sha256(submission.received).hexdigest()
        return Prepared(submission, digest, None, "", "", False, "", 0)
    canonical = canonical_of(document)
    money = document.money
    asked = canonical if submission.as_sent is None else canonical_of(submission.as_sent)
    return Prepared(
        submission,
        sha256(asked).hexdigest(),
        canonical.decode(),
        document.legal_entity,
        document.ordering_key,
        document.transactional,
        money.currency if money else "",
        money.minor if money else 0,
        made_by,
        document.business_unit,
        (document.kind, document.document_id) if document.transactional else None,
    )


_fit = lru_cache(maxsize=4_096)(checked)
"""`checked`, for what is the same in document after document: who sends, from where, what happened."""
_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS


def canonical_of(document: Document) -> bytes:
    """A document as it is stored and compared: sorted JSON without what is not given.

    The same bytes as `model_dump(mode="json", exclude_none=True)` sorted, at half the price: a test
    compares the two for every kind.
    """
    return orjson.dumps(_given(document), _plain, _SORTED)


def _given(part: Part) -> dict[str, object]:
    given = part.__dict__.copy()
    for name in _optional(type(part)):
        if given[name] is None:
            del given[name]
    return given


@cache
def _optional(model: type[Part]) -> tuple[str, ...]:
    return tuple(name for name, field in model.model_fields.items() if field.default is None)


def _plain(value: object) -> object:
    """What JSON has no word for, as a document's JSON says it; orjson knows dates, tuples and numbers."""
    if isinstance(value, Money):
        return str(value)
    if isinstance(value, Part):
        return _given(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    msg = f"a document holds a {type(value).__name__}"
    raise TypeError(msg)


def stale_words(wanted: Advance, stands: int) -> tuple[str, str]:
    """The problem and its code of a version that does not follow."""
    name = wanted.register.partition(":")[2]
    if wanted.to <= stands:
        return f"version {wanted.to} of {name} is stale: it stands at {stands}", "stale-version"
    return f"version {wanted.to} of {name} waits for version {stands + 1}", "version-gap"


def closed_words(document: Document) -> tuple[str, str]:
    """The problem and its code of a document whose period was closed while it was on its way."""
    problem = (
        f"accounting_date: {document.accounting_date} lies in a period of {document.legal_entity} that is closed"
        " — have the period re-opened, or use a date in an open one, then replay"
    )
    return problem, "period-closed"


def within(prepared: Prepared, split: Split) -> Prepared:
    """A submission with what fits of its document; a repeat is still compared with what was sent."""
    sent = prepared.submission.as_sent or prepared.submission.document
    return prepare(replace(prepared.submission, document=split.within, as_sent=sent, draw=None))


def beyond(prepared: Prepared, document: Document) -> Prepared:
    """The submission of what does not fit: of the same sender, under a key and an event id of its own."""
    submission = prepared.submission
    return prepare(
        replace(
            submission,
            document=document,
            as_sent=None,
            draw=None,
            advance=None,
            idempotency_key=f"{submission.idempotency_key} {document.document_id}",
            event_id=f"{submission.event_id} {document.document_id}",
            jobs=(),
            crosswalk=(),
        )
    )


def kept_conflict(prepared: Prepared, first: str) -> Prepared:
    """A conflicting submission as one that is parked: a change after the fact that a person must see."""
    document = prepared.submission.document
    assert document is not None
    return parked(
        prepared,
        f"{document.kind} {document.document_id} was accepted before with another content, as {first}:"
        " correct it there, or credit it",
        "changed-after-acceptance",
    )


def parked(prepared: Prepared, problem: str, code: str) -> Prepared:
    """A submission that waits for a person instead of being accepted."""
    return prepare(
        replace(
            prepared.submission,
            document=None,
            as_sent=prepared.submission.as_sent or prepared.submission.document,
            problem=problem,
            problem_code=code,
            correlation_id=None,
            crosswalk=(),
            draw=None,
            advance=None,
        )
    )
