"""What delivery decides, as tables: answers, back-off, what goes together, pace and circuit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical import Document, parse
from router.canonical.examples import example
from router.connectors.port import (
    Answer,
    Capabilities,
    LookUpAnswer,
    Missing,
    NoAnswer,
    NotThere,
    Posted,
    SaidNo,
    TryLater,
)
from router.delivery.decisions import (
    BREAKER,
    Circuit,
    Facts,
    Sign,
    after_answer,
    after_look_up,
    after_success,
    after_throttle,
    back_off,
    batches,
    bounded,
    bucket,
    bulk_of,
    give_back,
    is_alive,
    no_look_up,
    references,
    supported,
)
from router.delivery.policy import DeliveryPolicy
from router.journal.port import Job
from router.model import TRANSITIONS, Event, JobId, LaneKey, Operation, State, SystemId, TransactionId

NOW = datetime(2026, 10, 31, 18, 0, tzinfo=UTC)
POLICY = DeliveryPolicy()
HEADER = {
    "legal_entity": "UK01",
    "region": "EMEA",
    "business_unit": "CONSULTING",
    "accounting_date": "2026-10-30",
}


def time_entry(name: str, **more: Any) -> Document:
    return parse(
        {
            **HEADER, "kind": "time_entry", "document_id": name, "project_id": "P1", "resource_id": "R1",
            "work_date": "2026-10-30", "minutes": 60, "role": "DEV", "billable": True, "currency": "GBP",
            "bill_rate": "120.00", "cost_center": "CC1", "department": "DELIVERY", "practice": "CLOUD",
            "service_line": "BUILD", **more,
        }
    )  # fmt: skip


def milestone(name: str) -> Document:
    return parse(
        {
            **HEADER, "kind": "milestone", "document_id": name, "project_id": "P1", "contract_id": "C1",
            "contract_line": 1, "name": name, "amount": "10.00", "currency": "GBP",
            "completed_on": "2026-10-30",
        }
    )  # fmt: skip


def job(document: Document, number: int = 1, **more: Any) -> Job:
    facts: dict[str, Any] = {
        "job_id": JobId(number), "transaction_id": TransactionId(f"T{number:012d}"), "correlation_id": "c",
        "target": SystemId("netsuite"), "role": "authority", "operation": "create", "kind": document.kind,
        "external_id": document.document_id, "lane": LaneKey("P1"), "state": State.IN_FLIGHT, "attempts": 1,
        "document": document, "facts": {}, "due": NOW, "waiting_since": NOW,
    }  # fmt: skip
    return Job(**{**facts, **more})


def facts(**more: Any) -> Facts:
    return Facts(**{"now": NOW, "policy": POLICY, "draw": 0.5, **more})


DAY = timedelta(days=1)
ANSWERS: list[tuple[str, Answer, dict[str, Any], dict[str, Any], Event, str, bool, float | None]] = [
    # name, answer, job, facts, event, code, counts, due in seconds
    ("posted", Posted(vendor_id="7"), {}, {}, Event.ACCEPTED, "", True, None),
    ("business refusal", SaidNo(code="X1", message="no"), {}, {}, Event.SAID_NO, "X1", True, None),
    ("unavailable", TryLater(reason="503"), {}, {}, Event.TRY_LATER, "try-later", True, 2),
    ("third time", TryLater(reason="503"), {"attempts": 3}, {}, Event.TRY_LATER, "try-later", True, 8),
    ("late Retry-After", TryLater(reason="503", after_s=60), {}, {}, Event.TRY_LATER, "try-later", True, 60),
    ("early Retry-After", TryLater(reason="503", after_s=1), {}, {}, Event.TRY_LATER, "try-later", True, 2),
    ("last attempt", TryLater(reason="503"), {"attempts": 8}, {}, Event.EXHAUSTED, "exhausted", True, None),
    ("throttled", TryLater(reason="429", throttled=True), {}, {}, Event.TRY_LATER, "throttled", False, 2),
    (
        "throttled never exhausts", TryLater(reason="429", throttled=True), {"attempts": 99}, {},
        Event.TRY_LATER, "throttled", False, 300,
    ),
    (
        "but not for ever", TryLater(reason="429", throttled=True), {"waiting_since": NOW - 3 * DAY}, {},
        Event.EXHAUSTED, "exhausted", True, None,
    ),
    (
        "an outage is nobody's attempt", TryLater(reason="503"), {"attempts": 8}, {"systemic": True},
        Event.TRY_LATER, "try-later", False, 256,
    ),
    ("lost answer", NoAnswer(reason="time-out"), {}, {}, Event.NO_ANSWER, "in-doubt", True, 5),
    ("lost at the last attempt", NoAnswer(reason="x"), {"attempts": 8}, {}, Event.NO_ANSWER, "in-doubt", True, 5),
    ("no look-up", NoAnswer(reason="x"), {}, {"can_look_up": False}, Event.EXHAUSTED, "in-doubt", True, None),
    ("missing", Missing(kind="project", document_id="P1"), {}, {}, Event.TRY_LATER, "prerequisite", False, 5),
    (
        "still missing", Missing(kind="project", document_id="P1"), {}, {"waits": 3},
        Event.TRY_LATER, "prerequisite", False, 40,
    ),
    (
        "missing for hours", Missing(kind="project", document_id="P1"), {}, {"waits": 50},
        Event.TRY_LATER, "prerequisite", False, 300,
    ),
    (
        "missing for a day", Missing(kind="project", document_id="P1"), {"waiting_since": NOW - DAY}, {},
        Event.SAID_NO, "prerequisite-missing", True, None,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "answer", "of", "about", "event", "code", "counts", "due_s"), ANSWERS)
def test_answers(
    name: str, answer: Answer, of: dict[str, Any], about: dict[str, Any], event: Event, code: str,
    counts: bool, due_s: float | None,
) -> None:  # fmt: skip
    """Each answer has one outcome; technical and business failures are told apart."""
    found = after_answer(job(time_entry("E1"), **of), answer, facts(**about))
    due = None if due_s is None else NOW + timedelta(seconds=due_s)
    assert (found.event, found.code, found.counts, found.due) == (event, code, counts, due), name
    assert (State.IN_FLIGHT, found.event) in TRANSITIONS


LOOK_UPS: list[tuple[str, LookUpAnswer, dict[str, Any], dict[str, Any], Event, bool, float | None]] = [
    ("found", Posted(vendor_id="7"), {}, {}, Event.FOUND, True, None),
    ("found, however late", Posted(vendor_id="7"), {"attempts": 99}, {}, Event.FOUND, True, None),
    ("not there", NotThere(), {"attempts": 2}, {}, Event.NOT_FOUND, False, 2),
    ("not there after the eighth send", NotThere(), {"attempts": 9}, {}, Event.EXHAUSTED, True, None),
    ("can't tell", NoAnswer(reason="x"), {"attempts": 2}, {"waits": 1}, Event.CANNOT_TELL, False, 2),
    (
        "asking harms nobody",
        NoAnswer(reason="x"),
        {"attempts": 99},
        {"waits": 4},
        Event.CANNOT_TELL,
        False,
        16,
    ),
    (
        "but not for ever",
        NoAnswer(reason="x"),
        {"waiting_since": NOW - 3 * DAY},
        {},
        Event.EXHAUSTED,
        True,
        None,
    ),
]


@pytest.mark.parametrize(("name", "answer", "of", "about", "event", "counts", "due_s"), LOOK_UPS)
def test_look_ups(
    name: str, answer: LookUpAnswer, of: dict[str, Any], about: dict[str, Any], event: Event, counts: bool,
    due_s: float | None,
) -> None:  # fmt: skip
    """Only a look-up that found nothing lets a document in doubt be sent again (D8)."""
    found = after_look_up(job(time_entry("E1"), state=State.IN_DOUBT, **of), answer, facts(**about))
    due = None if due_s is None else NOW + timedelta(seconds=due_s)
    assert (found.event, found.counts, found.due) == (event, counts, due), name
    assert (State.IN_DOUBT, found.event) in TRANSITIONS


def test_nobody_guesses_without_a_look_up() -> None:
    """In doubt at a system that can't be asked is a dead letter for a person, never a retry."""
    found = no_look_up(job(time_entry("E1"), state=State.IN_DOUBT), "time-out", facts())
    assert found.event is Event.EXHAUSTED
    assert "a person decides" in found.why


