"""What two extracts reach: the legal entities they hold and how far their accounting dates go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from router.dualrun.lifecycle import Scope
from router.dualrun.policy import SIDES, Policy, Side
from router.dualrun.workbench import Source, Workbench, literal, quoted

ENTITIES_MOST = 10_000
"""Beyond these a column names no legal entities, and nothing is left out of the scope by it."""


def scope_of(bench: Workbench, policy: Policy, sources: Mapping[Side, Source]) -> Scope:
    """What a comparison can speak for: the legal entities of either extract, as written and in common words."""
    name = policy.role("legal_entity")
    if name is None or any(name not in source.columns for source in sources.values()):
        return Scope()
    words: set[str] = set()
    for side in SIDES:
        words.update(
            word
            for (word,) in bench.rows(
                f"SELECT DISTINCT {quoted(name)} FROM {sources[side].relation} "  # noqa: S608 - quoted
                f"WHERE {quoted(name)} IS NOT NULL ORDER BY 1 LIMIT {ENTITIES_MOST + 1}"
            )
        )
    if len(words) > ENTITIES_MOST:
        return Scope()
    rule = policy.columns.get(name)
    if rule is not None:
        words.update({rule.map[word] for word in words if word in rule.map})
    return Scope(legal_entities=tuple(sorted(words)))


def last_dates(bench: Workbench, policy: Policy, sources: Mapping[Side, Source]) -> dict[Side, date]:
    """The last accounting date of each side; empty where not both can be told: what lies after it came later."""
    name = policy.role("accounting_date")
    rule = policy.columns.get(name) if name is not None else None
    if name is None or rule is None or rule.type != "date":
        return {}
    found: dict[Side, date] = {}
    for side in SIDES:
        form, column = rule.formats.get(side), quoted(name)
        day = f"try_strptime({column}, {literal(form)})" if form else f"TRY_CAST({column} AS TIMESTAMP)"
        last = bench.rows(f"SELECT CAST(max({day}) AS DATE) FROM {sources[side].relation}")[0][0]  # noqa: S608 - quoted
        if last is not None:
            found[side] = last
    return found if len(found) == len(SIDES) else {}
