"""Exceptions as the API and the command line show them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.canonical.money import Money
from router.exceptions.catalogue import CATALOGUE
from router.exceptions.decisions import Judged, Tally
from router.exceptions.guidance import QUEUES, ExceptionType


def row_of(one: Judged) -> dict[str, Any]:
    """One exception of a list; times are RFC 3339 text, amounts decimal text and minor units."""
    raised, entry = one.raised, CATALOGUE[one.raised.type]
    return {
        "id": raised.exception_id,
        "type": raised.type,
        "title": entry.title,
        "class": entry.nature,
        "queue": entry.queue,
        "owner": QUEUES[entry.queue],
        "severity": one.severity,
        "case": one.case_state,
        "assigned_to": one.case.owner if one.case is not None else "",
        "note": one.case.note if one.case is not None else "",
        "since": raised.since,
        "due_at": one.due_at.isoformat().replace("+00:00", "Z"),
        "age_hours": one.age_hours,
        "over_sla": one.over_sla,
        "replay": entry.replay,
        "transaction_id": raised.transaction_id,
        "kind": raised.kind,
        "document_id": raised.document_id,
        "about": raised.about,
        "legal_entity": raised.legal_entity,
        "project_id": raised.project_id,
        "state": raised.state,
        "role": raised.role,
        "currency": raised.currency,
        "amount": str(Money(raised.amount_minor, raised.currency)) if raised.currency else None,
        "amount_minor": raised.amount_minor,
        "group_minor": one.group_minor,
        "problem": raised.problem,
        "accepted_at": raised.accepted_at,
        "target": raised.target,
        "code": raised.code,
        "why": raised.why,
    }


def totals_of(found: Mapping[str, Tally], group: str | None) -> dict[str, Any]:
    """What each queue holds; `group` is its money in the group's currency, as far as there are rates."""
    return {
        queue: {
            "owner": QUEUES[queue],  # type: ignore[index]  # the queues' own names
            "count": tally.count,
            "over_sla": tally.over_sla,
            "oldest": tally.oldest,
            "money": {
                currency: str(Money(minor, currency)) for currency, minor in sorted(tally.money.items())
            },
            "group": None
            if group is None
            else {
                "currency": group,
                "amount": str(Money(tally.group_minor, group)),
                "without_rate": tally.without_rate,
            },
        }
        for queue, tally in found.items()
    }


def entry_of(entry: ExceptionType) -> dict[str, Any]:
    """A type as the catalogue shows it: its texts with what they name left open."""
    return {
        "code": entry.code,
        "class": entry.nature,
        "queue": entry.queue,
        "owner": QUEUES[entry.queue],
        "severity_at_least": entry.at_least,
        **entry.filled({}),
    }
