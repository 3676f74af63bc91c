"""What a comparison asks of the journal: where it stands, and what is on its way to two ERPs."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from router.journal.journal import Journal
from router.journal.port import Switch
from router.model import Event
from tests.contract.journal_kit import (
    NEW,
    OLD,
    Hands,
    claim,
    drain,
    outcome,
    payment,
    routes,
    submission,
    time_entry,
    with_tables,
)

BOTH = (OLD, NEW)


def test_a_position_moves_with_what_reaches_the_erps_and_with_nothing_else(journal_url: str) -> None:
    """Another entity's work and what is held leave it still; a delivery, a try and a switch do not."""
    clock = Hands()

    async def main() -> None:
        journal = Journal.open(journal_url, clock=clock, decide=routes)
        await with_tables(journal)

        async def at() -> tuple[int, int, int]:
            found = await journal.position(entities=["UK01"], targets=BOTH)
            return found.under_way, found.accepted, found.tries

        assert await at() == (0, 0, 0)
        await journal.switch(Switch(entities=("UK01",), table_version=4, by="me", why="test"))
        await journal.accept([submission(time_entry("T1")), submission(time_entry("T2", entity="US01"))])
        assert await at() == (2, 1, 0)
        await drain(journal, OLD)
        await drain(journal, NEW)
        assert await at() == (0, 1, 2)
        assert (await journal.position(entities=["UK01"], targets=[OLD])).tries == 1
        await journal.switch(Switch(entities=("UK01",), table_version=2, by="me", why="test"))
        await journal.accept([submission(time_entry("T3"))])
        held = await journal.position(entities=["UK01"], targets=BOTH)
        assert (held.under_way, held.accepted, held.tries) == (0, 1, 2)
        assert (held.seq, held.epochs) == (3, {"UK01": 2})
        journal.close()

    asyncio.run(main())


def test_what_moves_is_told_with_its_state_and_the_invoice_it_touches(journal_url: str) -> None:
    """Open deliveries whenever they were accepted; settled ones from an instant on; never another entity's."""
    clock = Hands()

    async def main() -> None:
        journal = Journal.open(journal_url, clock=clock, decide=routes)
        await with_tables(journal)
        await journal.switch(Switch(entities=("UK01",), table_version=4, by="me", why="test"))
        await journal.accept([submission(time_entry("T1")), submission(time_entry("T2", entity="US01"))])
        await drain(journal, OLD)
        clock.turn(3600)
        await journal.accept([submission(payment("PAY-1", "INV-B-1"))])
        (lease,) = [one for one in await claim(journal, OLD) if one.jobs[0].external_id == "PAY-1"]
        await journal.settle([outcome(lease, Event.NO_ANSWER)])

        async def since(minutes: int) -> list[tuple[str, str, str, str, str]]:
            rows = await journal.moving(
                entities=["UK01"], targets=BOTH, since=clock.now() - timedelta(minutes=minutes)
            )
            return [(row.kind, row.external_id, row.role, row.state, row.invoice_id) for row in rows]

        open_now = [
            ("time_entry", "T1", "shadow", "queued", ""),
            ("payment", "PAY-1", "authority", "in_doubt", "INV-B-1"),
            ("payment", "PAY-1", "shadow", "queued", "INV-B-1"),
        ]
        assert await since(0) == open_now
        assert await since(90) == [("time_entry", "T1", "authority", "posted", ""), *open_now]
        assert await journal.moving(entities=[], targets=BOTH, since=clock.now()) == []
        journal.close()

    asyncio.run(main())
