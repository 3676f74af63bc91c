"""The feed of business events skips nothing: lines of a lower number may be committed later (PostgreSQL)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from router.clock import WallClock
from router.events_out.feed import START, EventFeed
from router.journal.journal import Journal
from router.journal.port import Switch

INSERT = (
    "INSERT INTO history (seq, at, what, detail) VALUES (NULL, '2026-10-30T12:00:00.000000Z', 'switched', %s)"
)


def detail(entity: str) -> str:
    """The line a switch of an entity writes."""
    return f'{{"epochs":{{"{entity}":1}},"table_version":1,"by":"ann","why":"x"}}'


@contextmanager
def opened(url: str) -> Iterator[tuple[Journal, EventFeed]]:
    """A journal and its feed."""
    journal = Journal.open(url, clock=WallClock())
    try:
        yield journal, EventFeed(journal=journal)
    finally:
        journal.close()


def entities(page: Any) -> list[str]:
    """Whose switch each event tells."""
    return [event["data"]["legal_entity"] for event in page.events]


def test_a_line_committed_late_is_not_skipped(fresh_postgres: Callable[[], str]) -> None:
    """The reader waits for a writer that drew its number first; a mutation that does not wait loses it."""
    url = fresh_postgres()

    async def main() -> None:
        with (
            opened(url) as (_, feed),
            psycopg.connect(url) as slow,
            psycopg.connect(url, autocommit=True) as quick,
        ):
            slow.execute(INSERT, (detail("UK01"),))
            quick.execute(INSERT, (detail("DE01"),))
            reading = asyncio.create_task(feed.page(limit=10))
            await asyncio.sleep(0.15)
            assert not reading.done(), "it waits for the writer under way"
            slow.commit()
            page = await reading
            assert entities(page) == ["UK01", "DE01"]
            quick.execute(INSERT, (detail("SG01"),))
            later = await feed.page(limit=10, after=page.next)
            assert entities(later) == ["SG01"]

    asyncio.run(main())


def test_a_number_that_was_rolled_back_holds_nobody_up(fresh_postgres: Callable[[], str]) -> None:
    """A gap in the numbers is a gap, not something to wait for."""
    url = fresh_postgres()

    async def main() -> None:
        with (
            opened(url) as (_, feed),
            psycopg.connect(url) as slow,
            psycopg.connect(url, autocommit=True) as quick,
        ):
            slow.execute(INSERT, (detail("UK01"),))
            slow.rollback()
            quick.execute(INSERT, (detail("DE01"),))
            assert entities(await feed.page(limit=10)) == ["DE01"]

    asyncio.run(main())


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_pages_are_the_same_on_both_databases(journal_url: str, limit: int) -> None:
    """A line with several events is cut between pages without loss, and read twice gives the same."""

    async def main() -> None:
        with opened(journal_url) as (journal, feed):
            await journal.publish_table("version: 1", version=1, by="ann")
            names = ("UK01", "DE01", "SG01")
            for why in ("rehearsal", "weekend"):
                await journal.switch(Switch(entities=names, table_version=1, by="ann", why=why))
            for _ in range(2):
                found: list[str] = []
                after, more = START, True
                while more:
                    page = await feed.page(limit=limit, after=after)
                    found += [
                        f"{event['data']['legal_entity']} {event['data']['why']}" for event in page.events
                    ]
                    after, more = page.next, page.more
                assert found == [
                    f"{name} {why}" for why in ("rehearsal", "weekend") for name in sorted(names)
                ]
            assert (await feed.page(limit=limit, after=after)).events == ()

    asyncio.run(main())
