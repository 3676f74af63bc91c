"""What came back from NetSuite as the port's answers: of one record, of a batch, of a query."""

from __future__ import annotations

from typing import Any

from router.connectors.http import Lost, NotSent, Outcome, Reply
from router.connectors.netsuite.decisions import Duplicate, Needed, problem_of, record_id, refusal
from router.connectors.port import Answer, NoAnswer, Posted, TryLater
from router.errors import VendorUnknown

DISAGREES = NoAnswer(reason="NetSuite calls it a duplicate but does not find it")
"""Nobody but time can tell; the next look-up asks again."""


def page_of(outcome: Outcome) -> dict[str, Any]:
    """A page of a query's rows; raises VendorUnknown."""
    if not isinstance(outcome, Reply):
        after = outcome.after_s if isinstance(outcome, NotSent) else None
        raise VendorUnknown(outcome.reason, retry_after_s=after)
    data = outcome.json()
    if outcome.status != 200:
        problem = problem_of(outcome.status, data)
        no = refusal(problem, needed={}, retry_after_s=outcome.retry_after_s)
        if isinstance(no, TryLater):
            raise VendorUnknown(no.reason, retry_after_s=no.after_s, throttled=no.throttled)
        raise VendorUnknown(f"{problem.status} {problem.code}: {problem.message}")
    items = data.get("items") if isinstance(data, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise VendorUnknown("NetSuite's answer is no list of rows")
    assert isinstance(data, dict)
    return data


def of_write(outcome: Outcome, needed: Needed, known_id: str | None = None) -> Answer | Duplicate:
    """The answer of a synchronous write."""
    if not isinstance(outcome, Reply) or outcome.status not in (200, 204):
        return of_failure(outcome, needed)
    vendor_id = record_id(outcome.location) or known_id
    return Posted(vendor_id=vendor_id) if vendor_id else NoAnswer(reason="success without a Location")


def of_failure(outcome: Outcome, needed: Needed) -> Answer | Duplicate:
    """The answer of whatever was no success."""
    if isinstance(outcome, NotSent):
        return TryLater(reason=outcome.reason, after_s=outcome.after_s, throttled=outcome.throttled)
    if isinstance(outcome, Lost):
        return NoAnswer(reason=outcome.reason)
    return refusal(
        problem_of(outcome.status, outcome.json()), needed=needed, retry_after_s=outcome.retry_after_s
    )


def of_result(result: Any, needed: Needed) -> Answer | Duplicate:
    """The answer of one record of a batch."""
    if not isinstance(result, dict):
        return NoAnswer(reason="an unreadable result of a batch")
    vendor_id = record_id(str(result.get("location", "")))
    if vendor_id and "o:errorDetails" not in result:
        return Posted(vendor_id=vendor_id)
    status = result.get("status")
    return refusal(problem_of(status if isinstance(status, int) else 500, result), needed=needed)


def settled(answer: Answer | Duplicate) -> Answer:
    """A duplicate that was not found is in doubt."""
    return DISAGREES if isinstance(answer, Duplicate) else answer
