"""Delivery from the journal to a system that misbehaves: nothing lost, nothing doubled, order kept."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from cutover.rehearsal.virtual_time import VirtualClock, run
from router.clock import WallClock
from router.connectors.port import (
    Answer,
)
from router.delivery import DeliveryPolicy
from router.delivery.decisions import Circuit
from router.journal.journal import Journal
from router.journal.port import FollowUp, Job
from router.landscape import Budget as Limits
from router.model import State
from tests.integration.delivery_stage import (
    ERP,
    START,
    Fault,
    Play,
    World,
    milestone,
    project,
    time_entry,
)


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """Faults by the hundred would print as many tracebacks, which takes longer than the tests."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


_numbers = itertools.count()


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """Plays a scene on virtual time, with a journal of its own in a file."""
    # Thousands of commits: in memory where the machine has a place for it, as nothing here pulls the plug.
    memory = Path("/dev/shm")
    made = Path(mkdtemp(dir=memory)) if os.access(memory, os.W_OK) else None
    folder = made or tmp_path_factory.mktemp("delivery")
    Journal.open(f"sqlite:///{folder / 'empty.sqlite'}", clock=WallClock()).close()

    def play(body: Callable[[World], Any], **how: Any) -> World:
        path = folder / f"{next(_numbers)}.sqlite"
        shutil.copy(folder / "empty.sqlite", path)

        async def main(clock: VirtualClock) -> World:
            world = World(clock, f"sqlite:///{path}", **how)
            await world.prepare()
            try:
                await body(world)
                await world.look()
            finally:
                world.journal.close()
                path.unlink()
            return world

        return run(main, start=START)

    yield play
    if made is not None:
        shutil.rmtree(made)


async def a_firm(world: World, *, projects: int = 6, entries: int = 8) -> None:
    for at in range(projects):
        name = f"P{at}"
        await world.accept(project(name), *[time_entry(f"{name}-E{n}", name) for n in range(entries)])
        await world.accept(milestone(f"{name}-M", name), time_entry(f"{name}-Z", name))


def test_everything_arrives_once_in_order_and_in_batches(play: Play) -> None:
    """The plain case: lanes in order, time of several projects in one call."""

    async def body(world: World) -> None:
        await a_firm(world)
        await world.settle()

    world = play(body)
    world.check()
    assert world.states() == {"posted": 66}
    assert max(len(ids) for _, ids in world.erp.calls) > 8
    assert world.erp.kept[-1].refs[("project", world.erp.kept[-1].document.ordering_key)]


@pytest.mark.parametrize("fault", ["lost", "bug", "unknown", "short", "hang", "late"])
def test_a_lost_answer_never_doubles(play: Play, fault: Fault) -> None:
    """Whatever loses the answer (network, our bug, a hanging system), the document is looked up first."""

    async def body(world: World) -> None:
        await a_firm(world, projects=3)
        await world.settle()

    world = play(body, script=["ok", fault, "ok", fault, fault])
    world.check()
    assert world.states() == {"posted": 33}
    assert world.erp.look_ups > 0
    doubtful = [row for row in world.rows if "NO_ANSWER" in row.events]
    assert doubtful
    assert all(row.events[row.events.index("NO_ANSWER") + 1] in {"FOUND", "NOT_FOUND"} for row in doubtful)


def test_no_look_up_means_a_person_decides(play: Play) -> None:
    """Where the vendor offers no look-up, a lost answer is a dead letter and never sent again (D8)."""

    async def body(world: World) -> None:
        world.erp.capabilities = replace(world.erp.capabilities, can_look_up=False)
        world.delivery = world.new_delivery()
        await world.accept(project("P1"))
        await world.settle()

    world = play(body, script=["lost"])
    assert world.states() == {"dead": 1}
    assert "a person decides" in world.row("P1").why
    assert len(world.erp.calls) == 1


def test_a_storm_of_429_adapts_and_never_exceeds_concurrency(play: Play) -> None:
    """Throttled calls are repeated after Retry-After, at half the pace, without using up attempts."""

    async def body(world: World) -> None:
        await a_firm(world, projects=30, entries=3)
        storm = iter(range(60))
        world.erp.fault = lambda _: "throttle" if next(storm, None) is not None else "ok"
        await world.settle()
        status = (await world.delivery.status())[ERP]
        assert status.budget.throttled > 10
        assert status.restarts == 0

    world = play(body, limits=Limits(concurrency=4))
    world.check()
    assert world.states() == {"posted": 180}
    assert world.erp.most_at_once <= 4
    assert all(row.attempts <= 2 for row in world.rows)


