"""What a group of documents found missing is known to that group alone, and never newer than what is learnt meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from router.canonical import Document, Money
from router.canonical.examples import example
from router.canonical.kinds import Kind
from router.canonical.masters import Contract, Project
from router.canonical.work import ChangeOrder
from router.clock import WallClock
from router.journal.journal import Journal
from router.journal.port import Submission
from router.workflows.agreements import Agreements
from router.workflows.directory import Directory
from router.workflows.drawdown import Drawdown

Play = Callable[["TwoGateways"], Coroutine[Any, Any, None]]


class SlowAnswers(Journal):
    """A journal whose answers stay on their way for as long as `hold` is not set, as those of a busy PostgreSQL do."""

    hold: asyncio.Event | None = None

    async def documents(self, kind: Kind, ids: Sequence[str]) -> dict[str, Document]:
        """The answer as it was when it was asked for, given later."""
        found = await super().documents(kind, ids)
        if self.hold is not None:
            await self.hold.wait()
        return found

    async def registers(self, names: Sequence[str]) -> dict[str, int]:
        """Likewise."""
        found = await super().registers(names)
        if self.hold is not None:
            await self.hold.wait()
        return found


class TwoGateways:
    """Two journals on one database: `theirs` belongs to another gateway."""

    def __init__(self, url: str) -> None:
        self.ours = SlowAnswers.open(url, clock=WallClock())
        self.theirs = Journal.open(url, clock=WallClock())
        self.directory = Directory(self.ours)

    async def others_accept(self, project: Project, key: str) -> None:
        """Another gateway accepts a master, and its sender is told so."""
        await self.theirs.accept([_submission(project, key)])


def play(tmp_path: Path, body: Play) -> None:
    async def main() -> None:
        world = TwoGateways(f"sqlite:///{tmp_path}/journal.sqlite")
        try:
            await body(world)
        finally:
            world.ours.close()
            world.theirs.close()

    asyncio.run(main())


def _submission(document: Document, key: str) -> Submission:
    return Submission(
        client="test", idempotency_key=key, received=b"{}", source="/test", event_id=key,
        verb="created", document=document, kind=document.kind, deliver=False,
    )  # fmt: skip


def project() -> Project:
    found = example("project")
    assert isinstance(found, Project)
    return found


def test_a_group_does_not_miss_what_an_older_group_missed(tmp_path: Path) -> None:
    """Whoever was told that a project is accepted may send work on it at once, to any gateway."""

    async def body(world: TwoGateways) -> None:
        looked, over = asyncio.Event(), asyncio.Event()
        world.ours.hold = asyncio.Event()

        async def older() -> None:
            with world.directory.group():
                assert await world.directory.find(Project, project().document_id) is None
                looked.set()
                await over.wait()

        task = asyncio.create_task(older())
        await asyncio.sleep(0)
        await world.others_accept(project(), "1")
        with world.directory.group():
            world.ours.hold.set()
            await looked.wait()
            assert await world.directory.find(Project, project().document_id) == project()
        over.set()
        await task

    play(tmp_path, body)


def test_who_is_in_no_group_asks_the_journal(tmp_path: Path) -> None:
    """A change feed that reads beside a long batch is not told that a project is missing which has come since."""

    async def body(world: TwoGateways) -> None:
        looked, over = asyncio.Event(), asyncio.Event()

        async def batch() -> None:
            with world.directory.group():
                await world.directory.foresee([example("time_entry")])
                looked.set()
                await over.wait()

        task = asyncio.create_task(batch())
        await looked.wait()
        named = project().model_copy(update={"document_id": example("time_entry").project_id})  # type: ignore[attr-defined]  # a time entry has one
        await world.others_accept(named, "1")
        assert await world.directory.find(Project, named.document_id) == named
        over.set()
        await task

    play(tmp_path, body)


def test_an_old_answer_does_not_replace_what_was_accepted_meanwhile(tmp_path: Path) -> None:
    """A version read from the journal before a newer one was accepted here does not come to stand in its place."""

    async def body(world: TwoGateways) -> None:
        old, new = project(), project().model_copy(update={"status": "closed"})
        work = example("time_entry").model_copy(update={"project_id": old.document_id})
        await world.others_accept(old, "1")
        for batch in (False, True):
            world.directory = Directory(world.ours)
            world.ours.hold = asyncio.Event()
            find, foresee = world.directory.find(Project, old.document_id), world.directory.foresee([work])
            task: asyncio.Task[Any] = asyncio.create_task(foresee if batch else find)
            (find if batch else foresee).close()
            await asyncio.sleep(0)
            world.directory.learn([new])
            world.ours.hold.set()
            await task
            assert world.directory.get(Project, old.document_id) == new

    play(tmp_path, body)


def test_a_group_does_not_draw_by_terms_an_older_group_asked_for(tmp_path: Path) -> None:
    """Who sends work after a change order was accepted has it counted against the new cap."""

    async def body(world: TwoGateways) -> None:
        drawdown = Drawdown(journal=world.ours, agreements=Agreements(directory=world.directory), limits={})
        contract, order = example("contract"), example("change_order")
        assert isinstance(contract, Contract)
        assert isinstance(order, ChangeOrder)
        world.directory.learn([_capped(contract, 100_00), project()])
        work = _submission(example("time_entry"), "1")
        looked, over = asyncio.Event(), asyncio.Event()
        world.ours.hold = asyncio.Event()

        async def older() -> None:
            with drawdown.group():
                before = (await drawdown.look(work)).draw
                assert before is not None
                assert before.bound_minor == 100_00
                looked.set()
                await over.wait()

        task = asyncio.create_task(older())
        await asyncio.sleep(0)
        agreed = {"lines": _capped(contract, 200_00).lines, "effective": contract.starts}
        world.directory.learn([order.model_copy(update=agreed)])
        with drawdown.group():
            world.ours.hold.set()
            await looked.wait()
            now = (await drawdown.look(work)).draw
        assert now is not None
        assert now.bound_minor == 200_00
        over.set()
        await task

    play(tmp_path, body)


def _capped(contract: Contract, minor: int) -> Contract:
    line = contract.lines[0].model_copy(update={"cap": Money(minor, contract.currency)})
    return contract.model_copy(update={"lines": (line,)})
