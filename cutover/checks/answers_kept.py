"""I6: a repeated request gets its first answer, and does nothing."""

from __future__ import annotations

from collections.abc import Iterable

from cutover.checks.facts import Facts

CLAIM = "a replayed request gets its first answer"
NOT_CHECKED = "requests that were not repeated in this run"


def check(facts: Facts) -> tuple[int, Iterable[str]]:
    """Requests repeated at the end of the run were answered as the first time; no key stands twice."""
    found = [f"{name} was answered differently the second time" for name, same in facts.replays if not same]
    keys: dict[tuple[str, str, str], int] = {}
    for row in facts.transactions:
        key = (row.client, row.source, row.event_id)
        if key in keys:
            found.append(
                f"{row.source} {row.event_id} was accepted as T{keys[key]:012d} and as T{row.seq:012d}"
            )
        keys[key] = row.seq
    return len(facts.replays) + len(keys), found
