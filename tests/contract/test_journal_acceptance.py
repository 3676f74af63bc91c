"""Acceptance: first answers, conflicts, decisions under the fence; the same on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from router.errors import BadInput
from router.journal.journal import Journal
from router.journal.port import Accepted, Conflict, NewJob, Pin, Submission, Switch
from router.model import Decision, LaneKey, State, SystemId
from tests.contract.journal_kit import (
    CRM,
    NEW,
    OLD,
    Hands,
    claim,
    customer,
    drain,
    invoice,
    milestone,
    payment,
    routes,
    submission,
    time_entry,
    with_tables,
)

Work = Callable[[Journal], Awaitable[None]]


def on(url: str, work: Work, *, tables: bool = True) -> None:
    async def main() -> None:
        journal = Journal.open(url, clock=Hands(), decide=routes)
        try:
            if tables:
                await with_tables(journal)
            await work(journal)
        finally:
            journal.close()

    asyncio.run(main())


async def one(journal: Journal, what: Submission) -> Accepted:
    (answer,) = await journal.accept([what])
    assert isinstance(answer, Accepted)
    return answer


def test_a_document_is_accepted_with_its_decision_and_found_again(journal_url: str) -> None:
    """The answer names transaction, process and decision; everything about it can be read."""

    async def work(journal: Journal) -> None:
        answer = await one(journal, submission(time_entry("TE-1")))
        assert (answer.transaction_id, answer.correlation_id) == ("T000000000001", "T000000000001")
        assert answer.state is State.QUEUED
        assert not answer.replayed
        assert answer.decision == Decision(rule="default", table_version=1, authority=OLD, why="default")
        found = await journal.transaction(answer.transaction_id)
        assert found is not None
        assert found["received"] == '{"as": "received"}'
        assert found["document"]["bill_rate"] == "150.00"
        assert (found["amount_minor"], found["currency"]) == (15000, "GBP")
        assert [job["target"] for job in found["jobs"]] == [OLD]
        assert [line["what"] for line in found["history"]] == ["accepted"]
        for text in ("T000000000001", "TE-1"):
            assert await journal.find(text) == ["T000000000001"]
        assert await journal.find("TE-2") == []
        assert await journal.transaction("T000000000002") is None
        assert await journal.transaction("nonsense") is None

    on(journal_url, work)


@pytest.mark.parametrize("together", [False, True], ids=["later", "in one batch"])
@pytest.mark.parametrize(
    ("again", "what"),
    [
        (submission(time_entry("TE-1"), key="K1"), None),
        (submission(time_entry("TE-1"), key="K2"), None),
        (submission(time_entry("TE-1"), client="other", key="K1"), None),
        (submission(time_entry("TE-1", minutes=61), key="K1"), "idempotency key"),
        (submission(time_entry("TE-2"), key="K1"), "idempotency key"),
        (submission(time_entry("TE-1", minutes=61), key="K2"), "document id"),
        (submission(time_entry("TE-1", minutes=61), client="other", key="K1"), "document id"),
    ],
    ids=[
        "same",
        "other key",
        "other client",
        "key, other body",
        "key, other id",
        "id, other body",
        "client, other body",
    ],
)
def test_idempotency(journal_url: str, again: Submission, what: str | None, together: bool) -> None:
    """The same body gets the first answer; another body under the key or the document id is a conflict."""

    async def work(journal: Journal) -> None:
        first = submission(time_entry("TE-1"), key="K1")
        if together:
            answer, second = await journal.accept([first, again])
        else:
            (answer,), (second,) = await journal.accept([first]), await journal.accept([again])
        assert isinstance(answer, Accepted)
        if what is None:
            assert isinstance(second, Accepted)
            assert second.replayed
            assert (second.transaction_id, second.correlation_id) == (
                answer.transaction_id,
                answer.correlation_id,
            )
            assert (second.decision, second.state) == (answer.decision, answer.state)
        else:
            assert second == Conflict(what=what, first=answer.transaction_id)
        assert sum(row["count"] for row in await journal.totals()) == 1

    on(journal_url, work)


def test_a_master_may_come_again_under_another_key(journal_url: str) -> None:
    """Masters are updated: another event is another transaction, and the newest is the master."""

    async def work(journal: Journal) -> None:
        await journal.accept([submission(customer("C1"), key="1"), submission(customer("C2"), key="2")])
        answer = await one(journal, submission(customer("C1", title="Acme plc"), key="3", verb="updated"))
        assert answer.transaction_id == "T000000000003"
        newest = await journal.master("customer", "C1")
        assert newest is not None
        assert newest.model_dump()["name"] == "Acme plc"
        assert [row.document_id for row in await journal.masters("customer")] == ["C1", "C2"]
        assert await journal.master("customer", "C9") is None
        assert sorted(await journal.documents("customer", ["C2", "C9", "C1"])) == ["C1", "C2"]

    on(journal_url, work)


def test_a_replay_gets_the_first_answer_whatever_happened_since(journal_url: str) -> None:
    """I6: after a switch and after delivery, a retry of an accepted request gets its first answer."""

    async def work(journal: Journal) -> None:
        first = await one(journal, submission(time_entry("TE-1")))
        await journal.switch(Switch(entities=["UK01"], table_version=3, by="me", why="cutover"))
        await drain(journal)
        again = await one(journal, submission(time_entry("TE-1")))
        assert again.replayed
        assert (again.decision, again.state) == (first.decision, State.QUEUED)
        later = await one(journal, submission(time_entry("TE-2")))
        assert later.decision is not None
        assert (later.decision.authority, later.decision.epoch) == (NEW, 1)

    on(journal_url, work)


def test_what_cannot_be_routed_is_parked_and_never_lost(journal_url: str) -> None:
    """No rule, a rule that raises, or a payload that is no document: parked, with the reason."""

    async def work(journal: Journal) -> None:
        await journal.switch(Switch(entities=["US01"], table_version=5, by="me", why="test"))
        answers = await journal.accept(
            [
                submission(time_entry("TE-1", entity="US01")),
                submission(time_entry("RAISES-1")),
                submission(None, key="broken", problem="bill_rate: missing"),
            ]
        )
        assert [one.state for one in answers if isinstance(one, Accepted)] == [State.PARKED] * 3
        assert [one.decision.why if one.decision else "" for one in answers if isinstance(one, Accepted)] == [
            "no rule covers it",
            "routing failed: ValueError: this rule is broken",
            "",
        ]
        found = await journal.transaction("T000000000003")
        assert found is not None
        assert (found["problem"], found["document"]) == ("bill_rate: missing", None)
        (again,) = await journal.accept([submission(None, key="broken", problem="bill_rate: missing")])
        assert isinstance(again, Accepted)
        assert again.replayed
        (other,) = await journal.accept([submission(None, key="broken", received=b"else")])
        assert isinstance(other, Conflict)
        assert await journal.backlog() == {}

    on(journal_url, work)


def test_without_a_published_table_documents_are_parked(journal_url: str) -> None:
    """A journal that has no route table yet takes documents and says why they wait."""

    async def work(journal: Journal) -> None:
        answer = await one(journal, submission(time_entry("TE-1")))
        assert answer.decision is not None
        assert (answer.state, answer.decision.why) == (State.PARKED, "no route table is published")

    on(journal_url, work, tables=False)


def test_facts_are_recorded_and_not_routed(journal_url: str) -> None:
    """deliver=False: posted at once, no decision, no ERP job, but the jobs it brings and its crosswalk."""
    job = NewJob(
        target=CRM, role="feedback", operation="feedback", external_id="INV-1", lane=LaneKey("P1"), kind="invoice",
        facts={"number": "90001"},
    )  # fmt: skip

    async def work(journal: Journal) -> None:
        answer = await one(
            journal,
            submission(
                invoice("INV-1"),
                deliver=False,
                jobs=(job,),
                crosswalk=((OLD, "90001"),),
                correlation_id="PR-1",
            ),
        )
        assert (answer.state, answer.decision, answer.correlation_id) == (State.POSTED, None, "PR-1")
        assert await journal.crosswalk(OLD, [("invoice", "INV-1")]) == {("invoice", "INV-1"): "90001"}
        ((lease,), rest) = (await claim(journal, CRM), await claim(journal, OLD))
        assert rest == []
        assert (lease.jobs[0].facts, lease.jobs[0].correlation_id) == ({"number": "90001"}, "PR-1")
        assert await journal.find("PR-1") == [answer.transaction_id]
        # Lineage: its payment follows the ERP it came from, though the table says otherwise by now.
        await journal.switch(Switch(entities=["UK01"], table_version=3, by="me", why="cutover"))
        paid = await one(journal, submission(payment("PAY-1", "INV-1")))
        assert paid.decision is not None
        assert (paid.decision.rule, paid.decision.authority) == ("lineage", OLD)

    on(journal_url, work)


def test_lineage_comes_before_the_table_and_a_pin_before_lineage(journal_url: str) -> None:
    """A correction follows its original, also within one batch; a pin beats both; the narrowest pin wins."""

    async def work(journal: Journal) -> None:
        await journal.accept([submission(time_entry("TE-1"))])
        await journal.switch(Switch(entities=["UK01"], table_version=3, by="me", why="cutover"))

        async def authority(*documents: Submission) -> list[SystemId | None]:
            answers = await journal.accept(documents)
            return [one.decision.authority for one in answers if isinstance(one, Accepted) and one.decision]

        assert await authority(
            submission(time_entry("TE-2", adjusts="TE-1")), submission(time_entry("TE-3", adjusts="TE-2")),
            submission(time_entry("TE-4", adjusts="TE-9")),
        ) == [OLD, OLD, NEW]  # fmt: skip
        await journal.pin(Pin(scope="entity:UK01", authority=CRM, why="wide", by="me"))
        await journal.pin(Pin(scope="project:P1", authority=NEW, why="narrow", by="me"))
        assert await authority(
            submission(time_entry("TE-5", adjusts="TE-1")), submission(time_entry("TE-6", project="P2"))
        ) == [NEW, CRM]  # fmt: skip
        await journal.unpin("project:P1", by="me", why="done")
        assert await authority(submission(time_entry("TE-7", adjusts="TE-1"))) == [CRM]

    on(journal_url, work)


def test_a_dual_run_makes_a_shadow_job_in_a_lane_of_its_own(journal_url: str) -> None:
    """Authority and shadow have separate lanes, so that one can't hold up the other."""

    async def work(journal: Journal) -> None:
        await journal.switch(Switch(entities=["UK01"], table_version=4, by="me", why="dual run"))
        await journal.accept([submission(milestone("MS-1"))])
        ((old,), (new,)) = (await claim(journal, OLD), await claim(journal, NEW))
        assert [(one.lane, one.jobs[0].role) for one in (old, new)] == [
            ("P1", "authority"),
            ("shadow:P1", "shadow"),
        ]

    on(journal_url, work)


