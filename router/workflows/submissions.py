"""Submissions our own processes make: their identity is derived, so a repeat is the same one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from router.canonical.documents import Document
from router.canonical.events import wrap
from router.journal.port import NewJob, Submission


def own_submission(
    document: Document,
    *,
    source: str,
    event_id: str,
    verb: str,
    correlation_id: str,
    jobs: tuple[NewJob, ...] = (),
    deliver: bool = True,
) -> Submission:
    """A document one of our own processes makes; its identity is derived, so a repeat is the same one."""
    event = wrap(document, source=source, event_id=event_id, verb=verb)
    return Submission(
        client="coexist",
        idempotency_key=f"{source} {event_id}",
        received=orjson.dumps(event),
        source=source,
        event_id=event_id,
        verb=verb,
        document=document,
        kind=document.kind,
        correlation_id=correlation_id,
        jobs=jobs,
        deliver=deliver,
    )


def parked(submission: Submission, problem: str, code: str) -> Submission:
    """A submission that waits for a person: `problem` says what is wrong and where to mend it.

    It keeps what was sent, so that a repeat gets the first answer and it is counted and found by its
    entity, project and amount; a replay completes it from the payload as received.
    """
    return replace(
        submission,
        document=None,
        as_sent=submission.as_sent or submission.document,
        problem=problem,
        problem_code=code,
        correlation_id=None,
        jobs=(),
        crosswalk=(),
        draw=None,
        advance=None,
    )


def payload_of(received: str | bytes) -> Mapping[str, Any] | None:
    """What a journalled payload says of its document: of an event, an observed row or a bare document.

    The fields as they were sent, in canonical words, not checked; None when there are none.
    """
    try:
        seen = orjson.loads(received)
    except orjson.JSONDecodeError:
        return None
    if isinstance(seen, dict) and ("specversion" in seen or "raw" in seen):
        seen = seen.get("data")
    return seen if isinstance(seen, dict) else None


def short_digest(text: str, length: int = 8) -> str:
    """A short, stable, upper-case code of a text (base 32 of SHA-256), safe as part of an id."""
    alphabet = "ABCDEFGHJKMNPQRSTVWXYZ0123456789"
    value = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return "".join(alphabet[(value >> (5 * at)) & 31] for at in range(length))
