"""I5: after a switch returned, nothing is decided by the superseded epoch."""

from __future__ import annotations

from collections.abc import Iterable

from cutover.checks.facts import Facts

CLAIM = "no decision by a superseded epoch after the switch returned"
NOT_CHECKED = "the instant at which the switch's answer reached the person who asked for it"

DECIDING = ("accepted", "decided", "released", "rehomed")
"""Lines of the history that carry the epoch a decision was made in."""


def check(facts: Facts) -> tuple[int, Iterable[str]]:
    """In the journal's own order of writing, an entity's epochs never go back."""
    entity = {row.seq: row.legal_entity for row in facts.transactions}
    current: dict[str, int] = {}
    found: list[str] = []
    checked = 0
    for row in facts.history:
        if row.what == "switched":
            for code, epoch in row.detail["epochs"].items():
                current[code] = int(epoch)
                checked += 1
        elif row.what in DECIDING and row.seq is not None and "epoch" in row.detail:
            code, epoch = entity[row.seq], int(row.detail["epoch"])
            checked += 1
            if epoch != current.get(code, 0):
                found.append(
                    f"T{row.seq:012d} of {code} was decided in epoch {epoch}, {current.get(code, 0)} was in force"
                )
    return checked, found