def test_what_follows_a_document_of_before_the_dual_run_has_no_shadow(journal_url: str) -> None:
    """The payment of an invoice that only the old ERP has would wait for it in the new one in vain."""

    async def work(journal: Journal) -> None:
        await journal.accept([submission(invoice("INV-OLD"))])
        await journal.switch(Switch(entities=["UK01"], table_version=4, by="me", why="dual run"))
        await journal.accept([submission(invoice("INV-BOTH"))])
        paid = [await one(journal, submission(payment(f"PAY-{at}", f"INV-{at}"))) for at in ("OLD", "BOTH")]
        decisions = [answer.decision for answer in paid if answer.decision]
        assert [(row.authority, row.shadow) for row in decisions] == [(OLD, None), (OLD, NEW)]
        assert await drain(journal, NEW) == ["INV-BOTH", "PAY-BOTH"]

    on(journal_url, work)


def test_a_correction_reaches_the_copy_that_the_new_erp_bills(journal_url: str) -> None:
    """After the switch it follows its original to the old ERP and its copy in the new one; a payment does not."""

    async def work(journal: Journal) -> None:
        await journal.accept([submission(time_entry("TE-OLD"))])
        await journal.switch(Switch(entities=["UK01"], table_version=4, by="me", why="dual run"))
        await journal.accept([submission(time_entry("TE-BOTH")), submission(invoice("INV-BOTH"))])
        await journal.switch(Switch(entities=["UK01"], table_version=3, by="me", why="cutover"))
        after = [
            submission(time_entry("TE-OLD.r1", adjusts="TE-OLD")),
            submission(time_entry("TE-BOTH.r1", adjusts="TE-BOTH")),
            submission(payment("PAY-1", "INV-BOTH")),
        ]
        decisions = [(await one(journal, sent)).decision for sent in after]
        assert [(row.authority, row.shadow) for row in decisions if row] == [
            (OLD, None),
            (OLD, NEW),
            (OLD, None),
        ]
        # And what corrects the correction goes the same way.
        again = (await one(journal, submission(time_entry("TE-BOTH.v2", adjusts="TE-BOTH.r1")))).decision
        assert again is not None
        assert (again.authority, again.shadow) == (OLD, NEW)
        assert await drain(journal, NEW) == ["TE-BOTH", "INV-BOTH", "TE-BOTH.r1", "TE-BOTH.v2"]

    on(journal_url, work)


