"""Lanes: order, leases with tokens, retries that delay their own lane only, doubts, follow-ups."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from router.connectors.port import Exchange
from router.errors import Broken
from router.journal.journal import Journal
from router.journal.port import FollowUp, LeaseSettlement, NewJob, Settlement, Switch
from router.model import Event, JobId, LaneKey, State, SystemId
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
    names,
    outcome,
    payment,
    routes,
    submission,
    time_entry,
    with_tables,
)

Work = Callable[[Journal, Hands, list[SystemId]], Awaitable[None]]


def on(url: str, work: Work) -> None:
    clock, poked = Hands(), list[SystemId]()

    async def main() -> None:
        journal = Journal.open(url, clock=clock, decide=routes, poke=poked.append)
        try:
            await work(await with_tables(journal), clock, poked)
        finally:
            journal.close()

    asyncio.run(main())


def test_dependent_documents_go_one_at_a_time_and_commuting_ones_together(journal_url: str) -> None:
    """The head alone, or the leading run of one kind; nothing overtakes; other lanes go beside it."""

    async def work(journal: Journal, _clock: Hands, _poked: list[SystemId]) -> None:
        documents = [
            milestone("M1"), milestone("M2"), time_entry("T1"), time_entry("T2"), time_entry("T3"), milestone("M3"),
            time_entry("X1", project="P2"),
        ]  # fmt: skip
        await journal.accept([submission(one) for one in documents])
        waves = []
        while leases := await claim(journal, jobs=2):
            assert await claim(journal) == [], "a leased lane was leased again"
            waves.append(names(leases))
            await journal.settle([outcome(lease) for lease in leases])
        assert waves == [[["M1"], ["X1"]], [["M2"]], [["T1", "T2"]], [["T3"]], [["M3"]]]

    on(journal_url, work)


def test_lanes_are_leased_oldest_first(journal_url: str) -> None:
    """By when they came due, then by order of acceptance."""

    async def work(journal: Journal, clock: Hands, _poked: list[SystemId]) -> None:
        await journal.accept([submission(milestone(f"M{n}", project=f"P{9 - n}")) for n in range(3)])
        clock.turn(1)
        await journal.accept([submission(milestone("M9", project="P0"))])
        assert names(await claim(journal, lanes=2)) == [["M0"], ["M1"]]
        assert names(await claim(journal, lanes=9)) == [["M2"], ["M9"]]

    on(journal_url, work)


def test_a_delayed_retry_blocks_only_its_own_lane_and_says_why(journal_url: str) -> None:
    """What waits says until when and why; the other lanes go on; then it goes, in order."""

    async def work(journal: Journal, clock: Hands, poked: list[SystemId]) -> None:
        await journal.accept([submission(milestone(one, project=one[0])) for one in ("A1", "A2", "B1", "B2")])
        first, second = await claim(journal)
        later = clock.now() + timedelta(seconds=300)
        poked.clear()
        await journal.settle([outcome(first, Event.TRY_LATER, due=later, why="locked period", counts=False)])
        assert poked == [], "nothing is due yet"
        await journal.settle([outcome(second)])
        assert poked == [OLD]
        assert names(await claim(journal)) == [["B2"]]
        (waiting,) = [one for one in await journal.lanes(target=OLD) if one.lane == "A"]
        assert (waiting.waiting, waiting.due) == (2, later)
        assert waiting.why == "locked period; until 2026-10-30T18:05:00.000000Z"
        clock.turn(30)
        assert await claim(journal) == []
        assert await journal.next_due(OLD) == clock.now() + timedelta(seconds=30), "the end of B2's lease"
        clock.turn(270)
        leases = await claim(journal)
        assert [job.attempts for lease in leases for job in lease.jobs if job.external_id == "A1"] == [1]

    on(journal_url, work)


def test_a_partly_retried_batch_waits_for_its_oldest(journal_url: str) -> None:
    """Of a batch one document is to be tried later: those behind it in the lane wait for it."""

    async def work(journal: Journal, clock: Hands, _poked: list[SystemId]) -> None:
        await journal.accept([submission(time_entry(f"T{n}")) for n in range(5)])
        (lease,) = await claim(journal, jobs=3)
        first, second, third = (job.job_id for job in lease.jobs)
        later = clock.now() + timedelta(seconds=60)
        settlements = (
            Settlement(job_id=first, event=Event.ACCEPTED),
            Settlement(job_id=second, event=Event.TRY_LATER, due=later),
            Settlement(job_id=third, event=Event.SAID_NO, code="NO_RATE", why="no rate"),
        )
        assert await journal.settle(
            [LeaseSettlement(target=OLD, lane=lease.lane, token=1, settlements=settlements)]
        )
        assert await claim(journal) == []
        assert await journal.backlog() == {OLD: {State.QUEUED: 3, State.REFUSED: 1}}
        clock.turn(60)
        assert names(await claim(journal)) == [["T1", "T3", "T4"]]

    on(journal_url, work)


def test_a_stale_token_changes_nothing_and_is_recorded(journal_url: str) -> None:
    """A worker that lost its lease learns so; the outcome it brings is history, not truth."""

    async def work(journal: Journal, clock: Hands, _poked: list[SystemId]) -> None:
        await journal.accept([submission(milestone("M1"))])
        (zombie,) = await claim(journal, lease_s=60)
        clock.turn(61)
        (lease,) = await claim(journal)
        assert (lease.token, lease.jobs[0].state) == (zombie.token + 1, State.IN_DOUBT)
        before = await journal.totals()
        late = outcome(
            zombie, follow_up=FollowUp(submissions=(submission(customer("C1")),), process={"a": 1})
        )
        assert await journal.settle([late]) == [False]
        assert await journal.extend([zombie, lease], lease_s=60) == [False, True]
        assert await journal.totals() == before
        assert await journal.process("T000000000001") is None
        assert await journal.crosswalk(OLD, [("milestone", "M1")]) == {}
        assert await journal.settle([outcome(lease, Event.FOUND)]) == [True]
        assert await journal.settle([outcome(lease, Event.FOUND)]) == [False], "given back already"
        found = await journal.transaction("T000000000001")
        assert found is not None
        assert [line["what"] for line in found["history"]] == [
            "accepted", "in_doubt", "came too late", "posted", "came too late",
        ]  # fmt: skip
        assert [(one["token"], one["purpose"], one["event"]) for one in found["jobs"][0]["tries"]] == [
            (1, "send", None), (2, "look up", "look-up found it"),
        ]  # fmt: skip

    on(journal_url, work)


def test_an_outcome_in_doubt_is_looked_up_before_anything_else(journal_url: str) -> None:
    """D8: after no answer the job comes back alone and in doubt; found nothing, it may be sent again."""

    async def work(journal: Journal, _clock: Hands, _poked: list[SystemId]) -> None:
        await journal.accept([submission(time_entry(one)) for one in ("T1", "T2", "T3")])
        (lease,) = await claim(journal, jobs=2)
        one, two = (job.job_id for job in lease.jobs)
        half = (Settlement(job_id=one, event=Event.NO_ANSWER), Settlement(job_id=two, event=Event.ACCEPTED))
        await journal.settle(
            [LeaseSettlement(target=OLD, lane=lease.lane, token=lease.token, settlements=half)]
        )
        (waiting,) = await journal.lanes()
        assert (waiting.waiting, waiting.in_doubt) == (2, 1)
        (lease,) = await claim(journal)
        assert [(job.external_id, job.state, job.attempts) for job in lease.jobs] == [
            ("T1", State.IN_DOUBT, 2)
        ]
        await journal.settle([outcome(lease, Event.NOT_FOUND, counts=False)])
        (lease,) = await claim(journal)
        assert [(job.external_id, job.state) for job in lease.jobs] == [
            ("T1", State.IN_FLIGHT), ("T3", State.IN_FLIGHT),
        ]  # fmt: skip

    on(journal_url, work)


def test_a_lease_may_be_settled_in_parts(journal_url: str) -> None:
    """release=False keeps the lane; what was not settled when it is given back is in doubt."""

    async def work(journal: Journal, _clock: Hands, _poked: list[SystemId]) -> None:
        await journal.accept([submission(time_entry("T1")), submission(time_entry("T2"))])
        (lease,) = await claim(journal)
        first, second = (Settlement(job_id=job.job_id, event=Event.ACCEPTED) for job in lease.jobs)

        async def settle(*settlements: Settlement, release: bool) -> list[bool]:
            return await journal.settle(
                [
                    LeaseSettlement(
                        target=OLD, lane=lease.lane, token=1, settlements=settlements, release=release
                    )
                ]
            )

        assert await settle(first, release=False) == [True]
        assert await claim(journal) == []
        assert await settle(release=True) == [True]
        (again,) = await claim(journal)
        assert [(job.external_id, job.state) for job in again.jobs] == [("T2", State.IN_DOUBT)]
        assert await settle(second, release=True) == [False]

    on(journal_url, work)


@pytest.mark.parametrize("role", ["authority", "shadow"])
def test_what_an_erp_made_becomes_a_fact_if_it_is_the_authority(journal_url: str, role: str) -> None:
    """An invoice made by the authority is accepted in the same commit; a shadow's stays in its outcome."""

    async def work(journal: Journal, _clock: Hands, _poked: list[SystemId]) -> None:
        await journal.switch(Switch(entities=["UK01"], table_version=4, by="me", why="dual run"))
        await journal.accept([submission(milestone("M1"), correlation_id="PR-7")])
        target = OLD if role == "authority" else NEW
        (lease,) = await claim(journal, target)
        await journal.settle([outcome(lease, created=(invoice("INV-1", number="90001"),))])
        found = await journal.find("INV-1")
        tries = [
            job["tries"][0]
            for job in (await journal.transaction("T000000000001") or {})["jobs"]
            if job["tries"]
        ]
        assert tries[0]["outcome"]["created"][0]["number"] == "90001"
        assert tries[0]["exchange"] == {"request": "POST /", "response": "201"}
        # Addressed by the id the job got; the number is for people.
        assert await journal.crosswalk(target, [("invoice", "INV-1")]) == {
            ("invoice", "INV-1"): f"{target}-M1"
        }
        assert found == (["T000000000002"] if role == "authority" else [])
        if role == "authority":
            fact = await journal.transaction(found[0])
            assert fact is not None
            assert (fact["state"], fact["client"], fact["correlation_id"]) == ("posted", f"erp:{OLD}", "PR-7")
            # Its payment follows the ERP that made it.
            await journal.switch(Switch(entities=["UK01"], table_version=3, by="me", why="cutover"))
            (paid,) = await journal.accept([submission(payment("PAY-1", "INV-1"))])
            assert paid.decision.authority == OLD  # type: ignore[union-attr]  # accepted, and routed

    on(journal_url, work)


