"""The rollback's part of `report.json`: what was gone back with, and what it would have cost at every hour. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cutover.checks import Facts
from cutover.rehearsal.options import Options
from cutover.rehearsal.turned_back import TurnedBack
from cutover.rollback.over_time import over_time
from cutover.runner.results import WayBack
from router.canonical.money import Money
from router.finance import fx


def rollback_rows(
    options: Options, ways_back: Sequence[WayBack], facts: Facts, home: TurnedBack | None
) -> dict[str, Any]:
    """`done`, `over_time` where anything was switched, and `turned_back` where that was asked for."""
    plan, landscape = options.plan, options.landscape
    group = landscape.group_currency

    def convert(amount: Money) -> Money | None:
        """At the spot rate of the day the plan begins: one rate for the whole curve, or it would move by itself."""
        if group is None:
            return None
        by = fx.rate(landscape.fx_rates, "spot", amount.currency, group, plan.start.date(), group=group)
        return None if by is None else fx.convert(amount, by, group)

    found = over_time(
        facts,
        run_id=plan.name,
        old=plan.source,
        new=plan.target,
        end=plan.end,
        convert=convert,
        group=group,
    )
    return {
        "done": [back.evidence for back in ways_back],
        **({"over_time": found} if found is not None else {}),
        **({"turned_back": home.to_json()} if home is not None else {}),
    }