def test_a_feed_cursor_is_stored_with_what_was_read(journal_url: str) -> None:
    """The cursor moves in the commit that accepts the page, also for an empty page."""

    async def work(journal: Journal) -> None:
        kantata = SystemId("kantata")
        assert await journal.cursor(kantata, "time") is None
        await journal.accept([submission(time_entry("TE-1"))], cursor=(kantata, "time", "page 2"))
        assert await journal.cursor(kantata, "time") == "page 2"
        assert await journal.accept([], cursor=(kantata, "time", "page 3")) == []
        assert await journal.cursor(kantata, "time") == "page 3"

    on(journal_url, work)


def test_concurrent_callers_share_a_commit_and_one_caller_s_trouble_stays_its_own(
    fresh_journal: Callable[[], str],
) -> None:
    """Many callers, few commits; a submission that can't be stored fails its own caller only."""
    commits: list[tuple[str, int]] = []

    async def main(url: str) -> None:
        journal = Journal.open(
            url, clock=Hands(), decide=routes, on_commit=lambda when, n: commits.append((when, n))
        )
        try:
            await with_tables(journal)
            before = len(commits)
            answers = await asyncio.gather(
                *(journal.accept([submission(time_entry(f"TE-{n}"))]) for n in range(50)),
                journal.accept([submission(time_entry("TE-50"), key="a\x00b")]),
                journal.accept([submission(time_entry("TE-7"), key="again")]),
                return_exceptions=True,
            )
            assert (len(commits) - before) / 2 <= 3
            assert isinstance(answers[50], BadInput)
            assert not any(isinstance(one, BaseException) for one in answers[:50])
            (replayed,) = answers[51]  # type: ignore[misc]  # an answer: the line above holds for it too
            assert isinstance(replayed, Accepted)
            assert replayed.replayed
            assert sum(row["count"] for row in await journal.totals()) == 50
        finally:
            journal.close()

    asyncio.run(main(fresh_journal()))
    assert [when for when, _ in commits] == ["before", "after"] * (len(commits) // 2)


def test_totals_count_money_by_state(journal_url: str) -> None:
    """I1 reads states, counts and minor units by entity, currency and kind from one query."""

    async def work(journal: Journal) -> None:
        await journal.accept([submission(time_entry(f"TE-{n}", minutes=60 + n)) for n in range(3)])
        await journal.accept([submission(customer("C1"))])
        ((lease, _),) = ((await claim(journal, OLD)),)
        assert len(lease.jobs) in (1, 3)
        rows = await journal.totals()
        assert sum(row["count"] for row in rows) == 4
        assert sum(row["amount_minor"] for row in rows) == 15000 + 15250 + 15500
        assert {(row["state"], row["kind"]) for row in rows} == {
            ("in_flight", "time_entry"),
            ("in_flight", "customer"),
        }

    on(journal_url, work)