def test_follow_ups_happen_in_the_commit_of_the_settlement(journal_url: str) -> None:
    """New documents, feedback jobs and the process's state come with the outcome, or not at all."""
    job = NewJob(
        target=CRM, role="feedback", operation="feedback", external_id="O-1", lane=LaneKey("O-1"), kind="opportunity",
        facts={"project": "P1"},
    )  # fmt: skip

    async def work(journal: Journal, _clock: Hands, poked: list[SystemId]) -> None:
        await journal.accept([submission(customer("C1"), correlation_id="PR-1")])
        (lease,) = await claim(journal)
        poked.clear()
        follow = FollowUp(
            submissions=(submission(milestone("M1"), correlation_id="PR-1"),),
            jobs=(job, job),
            process={"step": 2},
        )
        await journal.settle([outcome(lease, follow_up=follow)])
        assert sorted(poked) == sorted([OLD, CRM])
        assert await journal.process("PR-1") == {"step": 2}
        (feedback,) = await claim(journal, CRM)
        assert (feedback.jobs[0].facts, feedback.jobs[0].transaction_id) == (
            {"project": "P1"},
            "T000000000001",
        )
        assert names(await claim(journal)) == [["M1"]]
        assert await journal.find("PR-1") == ["T000000000001", "T000000000002"]

    on(journal_url, work)


