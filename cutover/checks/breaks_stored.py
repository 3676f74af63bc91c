"""I7: every break that was found is stored, and every control total ties to the minor unit."""

from __future__ import annotations

from collections.abc import Iterable

from cutover.checks.facts import Facts

CLAIM = "every break found is stored and every control total ties to the cent"
NOT_CHECKED = "differences in fields the comparison policy does not name"


def check(facts: Facts) -> tuple[int, Iterable[str]]:
    """Stored breaks are counted against reported ones; trial balances sum to zero per entity."""
    found: list[str] = []
    for comparison in facts.compared:
        stored = facts.breaks.get(str(comparison["run_id"]), 0)
        if stored != comparison["breaks"]:
            found.append(
                f"{comparison['run_id']}: {comparison['breaks']} breaks were found, {stored} are stored"
            )
        if comparison["untied"]:
            found.append(
                f"{comparison['run_id']}: {comparison['untied']} documents do not tie to their lines"
            )
    entities = 0
    for system, books in sorted(facts.trial_balances.items()):
        for entity, accounts in sorted(books.items()):
            entities += 1
            total = sum(accounts.values())
            if total:
                found.append(f"{system} {entity}: debits and credits differ by {total} minor units")
    return len(facts.compared) + entities, found
