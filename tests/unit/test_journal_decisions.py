"""What the journal decides, without a database."""

from __future__ import annotations

import pytest

from router.canonical import Document
from router.journal.decisions import Head, lineage_of, operation_of, pin_of, resting_state, run_of
from router.journal.port import Pin
from router.model import Decision, State, SystemId
from tests.contract.journal_kit import OLD, customer, milestone, time_entry

NOW, LATER = "2026-10-30T18:00:00.000000Z", "2026-10-30T18:00:00.000001Z"


def head(number: int, **more: object) -> Head:
    fields: dict[str, object] = {
        "lane": "P1", "job_id": number, "role": "authority", "operation": "create", "kind": "time_entry",
        "external_id": f"T{number}", "legal_entity": "UK01", "commutes": 1, "state": "queued", "attempts": 0,
        "due": NOW, "waiting_since": NOW, "facts": None,
    }  # fmt: skip
    return Head(**fields | more)  # type: ignore[arg-type]  # the fields of a head


@pytest.mark.parametrize(
    ("heads", "run"),
    [
        ([head(1), head(2), head(3)], 3),
        ([head(1), head(2), head(3), head(4)], 3),
        ([head(1, commutes=0), head(2, commutes=0)], 1),
        ([head(1), head(2, commutes=0, kind="milestone"), head(3)], 1),
        ([head(1), head(2, kind="expense_item")], 1),
        ([head(1), head(2, operation="cancel")], 1),
        ([head(1), head(2, role="shadow")], 1),
        ([head(1), head(2, due=LATER), head(3)], 1),
        ([head(1, due=LATER), head(2)], 0),
        ([head(1), head(2, state="in_doubt")], 1),
        ([head(1, state="in_doubt"), head(2, state="in_flight"), head(3)], 2),
        ([head(1), head(2, legal_entity="US01")], 1),
        ([head(1, legal_entity="US01"), head(2)], 0),
        ([head(1, legal_entity="US01", role="shadow"), head(2, legal_entity="US01", role="shadow")], 2),
        ([head(1, legal_entity="DE01"), head(2, legal_entity="DE01", business_unit="MANAGED")], 1),
        ([head(1, legal_entity="BH01"), head(2, legal_entity="BH01", kind="expense_item")], 0),
        ([head(1, legal_entity="BH01", kind="expense_item"), head(2, legal_entity="BH01")], 1),
    ],
    ids=["all", "at most the limit", "dependent: alone", "stops at a dependent", "one kind", "one operation",
         "one role", "stops at a delayed one", "the head waits", "sends are apart from look-ups",
         "look-ups together", "stops at a gate", "the head is gated", "a gate is for authority jobs",
         "a gate of a unit", "a gated kind at the head stops the lane", "a gate of a kind"],
)  # fmt: skip
def test_a_run_is_what_may_go_together_now(heads: list[Head], run: int) -> None:
    """The leading jobs of a lane, never past one that must wait or depends on its neighbours (D4)."""
    assert (
        list(
            run_of(
                heads,
                now=NOW,
                limit=3,
                closed={("US01", "", ""), ("DE01", "MANAGED", ""), ("BH01", "", "time_entry")},
            )
        )
        == heads[:run]
    )


def test_a_transaction_starts_where_its_decision_says() -> None:
    """Parked without a document or a system, held on hold, posted as a fact, queued when routed."""
    routed = Decision(rule="r", table_version=1, authority=OLD)
    held = Decision(rule="r", table_version=1, authority=None, hold=True)
    lost = Decision(rule="unroutable", table_version=1, authority=None)
    assert [
        resting_state(canonical=False, deliver=True, decision=None),
        resting_state(canonical=True, deliver=False, decision=None),
        resting_state(canonical=True, deliver=True, decision=lost),
        resting_state(canonical=True, deliver=True, decision=held),
        resting_state(canonical=True, deliver=True, decision=routed),
    ] == [State.PARKED, State.POSTED, State.PARKED, State.HELD, State.QUEUED]


@pytest.mark.parametrize(
    ("document", "scopes", "found"),
    [
        (time_entry("T1"), ["entity:UK01", "project:P1", "document:time_entry:T1"], "document:time_entry:T1"),
        (time_entry("T1"), ["entity:UK01", "project:P1"], "project:P1"),
        (time_entry("T1"), ["entity:US01", "project:P2", "document:time_entry:T2"], None),
        (customer("C1"), ["entity:UK01", "customer:C1"], "customer:C1"),
        (milestone("P1", project="P9"), ["project:P1"], None),
        (time_entry("T1"), [], None),
    ],
)
def test_the_narrowest_pin_wins(document: Document, scopes: list[str], found: str | None) -> None:
    """Document before project before customer before entity (D7)."""
    pins = {scope: Pin(scope=scope, authority=SystemId("x"), why="", by="") for scope in scopes}
    assert pin_of(document, pins) == (pins[found] if found else None)


def test_a_cancellation_follows_what_it_cancels() -> None:
    """It goes where the document went, whatever the table says by now."""
    assert lineage_of(customer("C1"), "cancelled") == ("customer", "C1")
    assert lineage_of(customer("C1"), "updated") is None
    assert lineage_of(time_entry("T2", adjusts="T1"), "approved") == ("time_entry", "T1")
    assert [operation_of(verb) for verb in ("cancelled", "updated")] == ["cancel", "create"]
