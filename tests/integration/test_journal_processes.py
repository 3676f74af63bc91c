"""Several processes on one PostgreSQL: leases are exclusive, order holds, collisions heal by themselves."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from router.journal.journal import Journal
from router.journal.port import Accepted, FollowUp
from tests.contract.journal_kit import (
    Hands,
    claim,
    milestone,
    outcome,
    routes,
    submission,
    time_entry,
    with_tables,
)

WORKERS = 4
LANES = 15


@dataclass
class Seen:
    """What the workers delivered, in order."""

    by_lane: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    times: Counter[str] = field(default_factory=Counter)


async def worker(journal: Journal, seen: Seen) -> None:
    """Deliver until nothing is left; every project's first document is followed by one in another lane."""
    idle = 0
    while idle < 3:
        leases = await claim(journal, lanes=4, jobs=5)
        idle = 0 if leases else idle + 1
        settlements = []
        for lease in leases:
            for job in lease.jobs:
                seen.by_lane[lease.lane].append(job.job_id)
                seen.times[job.external_id] += 1
            first = lease.jobs[0].external_id
            follow = FollowUp()
            if first.startswith("M"):
                # The same follow-up from two workers at once is accepted once; its lane is somebody else's.
                other = f"P{(int(first[1:]) * 7) % LANES}"
                follow = FollowUp(
                    submissions=(submission(time_entry(f"F{int(first[1:]) // 2}", project=other)),)
                )
            settlements.append(outcome(lease, follow_up=follow))
        assert all(await journal.settle(settlements))
        await asyncio.sleep(0.002)


def test_workers_of_one_database_never_share_a_lane(fresh_postgres: Callable[[], str]) -> None:
    """Every document is delivered once and in order, though follow-ups collide and lanes are contended."""
    seen = Seen()

    async def work(url: str) -> None:
        journals = [Journal.open(url, clock=Hands(), decide=routes) for _ in range(WORKERS)]
        try:
            await with_tables(journals[0])
            await journals[0].accept(
                [submission(milestone(f"M{n}", project=f"P{n % LANES}")) for n in range(6 * LANES)]
                + [submission(time_entry(f"T{n}", project=f"P{n % LANES}")) for n in range(10 * LANES)]
            )
            async with asyncio.timeout(60):
                await asyncio.gather(*(worker(journal, seen) for journal in journals))
            assert await journals[0].backlog() == {}
            assert sum(row["count"] for row in await journals[0].totals()) == 16 * LANES + 3 * LANES
        finally:
            for journal in journals:
                journal.close()

    asyncio.run(work(fresh_postgres()))
    assert set(seen.times.values()) == {1}
    assert len(seen.times) == 19 * LANES
    for lane, ids in seen.by_lane.items():
        assert ids == sorted(ids), lane


def test_the_same_document_from_many_processes_is_accepted_once(fresh_postgres: Callable[[], str]) -> None:
    """One of them is first; the others get its answer."""

    async def work(url: str) -> None:
        journals = [Journal.open(url, clock=Hands(), decide=routes) for _ in range(WORKERS)]
        try:
            await with_tables(journals[0])
            for n in range(10):
                what = [submission(time_entry(f"T{n}-{m}")) for m in range(5)]
                answers = await asyncio.gather(*(journal.accept(what) for journal in journals))
                ids = [[one.transaction_id for one in row if isinstance(one, Accepted)] for row in answers]
                assert ids == [ids[0]] * WORKERS
                assert (
                    sum(not one.replayed for row in answers for one in row if isinstance(one, Accepted)) == 5
                )
        finally:
            for journal in journals:
                journal.close()

    asyncio.run(work(fresh_postgres()))
