"""What gates ask of the journal: what is the old ERP's own history, and what a scope has under way."""

from __future__ import annotations

import asyncio

from router.journal.journal import Journal
from router.journal.port import Scope, Switch
from tests.contract.journal_kit import NEW, OLD, Hands, drain, routes, submission, time_entry, with_tables


def test_only_what_came_before_the_load_is_history(journal_url: str) -> None:
    """Accepted before for the old ERP alone: history. Given to both, or accepted later: it must be compared."""
    clock = Hands()

    async def main() -> None:
        journal = Journal.open(journal_url, clock=clock, decide=routes)
        await with_tables(journal)
        await journal.accept([submission(time_entry("T1")), submission(time_entry("T9", entity="US01"))])
        await drain(journal, OLD)
        clock.turn(600)
        load = clock.now()
        await journal.accept([submission(time_entry("T2"))])
        await journal.switch(Switch(entities=("UK01",), table_version=4, by="me", why="dual run"))
        await journal.accept([submission(time_entry("T3"))])
        await drain(journal, OLD)
        found = await journal.left_behind(["UK01"], legacy=OLD, cloud=NEW, before=load)
        assert found == {("time_entry", "T1")}
        clock.turn(600)
        later = await journal.left_behind(["UK01"], legacy=OLD, cloud=NEW, before=clock.now())
        assert later == {("time_entry", "T1"), ("time_entry", "T2")}
        journal.close()

    asyncio.run(main())


def test_deliveries_and_waits_are_those_of_the_scope(journal_url: str) -> None:
    """Another entity, another kind and another business unit are not counted."""
    clock = Hands()

    async def main() -> None:
        journal = Journal.open(journal_url, clock=clock, decide=routes)
        await with_tables(journal)
        await journal.accept([submission(time_entry("T1")), submission(time_entry("T2", entity="US01"))])
        unit = time_entry("T1").business_unit
        begun = clock.now()

        async def counted(scope: Scope) -> tuple[int, int]:
            tallies = await journal.deliveries(scope, (OLD, NEW))
            waits = await journal.waits(scope, (OLD, NEW), since=begun)
            return sum(one.count for one in tallies), len(waits)

        assert await counted(Scope(entities=("UK01", "US01"))) == (2, 2)
        assert await counted(Scope(entities=("UK01",))) == (1, 1)
        assert await counted(Scope(entities=("UK01",), kinds=("invoice",))) == (0, 0)
        assert await counted(Scope(entities=("UK01",), business_units=(unit,))) == (1, 1)
        assert await counted(Scope(entities=("UK01",), business_units=("OTHER",))) == (0, 0)
        journal.close()

    asyncio.run(main())
