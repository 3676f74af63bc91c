"""Whatever the interleaving of arrivals, claims, outcomes, crashes and time: nothing lost, order kept."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.journal.journal import Journal
from router.journal.port import Lease, LeaseSettlement, Settlement, Switch
from router.model import Event, State
from tests.contract.journal_kit import (
    NEW,
    OLD,
    Hands,
    claim,
    milestone,
    outcome,
    routes,
    submission,
    time_entry,
    with_tables,
)

STEPS = st.one_of(
    st.tuples(
        st.just("accept"), st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=4)
    ),
    st.tuples(st.just("claim"), st.tuples(st.sampled_from([OLD, NEW]), st.integers(1, 3), st.integers(1, 3))),
    st.tuples(
        st.just("settle"), st.tuples(st.integers(0, 9), st.lists(st.integers(0, 3), min_size=1, max_size=3))
    ),
    st.tuples(st.just("turn"), st.sampled_from([1, 30, 61])),
    st.tuples(st.just("switch"), st.sampled_from([1, 2, 3, 4])),
    st.tuples(st.just("release"), st.none()),
    st.tuples(st.just("reopen"), st.none()),
)
OUTCOMES = {
    State.IN_FLIGHT: (Event.ACCEPTED, Event.TRY_LATER, Event.NO_ANSWER, Event.SAID_NO),
    State.IN_DOUBT: (Event.FOUND, Event.NOT_FOUND, Event.CANNOT_TELL, Event.FOUND),
}


class World:
    """The journal under test beside what a careful observer knows."""

    def __init__(self, url: str) -> None:
        self.url, self.clock = url, Hands()
        self.journal = Journal.open(url, clock=self.clock, decide=routes)
        self.held: list[Lease] = []
        self.sent = 0
        self.finished: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
        """(job, kind) in the order they settled for good, by lane."""

    async def accept(self, wanted: list[tuple[int, bool]]) -> None:
        documents = []
        for project, commutes in wanted:
            make = time_entry if commutes else milestone
            documents.append(make(f"D{self.sent}", project=f"P{project}"))
            self.sent += 1
        await self.journal.accept([submission(one) for one in documents])

    async def claim(self, what: tuple[str, int, int]) -> None:
        target, lanes, jobs = what
        leases = await claim(self.journal, OLD if target == OLD else NEW, lanes=lanes, jobs=jobs)
        for lease in leases:
            stale = [one for one in self.held if (one.target, one.lane) == (lease.target, lease.lane)]
            assert all(one.until <= self.clock.now() for one in stale), "two leases of one lane"
            kinds = {job.kind for job in lease.jobs}
            assert len(lease.jobs) == 1 or kinds == {"time_entry"}
            assert [job.job_id for job in lease.jobs] == sorted(job.job_id for job in lease.jobs)
        self.held += leases

    async def settle(self, what: tuple[int, list[int]]) -> None:
        if not self.held:
            return
        which, choices = what
        lease = self.held.pop(which % len(self.held))
        newer = any(
            (one.target, one.lane, one.token > lease.token) == (lease.target, lease.lane, True)
            for one in self.held
        )
        settlements = []
        for at, job in enumerate(lease.jobs):
            event = OUTCOMES[job.state][choices[at % len(choices)]]
            due = self.clock.now() + timedelta(seconds=45) if event is Event.TRY_LATER else None
            settlements.append(Settlement(job_id=job.job_id, event=event, due=due))
        (held,) = await self.journal.settle(
            [
                LeaseSettlement(
                    target=lease.target, lane=lease.lane, token=lease.token, settlements=tuple(settlements)
                )
            ]
        )
        assert not (held and newer), "a stale token settled"
        if held:
            for job, settlement in zip(lease.jobs, settlements, strict=True):
                if settlement.event in (Event.ACCEPTED, Event.FOUND, Event.SAID_NO):
                    self.finished[(lease.target, lease.lane)].append((job.job_id, job.kind))

    async def step(self, name: str, what: object) -> None:
        match name:
            case "turn":
                self.clock.turn(what)  # type: ignore[arg-type]  # seconds
            case "switch":
                order = Switch(entities=["UK01"], table_version=what, by="me", why="test")  # type: ignore[arg-type]
                await self.journal.switch(order)
            case "release":
                await self.journal.release(["UK01"], by="me", why="test")
            case "reopen":
                self.journal.close()
                self.journal = Journal.open(self.url, clock=self.clock, decide=routes)
            case _:
                await getattr(self, name)(what)
        assert sum(row["count"] for row in await self.journal.totals()) == self.sent, "lost or doubled"

    async def finish(self) -> None:
        """Everything settles once systems answer: no lane is stuck."""
        await self.journal.switch(Switch(entities=["UK01"], table_version=1, by="me", why="test"))
        await self.journal.release(["UK01"], by="me", why="test")
        self.clock.turn(3600)
        for target in (OLD, NEW):
            while leases := await claim(self.journal, target):
                for lease in leases:
                    event = Event.FOUND if lease.jobs[0].state is State.IN_DOUBT else Event.ACCEPTED
                    assert await self.journal.settle([outcome(lease, event)]) == [True]
                    self.finished[(target, lease.lane)] += [(job.job_id, job.kind) for job in lease.jobs]
        assert await self.journal.next_due(OLD) is None
        assert {row["state"] for row in await self.journal.totals()} <= {"posted", "refused"}


def in_order(finished: list[tuple[int, str]], added_late: set[int]) -> bool:
    """Whether nothing overtook what it may depend on: jobs in order of acceptance, but for releases."""
    usual = [one for one in finished if one[0] not in added_late]
    for at, (job, kind) in enumerate(usual):
        for later, other in usual[at + 1 :]:
            if later < job and not kind == other == "time_entry":
                return False
    return True


async def play(url: str, steps: list[tuple[str, object]]) -> None:
    world = World(url)
    try:
        await with_tables(world.journal)
        for name, what in steps:
            await world.step(name, what)
        await world.finish()
        released = {
            int(line["transaction_id"][1:]) * 1000 + n
            async for line in world.journal.history(what="queued")
            for n in range(2)
            if line["detail"].get("event") == "released"
        }
        for lane, finished in world.finished.items():
            assert len(finished) == len(set(finished)), f"{lane}: settled twice"
            assert in_order(finished, released), f"{lane}: {finished}"
    finally:
        world.journal.close()


SLOW_ENOUGH = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@SLOW_ENOUGH
@given(steps=st.lists(STEPS, max_size=30))
def test_any_interleaving_keeps_order_and_loses_nothing_on_sqlite(
    fresh_sqlite: Callable[[], str], steps: list[tuple[str, object]]
) -> None:
    """I1, I4 and the fencing token, for arrivals, claims, outcomes, lost leases, switches and reopening."""
    asyncio.run(play(fresh_sqlite(), steps))


@settings(SLOW_ENOUGH, max_examples=12)
@given(steps=st.lists(STEPS, max_size=20))
def test_any_interleaving_keeps_order_and_loses_nothing_on_postgresql(
    fresh_postgres: Callable[[], str], steps: list[tuple[str, object]]
) -> None:
    """The same promise on PostgreSQL, with fewer examples."""
    asyncio.run(play(fresh_postgres(), steps))