def test_what_follows_more_than_once_is_accepted_once(journal_url: str) -> None:
    """Two outcomes that ask for the same follow-up give one transaction; a differing one is noted."""

    async def work(journal: Journal, _clock: Hands, _poked: list[SystemId]) -> None:
        await journal.accept(
            [submission(milestone("A1", project="A")), submission(milestone("B1", project="B"))]
        )
        leases = await claim(journal)
        same = FollowUp(submissions=(submission(time_entry("T1")),))
        await journal.settle([outcome(lease, follow_up=same) for lease in leases])
        assert await journal.find("T1") == ["T000000000003"]
        (lease,) = await claim(journal)
        other = FollowUp(submissions=(submission(time_entry("T1", minutes=5), key="other"),))
        assert await journal.settle([outcome(lease, follow_up=other)]) == [True]
        conflicts = [line async for line in journal.history(what="conflicting document")]
        assert [line["transaction_id"] for line in conflicts] == ["T000000000003"]

    on(journal_url, work)


def test_an_impossible_settlement_is_our_bug_and_harms_nobody_else(journal_url: str) -> None:
    """An event that can't follow, or a job of another lane, is refused as Broken; neighbours settle."""

    async def work(journal: Journal, _clock: Hands, _poked: list[SystemId]) -> None:
        await journal.accept(
            [submission(milestone("A1", project="A")), submission(milestone("B1", project="B"))]
        )
        good, bad = await claim(journal)
        stranger = LeaseSettlement(
            target=OLD, lane=bad.lane, token=bad.token,
            settlements=(Settlement(job_id=JobId(good.jobs[0].job_id), event=Event.ACCEPTED),),
        )  # fmt: skip
        answers = await asyncio.gather(
            journal.settle([outcome(bad, Event.FOUND)]),
            journal.settle([stranger]),
            journal.settle([outcome(good)]),
            return_exceptions=True,
        )
        assert [type(one) for one in answers] == [Broken, Broken, list]
        assert await journal.backlog() == {OLD: {State.IN_FLIGHT: 1}}

    on(journal_url, work)


