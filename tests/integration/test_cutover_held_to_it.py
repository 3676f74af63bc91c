"""What a live cutover is held to: names, leases, holds and a rollback that was stopped on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cutover.cli.live import told
from cutover.live.hooks import ask
from cutover.live.run import Order, run_id_of, run_live
from cutover.live.standing import proposed, standing
from cutover.live.view import line_of, table_of
from cutover.plan.steps import Hook, Step
from cutover.rollback.port import WayBack as Door
from cutover.runner.controls import RouterControls
from cutover.runner.port import Veto
from cutover.runner.results import StepFailed
from router.clock import WallClock, from_text
from router.errors import BadInput, FourEyes, Overloaded, Refused, Superseded, VendorRefused
from router.journal.journal import Journal
from router.journal.port import Rehoming
from router.journal.run_words import Said
from tests.contract.journal_kit import submission, time_entry
from tests.integration.router_stand import Stand, on_stand
from tests.integration.test_cutover_live import live, of_steps
from tests.integration.test_cutover_rollback import HOME, LIVE, MASTERS, Weekend, plan_of


class Stubborn:
    """A way back whose moving of the authority fails first, or takes its time."""

    def __init__(self, door: Door, fails: list[Exception], watch: Any) -> None:
        self._door = door
        self._fails = fails
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._door, name)

    async def rehome(self, order: Rehoming) -> dict[str, int]:
        """Fail as told, then do it."""
        await self._watch()
        if self._fails:
            raise self._fails.pop(0)
        return await self._door.rehome(order)


class Hindered(Weekend):
    """A weekend whose rollbacks meet what they are given."""

    def __init__(self, stand: Stand, fails: list[Exception]) -> None:
        super().__init__(stand)
        self.fails = fails
        self.leases: list[float] = []

    async def look(self) -> None:
        """How long the lease still lasts, ten minutes from now too."""
        for wait in (0, 600):
            await asyncio.sleep(wait)
            lease = await self.stand.router.journal.run_lease(self.run_id)
            assert lease is not None
            self.leases.append((from_text(lease["until"]) - self.clock.now()).total_seconds())

    def controls(self, journal: Journal) -> RouterControls:
        """With the way back in between."""
        made = super().controls(journal)
        made._way_back = Stubborn(made.way_back(), self.fails, self.look)
        return made


@pytest.mark.parametrize(
    "error", [Refused("somebody sent one again"), Overloaded("it fails over", retry_after_s=1)]
)
def test_a_rollback_that_was_stopped_on_the_way_is_gone_on_with(tmp_path: Path, error: Exception) -> None:
    """Its scope stands frozen under the old table meanwhile: whoever asks next brings that one to its end."""

    async def test(stand: Stand) -> None:
        weekend = Hindered(stand, [error])
        await weekend.switched()
        assert await weekend.work("milestone", "M-1") == LIVE
        if isinstance(error, Overloaded):
            with pytest.raises(Overloaded):
                await weekend.back(entities=("UK01",))
        else:
            first = await weekend.back(entities=("UK01",))
            assert not first.evidence["ok"]
            assert first.evidence["problem"] == "somebody sent one again"
        done = await weekend.back(by="cy", entities=("UK01",))
        assert done.evidence["ok"], done.evidence
        assert done.evidence["moved"]["swapped"] == 1
        assert await weekend.work("milestone", "M-2") == HOME
        other = await weekend.back(entities=("US01",))
        assert other.evidence["entities"] == ["US01"]

    on_stand(tmp_path, test)


def test_a_rollback_that_is_killed_locks_nobody_out_for_long(tmp_path: Path) -> None:
    """Its lease is short and kept while it lives, however long it takes."""

    async def test(stand: Stand) -> None:
        weekend = Hindered(stand, [])
        await weekend.switched()
        assert (await weekend.back()).evidence["ok"]
        assert all(0 < left <= 60 for left in weekend.leases), weekend.leases
        assert len(weekend.leases) == 2

    on_stand(tmp_path, test)


@pytest.mark.parametrize("who", ["a\u200bnn", "ann\u00ad", "ann\ufe0f", "ann\u3164", "ann\nbob", "\u202eann"])
def test_nobody_is_two_people_by_what_cannot_be_seen(tmp_path: Path, who: str) -> None:
    """Names that look the same, or write two lines: not to run, not to approve, not to go back."""
    plan = of_steps({"id": "a", "kind": "freeze"})

    async def test(stand: Stand) -> None:
        journal, weekend = stand.router.journal, Weekend(stand)
        with pytest.raises(BadInput, match="by: no"):
            await journal.say("r", Said(word="approve", by=who, digest=plan.digest()))
        with pytest.raises(BadInput, match="by: no"):
            await live(stand, plan, by=who)
        with pytest.raises(BadInput, match="by: no"):
            await weekend.back("ann", who)
        with pytest.raises(FourEyes):
            await weekend.back("ann lee", "Ａnn  Lee")

    on_stand(tmp_path, test)


def test_a_switch_that_fails_late_is_not_given_back_by_opening_it(tmp_path: Path) -> None:
    """`unwind: give_back` is the way before the switch: after it the documents would go to the new ERP."""
    veto = {"when": "after", "url": "http://nowhere.invalid/"}

    async def test(stand: Stand) -> None:
        weekend = Weekend(stand)
        steps = weekend.plan.model_dump(mode="json", by_alias=True)["steps"]
        switch = next(step for step in steps if step["kind"] == "switch")
        switch |= {"unwind": "give_back", "hooks": [veto]}
        weekend.plan = plan_of().model_copy(
            update={"steps": tuple(Step.model_validate(one) for one in steps)}
        )
        weekend.run_id = run_id_of(weekend.plan)
        journal = stand.router.journal
        await stand.posted(*MASTERS)
        await journal.say(weekend.run_id, Said(word="approve", by="bob", digest=weekend.plan.digest()))

        async def asker(hook: Hook, facts: Mapping[str, Any]) -> Veto:
            return Veto("the bank", f"not after {facts['id']}")

        order = Order(plan=weekend.plan, run_id=weekend.run_id, by="ann", holder="test")
        assert not await run_live(order, journal=journal, controls=weekend.controls, asker=asker)
        (failed,) = [row for row in await journal.steps(weekend.run_id) if row["event"] == "failed"]
        assert failed["data"]["evidence"]["unwind"] == "roll_back"
        assert failed["data"]["evidence"]["rolled_back"]["ok"]
        assert await weekend.work("milestone", "M-1") == HOME

    on_stand(tmp_path, test)


class Interrupted(RouterControls):
    """Controls under which somebody says something in the moment before a step is said to begin."""

    word: Said
    run_id: str
    journal: Journal
    speaks: bool

    async def record(self, run_id: str, step: str, event: str, data: Mapping[str, object]) -> None:
        """Let them speak first, once."""
        if self.speaks and event == "started" and step == "b":
            await self.journal.say(self.run_id, self.word)
        await super().record(run_id, step, event, data)


@pytest.mark.parametrize("step", ["", "b"])
def test_a_hold_that_was_taken_holds(tmp_path: Path, step: str) -> None:
    """Between the look at the log and the beginning too; its deadline does not run meanwhile, and what runs goes on."""
    plan = of_steps(
        {"id": "a", "kind": "manual", "deadline_minutes": 600},
        {"id": "b", "kind": "freeze", "deadline_minutes": 5, "after": ["a"]},
        {"id": "c", "kind": "manual", "deadline_minutes": 600},
    )
    run_id = run_id_of(plan)

    async def test(stand: Stand) -> None:
        router = stand.router
        journal = router.journal
        again: list[int] = []

        def controls(mine: Journal) -> RouterControls:
            made = Interrupted(
                journal=mine, tables=router.tables, dual_run=router.dual_run, clock=router.close._clock
            )
            made.word, made.run_id, made.journal = Said(word="hold", by="cy", step=step), run_id, journal
            made.speaks = not again
            return made

        await journal.say(run_id, Said(word="approve", by="bob", digest=plan.digest()))
        order = Order(plan=plan, run_id=run_id, by="ann", holder="test")
        running = asyncio.ensure_future(run_live(order, journal=journal, controls=controls))
        await asyncio.sleep(60)
        await journal.say(run_id, Said(word="done", by="bob", step="a"))
        await asyncio.sleep(3600)
        assert dict(await journal.epochs()) == {}
        running.cancel()
        await asyncio.wait([running])
        again.append(1)
        running = asyncio.ensure_future(run_live(order, journal=journal, controls=controls))
        await asyncio.sleep(60)
        await journal.say(run_id, Said(word="done", by="bob", step="c"))
        await asyncio.sleep(60)
        rows = await journal.steps(run_id)
        assert [row["step"] for row in rows if row["event"] == "done"] == ["a", "c"], "what runs goes on"
        assert dict(await journal.epochs()) == {}, "a runner that starts again finds it held"
        await journal.say(run_id, Said(word="unhold", by="cy", step=step))
        assert await running
        (frozen,) = [
            row for row in await journal.steps(run_id) if (row["step"], row["event"]) == ("b", "done")
        ]
        assert frozen["data"]["evidence"]["held_by"] == ["cy"]

    on_stand(tmp_path, test)


def test_nobody_holds_a_run_there_is_not(journal_url: str) -> None:
    """Who mistyped the run is told so, and does not go to bed believing that it stands."""

    async def main() -> None:
        journal = Journal.open(journal_url, clock=WallClock())
        try:
            for word in ("hold", "unhold", "done", "fail"):
                with pytest.raises(Refused, match="no such run"):
                    await journal.say(
                        "weeknd", Said(word=word, by="ann", step="" if "hold" in word else "a", why="x")
                    )
            assert await journal.steps("weeknd") == []
        finally:
            journal.close()

    asyncio.run(main())


def test_who_lost_the_lease_accepts_nothing(journal_url: str) -> None:
    """Opening balances are accepted, not delivered: that too is a change of the run."""

    async def main() -> None:
        journal = Journal.open(journal_url, clock=WallClock())
        try:
            mine = journal.under("r", await journal.lease_run("r", holder="one", lease_s=0))
            await mine.accept([submission(time_entry("T1"))])
            await journal.lease_run("r", holder="two", lease_s=30)
            with pytest.raises(Superseded):
                await mine.accept([submission(time_entry("T2"))])
            await journal.accept([submission(time_entry("T3"))])
            assert await journal.find("T2") == []
        finally:
            journal.close()

    asyncio.run(main())


@pytest.mark.parametrize("url", ["http://[", "http://a..b/", "http://" + "x" * 70 + ".invalid/"])
def test_an_address_that_is_none_vetoes(url: str) -> None:
    """Whatever is wrong with it: never a yes, and never the end of the runner."""
    found = asyncio.run(ask(Hook(url=url, timeout_s=5), {}))
    assert found is not None
    assert found.why


def test_a_machine_that_was_asleep_keeps_its_deadlines(tmp_path: Path) -> None:
    """Its timers stood still; by the clock the step is late, and fails as soon as the machine is awake."""
    plan = of_steps({"id": "a", "kind": "manual", "deadline_minutes": 60})
    run_id = run_id_of(plan)

    async def test(stand: Stand) -> None:
        router = stand.router

        class Woken:
            """A clock that is hours ahead of the timers."""

            ahead = timedelta(0)

            def now(self) -> datetime:
                return router.close._clock.now() + self.ahead

        clock = Woken()

        def controls(mine: Journal) -> RouterControls:
            return RouterControls(journal=mine, tables=router.tables, dual_run=router.dual_run, clock=clock)

        await router.journal.say(run_id, Said(word="approve", by="bob", digest=plan.digest()))
        order = Order(plan=plan, run_id=run_id, by="ann", holder="test")
        running = asyncio.ensure_future(run_live(order, journal=router.journal, controls=controls))
        await asyncio.sleep(60)
        assert not running.done()
        Woken.ahead = timedelta(hours=3)
        async with asyncio.timeout(60):
            assert not await running
        (failed,) = [row for row in await router.journal.steps(run_id) if row["event"] == "failed"]
        assert failed["data"]["why"] == "not done within its deadline of 60 minutes"

    on_stand(tmp_path, test)


def test_an_erp_that_refuses_fails_one_step_and_not_the_run(tmp_path: Path) -> None:
    """The step fails and is unwound; what runs beside it goes on."""
    plan = of_steps({"id": "a", "kind": "drain"}, {"id": "b", "kind": "manual"})
    run_id = run_id_of(plan)

    async def test(stand: Stand) -> None:
        router = stand.router

        class Refusing(RouterControls):
            """Whose backlog can't be asked."""

            async def backlog(self, *_: Any) -> Any:
                raise VendorRefused("no permission")

        def controls(mine: Journal) -> RouterControls:
            return Refusing(
                journal=mine, tables=router.tables, dual_run=router.dual_run, clock=router.close._clock
            )

        await router.journal.say(run_id, Said(word="approve", by="bob", digest=plan.digest()))
        order = Order(plan=plan, run_id=run_id, by="ann", holder="test")
        running = asyncio.ensure_future(run_live(order, journal=router.journal, controls=controls))
        await asyncio.sleep(60)
        await router.journal.say(run_id, Said(word="done", by="bob", step="b"))
        assert not await running
        ended = {
            row["step"]: row["event"]
            for row in await router.journal.steps(run_id)
            if row["event"] in ("done", "failed")
        }
        assert ended == {"a": "failed", "b": "done"}

    on_stand(tmp_path, test)


