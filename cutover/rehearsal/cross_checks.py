"""The cross-checks at the end of a rehearsal, when nothing fails any more and everything came to rest."""

from __future__ import annotations

from datetime import date
from typing import Any

from cutover.rehearsal.world import World

ASKED = {"hours": "psa", "invoices": "crm"}
"""The role of the system a check asks: a landscape that has none has nothing to be checked."""


async def cross_checked(world: World, month: date) -> list[dict[str, Any]]:
    """Every check of the month that was rehearsed, as JSON; mismatches are stored as breaks."""
    landscape = world.options.landscape
    none = {name for name, role in ASKED.items() if not landscape.of_role(role)}
    found: list[dict[str, Any]] = []

    async def ask() -> None:
        router = await world.router()
        checks = await router.cross_checks.run(f"{month.year:04d}-{month.month:02d}", store=True)
        found[:] = [one.to_json() for one in checks if one.name not in none]

    while not await world.while_up(ask()):
        pass
    return found