def test_hostile_replies_are_stored_mended_and_bounded(journal_url: str) -> None:
    """NUL characters, lone surrogates and endless texts of a vendor can't stop a settlement."""

    async def work(journal: Journal, _clock: Hands, _poked: list[SystemId]) -> None:
        await journal.accept([submission(milestone("M1"))])
        (lease,) = await claim(journal)
        nasty = "\x00\ud800" + "x" * 300_000
        (job,) = lease.jobs
        settlement = Settlement(
            job_id=job.job_id, event=Event.ACCEPTED, vendor_id=nasty, why=nasty, code=nasty, exchange=0
        )
        exchange = Exchange(request=nasty, response=nasty)
        assert await journal.settle(
            [
                LeaseSettlement(
                    target=OLD, lane=lease.lane, token=1, settlements=(settlement,), exchanges=(exchange,)
                )
            ]
        ) == [True]
        found = await journal.transaction(job.transaction_id)
        assert found is not None
        (tried,) = found["jobs"][0]["tries"]
        assert found["state"] == "posted"
        assert len(tried["exchange"]["response"]) < 201_000
        assert len(tried["why"]) < 2_100

    on(journal_url, work)


def test_streams_give_every_row_once(journal_url: str) -> None:
    """Checkers read jobs, transactions and history to the last row, in order, across pages."""

    async def work(journal: Journal, _clock: Hands, _poked: list[SystemId]) -> None:
        await journal.accept([submission(time_entry(f"T{n}", project=f"P{n % 7}")) for n in range(2_005)])
        order = await drain(journal)
        assert len(set(order)) == len(order) == 2_005
        jobs = [one async for one in journal.jobs()]
        assert [one["external_id"] for one in jobs] == [f"T{n}" for n in range(2_005)]
        assert {(one["state"], one["decides"], one["vendor_id"]) for one in jobs[:1]} == {
            ("posted", True, f"{OLD}-T0")
        }
        assert len([one async for one in journal.transactions()]) == 2_005
        assert len([one async for one in journal.history(what="posted")]) == 2_005
        (row,) = await journal.throughput(3600)
        assert row == {
            "target": OLD,
            "role": "authority",
            "bucket": "2026-10-30T18:00:00.000000Z",
            "posted": 2_005,
        }

    on(journal_url, work)
