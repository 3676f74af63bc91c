"""When a group commit closes: callers a few turns of the loop apart share it, and none waits for ever."""

from __future__ import annotations

import asyncio
from pathlib import Path

from router.journal.journal import Journal
from router.journal.writer import QUIET_TURNS, TURNS_MOST
from tests.contract.journal_kit import Hands, routes, submission, time_entry, with_tables


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_callers_that_come_a_turn_apart_share_a_commit(tmp_path: Path) -> None:
    """A request is read in one turn and handled in the next: those behind still get into the group."""
    commits: list[int] = []

    async def late(journal: Journal, number: int) -> None:
        await _turns(number * (QUIET_TURNS - 1))
        await journal.accept([submission(time_entry(f"T{number}"))])

    async def main() -> None:
        journal = Journal.open(
            f"sqlite:///{tmp_path}/j.sqlite",
            clock=Hands(),
            decide=routes,
            on_commit=lambda when, _: commits.append(1) if when == "after" else None,
        )
        await with_tables(journal)
        commits.clear()
        await asyncio.gather(*(late(journal, number) for number in range(8)))
        journal.close()

    asyncio.run(main())
    assert len(commits) == 1


def test_a_caller_is_answered_though_others_never_stop_coming(tmp_path: Path) -> None:
    """A group that always grows is closed after a bounded number of turns."""

    async def main() -> int:
        journal = Journal.open(f"sqlite:///{tmp_path}/j.sqlite", clock=Hands(), decide=routes)
        await with_tables(journal)
        first = asyncio.create_task(journal.accept([submission(time_entry("first"))]))
        others: list[asyncio.Task[object]] = []
        while not first.done():
            name = f"T{len(others)}"
            others.append(asyncio.create_task(journal.accept([submission(time_entry(name))])))
            await _turns(1)
        await asyncio.gather(*others)
        journal.close()
        return len(others)

    assert asyncio.run(main()) <= TURNS_MOST + 5


def test_a_lone_caller_waits_a_few_turns_only(tmp_path: Path) -> None:
    """Nobody else comes, so the group closes at once."""

    async def main() -> int:
        journal = Journal.open(f"sqlite:///{tmp_path}/j.sqlite", clock=Hands(), decide=routes)
        await with_tables(journal)
        task = asyncio.create_task(journal.accept([submission(time_entry("T1"))]))
        turns = 0
        while not task.done():
            await _turns(1)
            turns += 1
        journal.close()
        return turns

    assert asyncio.run(main()) <= QUIET_TURNS + 5
