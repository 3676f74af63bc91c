"""I7: every break that was found is stored, and every control total ties to the minor unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from cutover.checks.facts import Facts

CLAIM = "every break found is stored and every control total ties to the cent"
NOT_CHECKED = "differences in fields the comparison policy does not name"


def check(facts: Facts) -> tuple[int, Iterable[str]]:
    """Stored breaks are counted against reported ones, walks added up again; trial balances sum to zero."""
    found: list[str] = []
    for comparison in facts.compared:
        stored = facts.breaks.get(str(comparison["run_id"]), 0)
        if stored != comparison["breaks"]:
            found.append(
                f"{comparison['run_id']}: {comparison['breaks']} breaks were found, {stored} are stored"
            )
        documents, walks = _untied(comparison)
        if documents:
            found.append(f"{comparison['run_id']}: {documents} documents do not tie to their lines")
        found += [f"{comparison['run_id']}: the walk of {walk} does not arrive" for walk in walks]
    entities = 0
    for system, books in sorted(facts.trial_balances.items()):
        for entity, accounts in sorted(books.items()):
            entities += 1
            total = sum(accounts.values())
            if total:
                found.append(f"{system} {entity}: debits and credits differ by {total} minor units")
    return len(facts.compared) + entities, found


def _untied(comparison: Mapping[str, Any]) -> tuple[int, list[str]]:
    """Documents that do not add up, and control totals whose walk, added up again, does not arrive."""
    walks = [str(name) for name in comparison.get("untied_walks", ())]
    for row in comparison.get("walk", ()):
        steps = {name: Decimal(text) for name, text in row["walk"].items()}
        arrived = Decimal(row["legacy"]) - steps.pop("missing_in_cloud") + sum(steps.values(), Decimal(0))
        if arrived != Decimal(row["cloud"]):
            walks.append(f"{row['kind']} {row['column']} of {' '.join(row['by'].values())}")
    return int(comparison["untied"]) - len(comparison.get("untied_walks", ())), sorted(set(walks))