def test_the_circuit_opens_and_probes(play: Play) -> None:
    """An outage costs a handful of calls, then one probe at a time; no document is given up for it."""

    async def body(world: World) -> None:
        await a_firm(world, projects=20, entries=3)
        back = world.clock.now() + timedelta(hours=2)
        world.erp.fault = lambda _: "unavailable" if world.clock.now() < back else "ok"
        await world.settle(within_s=600)
        status = (await world.delivery.status())[ERP]
        assert status.circuits["create"][0] is Circuit.OPEN
        assert status.waiting
        await world.settle(delivery=world.new_delivery("w2"))

    world = play(body)
    world.check()
    assert world.states() == {"posted": 120}
    outage = [ids for at, ids in world.erp.calls if at < START + timedelta(hours=2)]
    assert len(outage) < 60


def test_a_probe_is_one_document(play: Play) -> None:
    """While a circuit is open, whole batches are not thrown at a system that may be down."""

    async def body(world: World) -> None:
        for at in range(10):
            await world.known("project", f"P{at}")
            await world.accept(*[time_entry(f"P{at}-E{n}", f"P{at}") for n in range(10)])
        back = world.clock.now() + timedelta(minutes=20)
        world.erp.fault = lambda _: "unavailable" if world.clock.now() < back else "ok"
        await world.settle()

    world = play(body, limits=Limits(concurrency=1))
    world.check()
    sizes = [len(ids) for at, ids in world.erp.calls if at < START + timedelta(minutes=20)]
    assert sizes[0] > 1
    assert len(sizes) > 6
    assert sizes[5:] == [1] * (len(sizes) - 5)


def test_poison_blocks_nobody(play: Play) -> None:
    """A refused document is refused at once with its code; its own lane and the others go on."""

    async def body(world: World) -> None:
        await a_firm(world, projects=5)
        world.erp.poison = {"P1-M", "P2-E3"}
        await world.settle(within_s=120)

    world = play(body)
    world.check()
    assert world.states() == {"posted": 53, "refused": 2}
    refused = [row for row in world.rows if row.state is State.REFUSED]
    assert {(row.code, row.why) for row in refused} == {("BAD", "cost_center: no such cost centre")}


def test_a_document_that_never_works_is_a_dead_letter(play: Play) -> None:
    """Attempts are bounded; until then only its own lane waits, and says why."""

    async def body(world: World) -> None:
        await a_firm(world, projects=4)
        world.erp.fault = lambda sent: "unavailable" if sent[0].external_id == "P1-M" else "ok"
        await world.settle(within_s=60)
        assert {row.state for row in world.rows if row.lane != "P1"} == {State.POSTED}
        assert world.row("P1-M").why == "503"
        # A system that answers nobody but this document would look dead; others keep it alive.
        async with world.running():
            for at in range(200):
                await world.accept(project(f"X{at}"))
                await asyncio.sleep(5)

    world = play(body)
    world.check()
    dead = [row for row in world.rows if row.state is State.DEAD]
    assert [(row.name, row.code, row.attempts) for row in dead] == [("P1-M", "exhausted", 8)]


def test_a_dead_letter_is_replayed(play: Play) -> None:
    """What a person mended goes again, and only that."""

    async def body(world: World) -> None:
        await world.accept(project("P1"), project("P2"))
        world.erp.poison = {"P1"}
        await world.settle()
        assert world.row("P1").state is State.REFUSED
        world.erp.poison = set()
        found = await world.journal.find("P1")
        await world.journal.replay(found, route="pinned", by="controller", why="cost centre opened")
        await world.settle()

    world = play(body)
    world.check()
    assert world.states() == {"posted": 2}


def test_a_missing_prerequisite_is_waited_for_then_refused(play: Play) -> None:
    """Time waits for its project, says so, goes soon after it came; after a day it is refused."""

    async def body(world: World) -> None:
        await world.accept(time_entry("E1", "P1"), time_entry("E2", "P9"))
        async with world.running():
            await asyncio.sleep(3000)
            for row in await world.look():
                assert (row.state, row.attempts) == (State.QUEUED, 0)
            assert world.row("E1").why == "waits for project P1 in erp"
            assert 10 < len(world.row("E1").events) < 25
            await world.known("project", "P1")
            await asyncio.sleep(320)
            await world.look()
            assert world.row("E1").state is State.POSTED
            await asyncio.sleep(25 * 3600)

    world = play(body)
    assert world.row("E2").code == "prerequisite-missing"
    assert world.erp.ids() == ["E1"]