@pytest.mark.parametrize("state", [State.IN_FLIGHT, State.IN_DOUBT])
def test_give_back_keeps_doubt(state: State) -> None:
    """A job given back untried is where it was: what was in doubt stays in doubt."""
    found = give_back(job(time_entry("E1"), state=state), code="x", why="y", due=NOW)
    then = TRANSITIONS[(state, found.event)]
    assert then is (State.QUEUED if state is State.IN_FLIGHT else State.IN_DOUBT)
    assert not found.counts


@given(attempt=st.integers(1, 1000), draw=st.floats(0, 1, exclude_max=True))
@settings(deadline=None)
def test_back_off_is_bounded(attempt: int, draw: float) -> None:
    """Back-off doubles from the first delay, never leaves ±jitter, never passes the maximum's jitter."""
    plain = min(POLICY.delay_max_s, POLICY.first_delay_s * 2 ** (attempt - 1))
    assert abs(back_off(attempt, POLICY, draw) - plain) <= plain * POLICY.jitter * 1.000001


@pytest.mark.parametrize(
    ("after_s", "believed"), [(None, 0), (-1, 0), (float("nan"), 0), (7, 7), (1e9, 3600)]
)
def test_retry_after_is_not_believed_blindly(after_s: float | None, believed: float) -> None:
    """A hostile Retry-After can't stall a lane for ever."""
    assert bounded(after_s, POLICY) == believed


