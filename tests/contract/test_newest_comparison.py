"""Which comparison on record a gate may rest on: one that looked at all of its scope."""

from __future__ import annotations

import asyncio

from router.dualrun.lifecycle import Scope as Looked
from router.journal.break_states import BreakRun
from router.journal.journal import Journal
from router.journal.port import Scope
from tests.contract.journal_kit import NEW, OLD, Hands


def test_a_comparison_of_a_part_says_nothing_of_the_rest(journal_url: str) -> None:
    """Of other entities, one business unit, or fewer kinds: an older one that saw all of the scope counts."""
    clock = Hands()
    every = ("time_entry", "invoice")

    async def main() -> None:
        journal = Journal.open(journal_url, clock=clock)

        async def compared(name: str, **looked: tuple[str, ...]) -> None:
            clock.turn(60)
            scope = Looked.dual_run(
                OLD, NEW, entities=looked.get("entities", ("UK01", "US01")), kinds=looked.get("kinds", every),
                since="2000-01-01", until="9999-12-31", business_units=looked.get("units", ()),
            )  # fmt: skip
            await journal.store_run(BreakRun(run_id=name, scope=scope), [])

        async def newest(*kinds: str, **scope: tuple[str, ...]) -> str | None:
            found = await journal.newest_run(
                f"dual-run:{OLD}:{NEW}", Scope(entities=("UK01",), **scope), kinds or every
            )
            return None if found is None else str(found["run_id"])

        await compared("us", entities=("US01",))
        assert await newest() is None
        await compared("all")
        await compared("unit", units=("CONSULTING",))
        await compared("work", kinds=("time_entry",))
        assert await newest() == "all"
        assert await newest("time_entry") == "work"
        assert await newest(business_units=("CONSULTING",)) == "unit"
        assert await newest(business_units=("CONSULTING", "MANAGED")) == "all"
        journal.close()

    asyncio.run(main())