def test_a_system_says_what_is_missing(play: Play) -> None:
    """A connector's `Missing` waits the same way, and is asked again rather than believed for ever."""

    async def body(world: World) -> None:
        await world.accept(project("P1"), time_entry("E1", "P1"))
        world.erp.missing = {"E1"}
        async with world.running():
            await asyncio.sleep(300)
            await world.look()
            assert world.row("E1").why == "waits for project P1 in erp"
            world.erp.missing = set()
            await world.journal.put_crosswalk(ERP, {("project", "P1"): "made anew"})
            await asyncio.sleep(320)

    world = play(body)
    world.check()
    assert world.erp.kept[-1].refs == {("project", "P1"): "made anew"}


def test_unsupported_kinds_and_operations_are_refused(play: Play) -> None:
    """What a connector doesn't take is refused without a call, and its lane goes on."""

    async def body(world: World) -> None:
        await world.accept(project("P1"))
        await world.accept(milestone("M1", "P1"), verb="cancelled")
        await world.accept(time_entry("E1", "P1"))
        await world.settle()

    world = play(body)
    world.check()
    assert [row.state.value for row in world.rows] == ["posted", "refused", "posted"]
    assert world.row("M1").code == "kind-not-supported"


def test_rejected_credentials_wait_long_and_cost_no_attempt(play: Play) -> None:
    """Nobody hammers a system that rejects our credentials, and no document pays for it."""

    async def body(world: World) -> None:
        await a_firm(world, projects=3)
        world.erp.fault = lambda _: "refuse" if world.clock.now() < START + timedelta(hours=1) else "ok"
        await world.settle()

    world = play(body)
    world.check()
    assert world.states() == {"posted": 33}
    assert len([1 for at, _ in world.erp.calls if at < START + timedelta(hours=1)]) < 50


def test_a_stale_lease_changes_nothing(play: Play) -> None:
    """A worker that lost its lane in mid-call settles nothing; the new holder looks the document up."""

    async def body(world: World) -> None:
        await world.accept(project("P1"), milestone("M1", "P1"))
        world.journal.lose_extensions = True
        async with world.running():
            await asyncio.sleep(25)
            world.journal.lose_extensions = False
            await world.settle(delivery=world.new_delivery("w2"))
            await asyncio.sleep(200)
        late = [line async for line in world.journal.history(what="came too late")]
        assert late

    world = play(body, latency_s=30, policy=DeliveryPolicy(lease_s=20))
    world.check()
    assert world.erp.ids() == ["P1", "M1"]


def test_long_calls_keep_their_lease(play: Play) -> None:
    """A call longer than the lease is not taken over: the lease is extended at half time."""

    async def body(world: World) -> None:
        await world.accept(project("P1"))
        async with world.running(world.new_delivery("w2")):
            await world.settle()

    world = play(body, latency_s=700)
    world.check()
    assert world.row("P1").events == ("ACCEPTED",)
    assert len(world.erp.calls) == 1


def test_a_failing_journal_only_delays(play: Play) -> None:
    """A database that fails over in the middle of settling makes workers start anew, nothing else."""

    async def body(world: World) -> None:
        await a_firm(world, projects=3)
        world.journal.fail_settling[:] = [True, False, True, False, False]
        await world.settle()
        assert (await world.delivery.status())[ERP].restarts == 2

    world = play(body)
    world.check()
    assert world.states() == {"posted": 33}


def test_a_hanging_call_holds_only_its_own_lane(play: Play) -> None:
    """While one call hangs, every other lane is delivered."""

    async def body(world: World) -> None:
        await a_firm(world, projects=6)
        world.erp.fault = lambda sent: "hang" if sent[0].external_id == "P2-M" else "ok"
        await world.settle(within_s=60)
        assert world.states()["posted"] == 66 - 2

    play(body)


