"""The oracle: a linear scan with rule-engine itself. Slow, obvious, and used by tests and the bench only."""

from __future__ import annotations

from datetime import date

from router.routing.compiled import Outcome
from router.routing.expression import Raised
from router.routing.facts import Facts, thing
from router.routing.table import RouteTable


def first_match(table: RouteTable, facts: Facts) -> Outcome:
    """The outcome by asking every rule in turn."""
    made = thing(facts)
    on = facts.get("accounting_date")
    freeze: int | None = None
    for number, rule in enumerate(table.rules):
        if (rule.since is not None or rule.until is not None) and not (
            isinstance(on, date) and rule.in_force(on)
        ):
            continue
        try:
            if not rule.condition.holds(made):
                continue
        except Raised as error:
            return Outcome(freeze, None, number, str(error))
        if rule.authority is not None:
            return Outcome(freeze, number)
        if freeze is None:
            freeze = number
    return Outcome(freeze)
