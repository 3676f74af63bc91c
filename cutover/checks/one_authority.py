"""I3: at any moment one table, and so one authority, decides for an entity."""

from __future__ import annotations

from collections.abc import Iterable

from cutover.checks.facts import Decided, Facts, transaction_of

CLAIM = "one authority at any moment for an entity, kind, business date and lineage"
NOT_CHECKED = "whether the rule that decided is the one the business wanted"


def check(facts: Facts) -> tuple[int, Iterable[str]]:
    """An epoch of an entity follows one table, and every authority job goes where it was decided."""
    return len(facts.decisions), [*_tables(facts), *_targets(facts)]


def _tables(facts: Facts) -> Iterable[str]:
    entity = {row.seq: row.legal_entity for row in facts.transactions}
    tables: dict[tuple[str, int], int] = {}
    for row in facts.decisions:
        key = (entity[row.seq], row.epoch)
        known = tables.setdefault(key, row.table_version)
        if known != row.table_version:
            yield f"{key[0]} epoch {key[1]} was decided by tables {known} and {row.table_version} (T{row.seq:012d})"


def _targets(facts: Facts) -> Iterable[str]:
    last: dict[int, Decided] = {}
    for row in facts.decisions:
        last[row.seq] = row
    for job in facts.jobs:
        if job.role == "authority":
            owner = transaction_of(job.job_id)
            decided = last.get(owner)
            if decided is None:
                yield f"T{owner:012d} has an authority job and no decision"
            elif decided.authority != job.target:
                yield f"T{owner:012d} was decided for {decided.authority}, its job goes to {job.target}"
