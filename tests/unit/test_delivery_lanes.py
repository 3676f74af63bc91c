"""Lanes in hand, the pool and known references: what may be sent, and what is given back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from router.canonical import Document, parse
from router.connectors.port import Exchange
from router.delivery.decisions import give_back
from router.delivery.lanes import Item, KnownRefs, LaneInHand, Pool
from router.journal.port import Job, Lease, Settlement
from router.model import Event, JobId, LaneKey, State, SystemId, TransactionId
from tests.contract.journal_kit import Hands

NOW = datetime(2026, 10, 31, 18, 0, tzinfo=UTC)
ERP = SystemId("netsuite")


def milestone(name: str) -> Document:
    return parse(
        {
            "kind": "milestone", "document_id": name, "legal_entity": "UK01", "region": "EMEA",
            "business_unit": "CONSULTING", "accounting_date": "2026-10-30", "project_id": "P1",
            "contract_id": "C1", "contract_line": 1, "name": name, "amount": "10.00", "currency": "GBP",
            "completed_on": "2026-10-30",
        }
    )  # fmt: skip


def job(number: int, **more: Any) -> Job:
    document = milestone(f"M{number}")
    facts: dict[str, Any] = {
        "job_id": JobId(number), "transaction_id": TransactionId(f"T{number:012d}"), "correlation_id": "c",
        "target": ERP, "role": "authority", "operation": "create", "kind": "milestone",
        "external_id": document.document_id, "lane": LaneKey("P1"), "state": State.IN_FLIGHT, "attempts": 1,
        "document": document, "facts": {}, "due": NOW, "waiting_since": NOW,
    }  # fmt: skip
    return Job(**{**facts, **more})


def in_hand(*jobs: Job, token: int = 1, lane: str = "P1") -> LaneInHand:
    lease = Lease(
        target=ERP, lane=LaneKey(lane), token=token, until=NOW + timedelta(seconds=120), jobs=jobs
    )  # fmt: skip
    return LaneInHand(lease)


def test_the_rest_waits_behind_what_waits() -> None:
    """A lane stopped by a retry gives the rest back, due no earlier, so that nothing overtakes."""
    lane = in_hand(job(1), job(2), job(3, state=State.IN_DOUBT))
    assert [[one.job_id for one in step] for step in lane.steps] == [[3], [1], [2]]
    lane.steps.popleft()
    due = NOW + timedelta(seconds=40)
    lane.decide(give_back(job(3, state=State.IN_DOUBT), code="x", why="no answer", due=due))
    assert lane.finished
    found = lane.settlement()
    assert found.release
    assert [(one.job_id, one.event, one.due, one.counts) for one in found.settlements] == [
        (3, Event.CANNOT_TELL, due, False),
        (1, Event.TRY_LATER, due, False),
        (2, Event.TRY_LATER, due, False),
    ]
    assert found.settlements[1].why == "waits behind another document of its lane: no answer"


def test_a_lane_is_kept_until_its_last_step() -> None:
    """Outcomes are settled as they come; the lane is released with the last one."""
    lane = in_hand(job(1), job(2))
    released = []
    for number in (1, 2):
        (one,) = lane.steps.popleft()
        assert one.job_id == number
        lane.open = 1
        assert not lane.settlement().release
        at = lane.hear(Exchange(request="q", response=f"a{number}"))
        lane.decide(Settlement(job_id=one.job_id, event=Event.ACCEPTED, exchange=at))
        lane.open = 0
        found = lane.settlement()
        assert found.exchanges[found.settlements[0].exchange or 0].response == f"a{number}"
        released.append(found.release)
    assert released == [False, True]


def test_nothing_is_sent_after_its_lease() -> None:
    """A worker that slept through its lease sends nothing of it: somebody else may hold the lane."""
    pool = Pool()
    one, two = in_hand(job(1)), in_hand(job(2), lane="P2")
    two.until = NOW + timedelta(seconds=500)
    for lane in (one, two):
        pool.add(Item(lane, lane.lease.jobs[0], {}))
    (group,) = pool.groups()
    taken = pool.take(group, 10, NOW + timedelta(seconds=121))
    assert [item.job.job_id for item in taken] == [2]
    assert (one.lost, two.lost, len(pool)) == (True, False, 0)


def test_look_ups_go_first_and_groups_take_turns() -> None:
    """What is in doubt is asked before anything new is sent; no group starves another."""
    pool = Pool()
    rows = [job(1), job(2, operation="cancel"), job(3), job(4, state=State.IN_DOUBT)]
    for one in rows:
        pool.add(Item(in_hand(one, lane=f"P{one.job_id}"), one, {}))
    order = []
    while len(pool):
        order += [item.job.job_id for item in pool.take(pool.groups()[0], 1, NOW)]
    assert order == [4, 1, 2, 3]


def test_known_references_are_bounded() -> None:
    """The least recently used goes first; what is not known is asked for once."""
    refs = KnownRefs(2, clock=Hands(), fresh_s=60)
    for name in ("a", "b"):
        refs.put(("project", name), name)
    assert refs.get(("project", "a")) == "a"
    refs.put(("project", "c"), "c")
    assert refs.get(("project", "b")) is None
    assert refs.unknown([("project", "b"), ("project", "a"), ("project", "b")]) == [("project", "b")]


def test_what_was_known_a_while_ago_is_asked_for_again() -> None:
    """A merge may have given it another id; until the answer is there the old one is used."""
    clock = Hands()
    refs = KnownRefs(2, clock=clock, fresh_s=60)
    refs.put(("customer", "a"), "1")
    clock.turn(60)
    assert refs.unknown([("customer", "a")]) == []
    clock.turn(1)
    assert refs.unknown([("customer", "a")]) == [("customer", "a")]
    assert refs.get(("customer", "a")) == "1"
    refs.put(("customer", "a"), "2")
    assert refs.unknown([("customer", "a")]) == []
    assert refs.get(("customer", "a")) == "2"


def test_the_latest_due_holds_the_lane_and_the_soonest_wakes_it() -> None:
    """Of several retries in a step the last one holds the rest; the first says when to look again."""
    lane = in_hand(job(1))
    lane.steps.clear()
    for seconds in (30, 90, 60):
        lane.decide(give_back(job(1), code="x", why=f"{seconds}", due=NOW + timedelta(seconds=seconds)))
    assert lane.blocker is not None
    assert lane.blocker.why == "90"
    assert lane.soonest == NOW + timedelta(seconds=30)