def shape(jobs: list[Job]) -> list[str]:
    return [" ".join(one.document.document_id for one in step) for step in batches(jobs)]


def test_batches_of_a_lane() -> None:
    """Time shares a step, a milestone stands alone, and what corrects a document comes after it."""
    documents = [
        time_entry("E1"), time_entry("E2"), milestone("M1"), milestone("M2"), time_entry("E3"),
        time_entry("E4", adjusts="E3"), time_entry("E5", adjusts="E0"), time_entry("E5"),
    ]  # fmt: skip
    jobs = [job(document, at) for at, document in enumerate(documents)]
    assert shape(jobs) == ["E1 E2", "M1", "M2", "E3", "E4 E5", "E5"]


def test_doubt_comes_first_and_cancels_apart() -> None:
    """What is in doubt is looked up before anything of its lane; a cancel never joins its create."""
    jobs = [
        job(time_entry("E1"), 1), job(time_entry("E2"), 2, state=State.IN_DOUBT),
        job(time_entry("E1"), 3, operation="cancel"), job(time_entry("E3"), 4, operation="cancel"),
        job(milestone("M1"), 5, state=State.IN_DOUBT),
    ]  # fmt: skip
    assert shape(jobs) == ["E2 M1", "E1", "E1 E3"]


@given(st.lists(st.tuples(st.sampled_from(["E", "M"]), st.integers(1, 4), st.booleans()), max_size=12))
@settings(deadline=None)
def test_steps_keep_order(rows: list[tuple[str, int, bool]]) -> None:
    """Nothing is lost, and of two documents of a lane only independent ones ever share a step."""
    jobs = [
        job(time_entry(f"E{n}") if kind == "E" else milestone(f"M{n}"), at, operation="cancel" if off else "create")
        for at, (kind, n, off) in enumerate(rows)
    ]  # fmt: skip
    steps = batches(jobs)
    assert [one.job_id for step in steps for one in step] == [one.job_id for one in jobs]
    for step in steps:
        assert len(step) == 1 or all(one.document.commutes for one in step)
        assert len({one.external_id for one in step}) == len(step)
        assert len({one.operation for one in step}) == 1