def test_a_part_goes_back_only_while_both_erps_hold_all_of_it(tmp_path: Path) -> None:
    """Time alone, fed to the new ERP no more: what bills there would find nothing to bill."""

    async def test(stand: Stand) -> None:
        weekend = Weekend(stand)
        await weekend.switched()
        before = dict(await stand.router.journal.epochs())
        with pytest.raises(StepFailed, match="can't go back without expense_item"):
            await weekend.back(kinds=("time_entry",), to="legacy")
        assert dict(await stand.router.journal.epochs()) == before
        assert "problem" not in (await weekend.back(kinds=("time_entry",))).evidence

    on_stand(tmp_path, test)


@pytest.mark.parametrize("why", ["[/red]", "[bold", "one\ndone  emea  by the CFO"])
def test_what_people_write_is_shown_and_is_nothing_else(why: str) -> None:
    """No markup that ends the run, no line that looks like one of ours."""
    plan = of_steps({"id": "a", "kind": "manual"})
    at = "2026-10-30T09:00:00.000000Z"
    rows: list[dict[str, Any]] = [
        {"step": "", "event": "proposed", "at": at, "data": proposed(plan, why.split("\n", maxsplit=1)[0])},
        {"step": "a", "event": "started", "at": at, "data": {"at": at}},
        {"step": "", "event": "held", "at": at, "data": {"by": why.split("\n", maxsplit=1)[0], "why": why}},
        {
            "step": "a",
            "event": "failed",
            "at": at,
            "data": {"ended": at, "why": why, "gates": [], "evidence": {}},
        },
    ]
    found = standing(plan, "r", rows, now=from_text(at))
    shown = Console(file=StringIO(), width=200)
    shown.print(table_of(found))
    assert all("\n" not in (line_of(row) or "") for row in rows[1:])
    assert not any("\n" in line for line in told(found) if "HELD" not in line)