def test_follow_ups_come_with_final_outcomes_only(play: Play) -> None:
    """Posted, refused and dead ask what follows; a shadow does not; a failing follow-up loses nothing."""
    heard: list[tuple[str, str, str]] = []
    failures = iter(range(2))

    async def follow_up(job: Job, answer: Answer) -> FollowUp:
        if job.external_id == "P1" and next(failures, None) is not None:
            raise ZeroDivisionError
        heard.append((job.external_id, job.role, type(answer).__name__))
        return FollowUp()

    async def body(world: World) -> None:
        await world.accept(project("P1"), project("P2"), project("S3"))
        world.erp.poison = {"P2"}
        await world.settle()

    world = play(body, follow_up=follow_up)
    world.check()
    assert sorted(heard) == [("P1", "authority", "Posted"), ("P2", "authority", "SaidNo")]
    assert world.row("P1").events == ("NO_ANSWER", "CANNOT_TELL", "FOUND")


def test_one_seed_gives_one_trace(play: Play) -> None:
    """The same faults and seed give the same calls at the same instants, to the microsecond."""

    async def body(world: World) -> None:
        await a_firm(world)
        await world.settle()

    script: list[Fault] = ["ok", "lost", "throttle", "unavailable", "bug", "ok", "short", "late"]
    one, two = (play(body, script=script) for _ in range(2))
    assert one.erp.calls == two.erp.calls
    assert one.rows == two.rows


def test_a_lane_whose_kinds_take_turns_does_not_stand_still_between_them(play: Play) -> None:
    """A run of one kind is followed by the next as soon as it is settled, not a gathering second later."""
    lasted: list[float] = []

    async def body(world: World) -> None:
        await world.accept(project("P1"))
        await world.settle()
        work = [one for at in range(20) for one in (time_entry(f"T{at}", "P1"), milestone(f"M{at}", "P1"))]
        await world.accept(*work)
        begin = world.clock.now()
        await world.settle()
        lasted.append((world.clock.now() - begin).total_seconds())

    world = play(body)
    world.check()
    calls = 40
    # A call takes 0.3 s. Before a lane said that more waits behind what was claimed, all of it took 51.7 s.
    assert len(world.erp.calls) == calls + 1
    assert lasted[0] < calls * 0.75


def test_an_idle_target_polls_at_most_every_sweep(play: Play) -> None:
    """Nothing to do costs nothing: one poll a sweep, in virtual time and in production."""

    async def body(world: World) -> None:
        async with world.running():
            await asyncio.sleep(3600)
        assert world.journal.polls <= 3600 / world.policy.sweep_s + 1

    play(body)


def test_the_same_on_postgresql(fresh_postgres: Callable[[], str]) -> None:
    """On the wall clock and PostgreSQL, in worker threads, two workers share the lanes: once each, in order."""

    async def main() -> World:
        clock = WallClock()
        world = World(clock, fresh_postgres(), latency_s=0.002, policy=DeliveryPolicy(gather_s=0.01))
        await world.prepare()
        try:
            await a_firm(world, projects=8, entries=3)
            async with world.running(world.new_delivery("w2")):
                await world.settle(within_s=20)
        finally:
            world.journal.close()
        return world

    world = asyncio.run(main())
    world.check()
    assert world.states() == {"posted": 48}


FAULTS: list[Fault] = [
    "ok",
    "lost",
    "late",
    "unavailable",
    "throttle",
    "refuse",
    "bug",
    "unknown",
    "hang",
    "short",
]


@given(
    script=st.lists(st.sampled_from(FAULTS), max_size=25),
    stops=st.lists(st.floats(0.1, 200), max_size=4),
    concurrency=st.integers(1, 5),
)
@settings(deadline=None, max_examples=80)
def test_crashes_and_faults_lose_and_double_nothing(
    play: Play, script: list[Fault], stops: list[float], concurrency: int
) -> None:
    """Whatever the answers and wherever delivery is stopped and started again: once each, in order."""

    async def body(world: World) -> None:
        await a_firm(world, projects=3, entries=3)
        for stop in stops:
            await world.settle(within_s=stop, delivery=world.new_delivery())
        await world.settle(delivery=world.new_delivery("last"))

    patient = DeliveryPolicy(attempts_max=60)
    world = play(body, script=script, limits=Limits(concurrency=concurrency), policy=patient)
    world.check()
    assert world.states() == {"posted": 18}
    assert world.erp.most_at_once <= concurrency
