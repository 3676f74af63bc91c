"""Subscribed events: pull only, nine days, in no order, and an event may come twice."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from simulators.psa.kantata.errors import system
from simulators.psa.kantata.listing import PER_PAGE, PER_PAGE_MAX, whole_number
from simulators.psa.kantata.schema import BY_SUBJECT
from simulators.psa.kantata.state import Account, Row, seconds_of, told

RETENTION = timedelta(days=9)
TWICE_EVERY = 10
"""A disorderly account repeats one event in ten."""


def events_body(
    account: Account, query: Mapping[str, str], now: datetime, rng: random.Random | None
) -> dict[str, Any]:
    """The envelope of events after and before given instants; with `rng` out of order and some twice."""
    oldest = int((now - RETENTION).timestamp())
    after = max(oldest, _instant(query, "created_after", oldest))
    before = _instant(query, "created_before", 1 << 62)
    types = frozenset(query["event_types"].split(",")) if query.get("event_types") else None
    found: list[Row] = []
    # Events stand in the order they happened, and a feed asks for the newest of tens of thousands.
    for event in reversed(account.events):
        at = seconds_of(event["created_at"])
        if at <= after:
            break
        if at < before and (types is None or event["event_type"] in types):
            found.append(event)
    found.reverse()
    if rng is not None:
        found += found[::TWICE_EVERY]
        rng.shuffle(found)
    size = min(max(whole_number(query, "per_page", PER_PAGE), 1), PER_PAGE_MAX)
    page = max(whole_number(query, "page", 1), 1)
    shown = [_shown(told(event)) for event in found[(page - 1) * size : page * size]]
    meta = {
        "count": len(found),
        "page_count": -(-len(found) // size),
        "page_number": page,
        "page_size": size,
    }
    body: dict[str, Any] = {
        "count": len(found),
        "meta": meta,
        "results": [{"key": "subscribed_events", "id": event["id"]} for event in shown],
        "subscribed_events": {event["id"]: event for event in shown},
    }
    if "subject" in query.get("include", "").split(","):
        for event in shown:
            collection = BY_SUBJECT[event["subject_type"]]
            row = account.find(collection.name, event["subject_id"])
            if row is not None:
                body.setdefault(collection.name, {})[row["id"]] = row
    return body


def _shown(event: Row) -> Row:
    old, new = event["previous_payload"] or {}, event["current_payload"] or {}
    changes = {
        name: [old.get(name), new.get(name)]
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    }
    return {**event, "payload_changes": changes}


def _instant(query: Mapping[str, str], name: str, default: int) -> int:
    if not query.get(name):
        return default
    try:
        return seconds_of(query[name].replace(" ", "+"))
    except ValueError:
        raise system(400, f"{name} must be an ISO 8601 datetime") from None