CAN = Capabilities(
    kinds=frozenset({"project", "time_entry"}), bulk={"time_entry": 100}, cancels=frozenset({"project"}),
    feedback=frozenset({"invoice"}),
)  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "expected"), [("create", True), ("cancel", False), ("feedback", False)]
)
def test_supported(operation: Operation, expected: bool) -> None:
    """A kind is supported for an operation, not as such."""
    assert supported(job(time_entry("E1"), operation=operation), CAN) is expected


def test_references() -> None:
    """Only what the system keeps is waited for; everything else is handed over if known."""
    kinds = frozenset({"project"})
    assert references(job(milestone("M1")), kinds) == (
        (("project", "P1"),), (("project", "P1"), ("contract", "C1")),
    )  # fmt: skip
    assert references(job(time_entry("E2", adjusts="E1")), kinds) == (
        (("project", "P1"),), (("project", "P1"), ("time_entry", "E1")),
    )  # fmt: skip
    required, wanted = references(job(milestone("M1"), operation="cancel"), kinds)
    assert not required
    assert wanted[0] == ("milestone", "M1")


@pytest.mark.parametrize(
    ("kind", "looks_up", "bulk", "most"),
    [("time_entry", False, None, 100), ("time_entry", False, 40, 40), ("project", False, 40, 1), ("project", True, None, 50)],
)  # fmt: skip
def test_bulk(kind: str, looks_up: bool, bulk: int | None, most: int) -> None:
    """The smaller of what the connector can and the landscape allows."""
    assert bulk_of(kind, looks_up=looks_up, capabilities=CAN, bulk=bulk, look_up=50) == most


def test_circuit_table_is_whole() -> None:
    """A closed circuit opens only when tripped, an open one only probes, a probe decides."""
    reached = {Circuit.CLOSED}
    while True:
        further = reached | {then for (state, _), then in BREAKER.items() if state in reached}
        if further == reached:
            break
        reached = further
    assert reached == set(Circuit)
    assert [sign for state, sign in BREAKER if state is Circuit.OPEN] == [Sign.PROBED]


@given(limit=st.floats(1, 1000), ceiling=st.integers(1, 1000))
@settings(deadline=None)
def test_concurrency_stays_between_one_and_the_ceiling(limit: float, ceiling: int) -> None:
    """Halved at most to one call, recovered at most to the ceiling, by one call a round."""
    assert 1 <= after_throttle(limit) <= max(1.0, limit / 2)
    grown = after_success(min(limit, ceiling), ceiling)
    assert min(limit, ceiling) <= grown <= ceiling
    rounds = [1.0]
    for _ in range(4):
        rounds.append(after_success(rounds[-1], 1000))
    assert all(b - a <= 1.0 for a, b in pairwise(rounds))


@given(per_minute=st.integers(2, 100_000))
@settings(deadline=None)
def test_no_minute_sees_more_calls_than_allowed(per_minute: int) -> None:
    """Burst plus a minute's refill stays within the vendor's limit."""
    burst, refill = bucket(per_minute)
    assert burst >= 1
    assert burst + 60 * refill <= per_minute * 1.000001


@pytest.mark.parametrize(
    ("answers", "alive"),
    [
        ([NoAnswer(reason="x"), TryLater(reason="x")], False),
        ([NoAnswer(reason="x"), SaidNo(code="x", message="x")], True),
        ([TryLater(reason="429", throttled=True)], True),
        ([NotThere()], True),
    ],
)
def test_signs_of_life(answers: list[Answer], alive: bool) -> None:
    """One answer about a document shows the system works; so does a 429, which is the budget's matter."""
    assert is_alive(answers) is alive


def test_a_change_of_a_master_in_doubt_is_sent_again() -> None:
    """A look-up finds the master as it was before: found is no proof for the change. A first creation it is."""
    doubtful = job(example("customer"), state=State.IN_DOUBT, attempts=2)
    found = Posted(vendor_id="7")
    assert after_look_up(doubtful, found, facts()).event is Event.FOUND
    assert after_look_up(doubtful, found, facts(stood=True)).event is Event.NOT_FOUND
    entry = job(time_entry("E1"), state=State.IN_DOUBT, attempts=2)
    assert after_look_up(entry, found, facts(stood=True)).event is Event.FOUND
