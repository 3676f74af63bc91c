"""What is on its way is pending, what just arrived gets its grace, and a comparison says when it was made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from router.clock import to_text
from router.dualrun.grace import Afoot, Judged, afoot, consistency, to_read_again, waits
from router.journal.port import Moving, Position

NOW = datetime(2026, 10, 30, 18, tzinfo=UTC)
GRACE = timedelta(minutes=15)


def moving(minutes_ago: int = 5, **changes: Any) -> Moving:
    """A time entry posted a while ago."""
    facts = {
        "kind": "time_entry", "external_id": "TE-1", "role": "shadow", "target": "netsuite", "state": "posted",
        "at": to_text(NOW - timedelta(minutes=minutes_ago)),
    }  # fmt: skip
    return Moving(**(facts | changes))


@pytest.mark.parametrize(
    ("state", "role", "expected"),
    [
        ("queued", "shadow", "pending"),
        ("in_flight", "authority", "pending"),
        ("held", "shadow", "pending"),
        ("in_doubt", "shadow", "in-doubt"),
        ("posted", "shadow", ""),
        ("refused", "shadow", ""),
        ("dead", "authority", ""),
    ],
)
def test_a_delivery_that_is_not_settled_makes_its_document_wait(state: str, role: str, expected: str) -> None:
    """Of both roles; what was refused or given up is settled, and its absence a break with a cause."""
    assert waits(("time_entry", "TE-1"), ("net",), afoot([moving(state=state, role=role)])) == expected


def test_in_doubt_weighs_more_than_pending() -> None:
    """Of two deliveries of a document the one nobody knows about is told, in any order."""
    two = [moving(state="in_doubt"), moving(state="queued")]
    for rows in (two, two[::-1]):
        assert waits(("time_entry", "TE-1"), ("net",), afoot(rows)) == "in-doubt"
        assert afoot(rows).deliveries == 2


def test_an_invoice_waits_for_its_billing_event_and_its_status_for_a_payment() -> None:
    """A payment under way explains a status and no amount."""
    assert waits(
        ("invoice", "B-1"),
        ("total",),
        afoot([moving(kind="billing_event", external_id="B-1", state="queued")]),
    )
    paying = afoot([moving(kind="payment", external_id="P-1", invoice_id="INV-B-1", state="queued")])
    assert waits(("invoice", "B-1"), ("status",), paying) == "pending"
    assert waits(("invoice", "INV-B-1"), ("status",), paying) == "pending"
    assert waits(("invoice", "B-1"), ("status", "total"), paying) == ""
    assert waits(("invoice", "B-2"), ("status",), paying) == ""


def test_only_what_differs_and_was_touched_within_the_grace_is_read_again() -> None:
    """And not before the last of it has had all of its grace, and never later than that from now."""
    now = afoot([moving(5), moving(12, external_id="TE-2"), moving(40, external_id="TE-3")])
    names = [("time_entry", f"TE-{n}") for n in (2, 3, 4)]
    again, due = to_read_again(names, now, at=NOW, grace=GRACE)
    assert again == {("time_entry", "TE-2")}
    assert due == NOW + timedelta(minutes=3)
    _, due = to_read_again([("time_entry", "TE-1")], afoot([moving(-600)]), at=NOW, grace=GRACE)
    assert due == NOW + GRACE
    assert to_read_again(names, now, at=NOW, grace=timedelta(0)) == (frozenset(), None)
    assert to_read_again([], now, at=NOW, grace=GRACE) == (frozenset(), None)


def position(**changes: Any) -> Position:
    """A journal at rest."""
    facts: dict[str, Any] = {
        "at": to_text(NOW),
        "seq": 7,
        "epochs": {"UK01": 2},
        "under_way": 0,
        "accepted": 5,
        "tries": 9,
    }
    return Position(**(facts | changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "quiescent at 7"),
        ({"seq": 9}, "quiescent at 7"),
        ({"under_way": 2}, "deliveries on their way: 2"),
        ({"tries": 12}, "calls made: 3"),
        ({"accepted": 6}, "transactions let through: 1"),
        ({"epochs": {"UK01": 3}}, "changed hands: UK01"),
    ],
)
def test_a_comparison_states_its_consistency_point(changes: dict[str, Any], said: str) -> None:
    """Quiescent only when nothing of the entities moved; what was held or is another entity's does not count."""
    point = consistency(position(), position(), position(**changes))
    assert said in point["sentence"]
    assert (point["state"] == "quiescent") == said.startswith("quiescent")
    assert point["position"] == 7


def test_what_moved_between_the_two_readings_is_seen() -> None:
    """A delivery that came and went while the legacy ERP was read leaves its calls, or is seen in between."""
    assert consistency(position(), position(under_way=1), position())["state"] == "unfenced"


def test_each_document_is_judged_by_the_reading_that_counts_for_it() -> None:
    """Not read again: by what was on its way at first. Read again: by now; torn when it came while it was read."""
    begun = NOW
    first = Afoot(pending={("invoice", "A"): "pending"})
    again = Afoot(touched={("invoice", "B"): begun, ("invoice", "C"): begun - timedelta(minutes=1)})
    judged = Judged(
        first=first, again=again, names=frozenset({("invoice", "B"), ("invoice", "C")}), begun=begun
    )
    found = {name: judged.waits(("invoice", name), ("total",)) for name in "ABCD"}
    assert found == {"A": "pending", "B": "pending", "C": "", "D": ""}
    assert judged.pending == {("invoice", "A")}
