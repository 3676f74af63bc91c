"""What people do during the rehearsed days, in order of time: requests and intents.

Approvals follow the month-end curve of each entity; billing runs in each entity's evening; deals are
won in office hours; payments arrive after billing. The same firm, window and seed give the same
actions, whatever the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from simulators.firm.actions import Action, Step
from simulators.firm.billing_work import billing_work
from simulators.firm.curve import Curve, local_moment, month_end_curve
from simulators.firm.entities import workdays
from simulators.firm.finance_work import finance_work
from simulators.firm.model import stream
from simulators.firm.psa_work import PsaWork
from simulators.firm.salesforce_rows import WON, opportunity_id

if TYPE_CHECKING:
    from simulators.firm.firm import Firm


def workload(firm: Firm, *, start: datetime, end: datetime, seed: int) -> Iterator[Step]:
    """All actions in [start, end), ordered by time; start and end are aware, in any zone."""
    assert start.tzinfo is not None, start
    assert end.tzinfo is not None, end
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    curves = curves_of(firm, start, end)
    psa = PsaWork(firm, curves, start=start, end=end, seed=seed)
    steps: list[Step] = [*psa.steps(), *_wins(firm, curves, seed)]
    steps += billing_work(firm, curves, ready=psa.ready, start=start, end=end, seed=seed)
    steps += finance_work(firm, start=start, end=end, seed=seed)
    # Sorting is stable: actions of one second keep the order in which they were drawn.
    return iter(sorted((step for step in steps if start <= step.at < end), key=lambda step: step.at))


def curves_of(firm: Firm, start: datetime, end: datetime) -> dict[str, Curve]:
    """Entity → how its people's work arrives in [start, end)."""
    found: dict[str, Curve] = {}
    for code, entity in firm.entities.items():
        last = workdays(firm.month, entity.weekend)[-1]
        found[code] = month_end_curve(
            start=start,
            end=end,
            time_zone=entity.time_zone,
            weekend=entity.weekend,
            last_workday=local_moment(entity.time_zone, last, 12),
        )
    return found


def _wins(firm: Firm, curves: dict[str, Curve], seed: int) -> Iterator[Action]:
    """Sales closes deals up to the last hour of the quarter, weekend or not."""
    system = firm.systems.get("salesforce")
    if system is None:
        return
    rng = stream(seed, "workload/wins")
    for deal in firm.opportunities:
        if deal.project_id is not None:
            continue
        at = curves[deal.entity].draw(rng)
        if at is not None:
            yield Action(
                at=at,
                actor=f"sales:{deal.entity}",
                entity=deal.entity,
                system=system,
                method="PATCH",
                path=f"/services/data/v59.0/sobjects/Opportunity/{opportunity_id(deal.opportunity_id)}",
                json={"StageName": WON},
                expect=204,
                documents=2,
                what="opportunity won",
            )
